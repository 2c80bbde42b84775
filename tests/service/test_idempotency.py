"""Section 4: the same request leads to one appointment, however often it comes."""

import json
import re
from threading import Barrier
from typing import Any

import pytest

from tests.support.fake_aws import FakeAws, event

KEY = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
OTHER = {"user_id": 46, "created_at": 1, "last_used_at": 1, "remember_me": True}


def keyed(key: str | list[str], name: str = "Idempotency-Key") -> dict[str, Any]:
    """Return the headers of a request with an Idempotency-Key."""
    return {"content-type": "application/json", name: key}


@pytest.mark.parametrize(
    "spelling",
    [KEY, KEY.upper(), KEY.replace("-", ""), f"{{{KEY}}}", f"urn:uuid:{KEY}", f" {KEY}\n"],
)
def test_the_uuid_is_the_key(aws: FakeAws, spelling: str) -> None:
    """The `uuid` parameter decides the key, stored in lower case with hyphens; repeats say so."""
    first = aws.post(uuid=spelling)
    assert first.body["uuid"] == first.body["data"]["appointment"]["uuid"] == KEY
    assert "Idempotency-Replayed" not in first.headers
    again = aws.post(uuid=KEY, request_id="another")
    assert (again.code, again.body["replayed"]) == (200, True)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.body["data"] == first.body["data"]
    assert aws.item()["request_id"] == "req-1"


@pytest.mark.parametrize("spelling", ["nope", "0" * 32, "f" * 32, KEY[:-1], f"{{{KEY}", 5])
def test_no_uuid(aws: FakeAws, spelling: Any) -> None:
    """What is no UUID, nil or max is at fault."""
    assert aws.post(uuid=spelling).param_errors() == {"uuid": "invalid-param"}


def test_a_repeat_of_another_moment(aws: FakeAws) -> None:
    """A retry's new time of sending is no other content; the stored one stays."""
    aws.post(uuid=KEY, updated_at_mt="10:00", updated_at="2027-01-05 10:00")
    again = aws.post(uuid=KEY, updated_at_mt="10:01", updated_at="2027-01-05 10:01")
    assert again.body["replayed"] is True
    assert again.body["data"]["appointment"]["updated_at_mt"] == "10:00"


def test_a_repeat_in_other_words(aws: FakeAws) -> None:
    """The content is compared normalised: other spellings of the same values are the same."""
    aws.post(uuid=KEY, date_start_local="2027-01-05", confirmed=True, order_id=1001, notes="a\nb")
    again = aws.post(
        uuid=KEY,
        date_start_local="1/5/2027",
        month_first="1",
        confirmed="yes",
        order_id="1001",
        notes="a\r\nb",
        summary="",
        session_view="full",
    )
    assert again.body["replayed"] is True


def test_nothing_is_written_by_a_repeat(aws: FakeAws) -> None:
    """A repeat leaves the item exactly as it was."""
    aws.post(uuid=KEY)
    before = aws.item()
    aws.post(uuid=KEY, request_id="another", updated_at_mt="later")
    assert aws.item() == before


@pytest.mark.parametrize(
    "by", [{"uuid": KEY}, {"headers": keyed("k-1")}], ids=["uuid", "Idempotency-Key"]
)
def test_a_conflict(aws: FakeAws, by: dict[str, Any]) -> None:
    """Other content under the same key is refused, and the stored appointment is left as it was."""
    aws.post(notes="the first", **by)
    before = aws.item()
    answer = aws.post(notes="the second", request_id="another", **by)
    param = "uuid" if "uuid" in by else "Idempotency-Key"
    assert (answer.status, answer.param_errors()) == ("invalid-param", {param: "invalid-param"})
    assert answer.body["saved"] is False
    assert "replayed" not in answer.body
    assert "Idempotency-Replayed" not in answer.headers
    assert aws.item() == before


@pytest.mark.parametrize("notes", ["the secret", "a guess"])
def test_another_owners_uuid_reveals_nothing(aws: FakeAws, notes: str) -> None:
    """To another owner the answer is the same whether they guessed the content or not."""
    aws.post(uuid=KEY, notes="the secret", request_id="theirs")
    aws.put_session("stranger-token", **OTHER)
    before = aws.item()
    answer = aws.post(token="stranger-token", uuid=KEY, notes=notes, request_id="mine")
    assert (answer.code, answer.param_errors()) == (400, {"uuid": "invalid-param"})
    assert answer.body["saved"] is False
    assert "data" not in answer.body
    assert set(answer.body) == {
        *("status", "code", "message", "request_id", "uuid"),
        *("saved", "retryable", "errors", "warnings"),
    }
    assert not {"secret", "theirs", "Bo"} & set(re.findall(r"\w+", json.dumps(answer.body)))
    assert aws.item() == before
    owner = aws.post(uuid=KEY, notes="another", request_id="mine")
    assert owner.body == answer.body


def test_another_owners_uuid_and_a_bad_reference(aws: FakeAws) -> None:
    """With a reference that does not exist, the response has the error of the reference alone."""
    aws.post(uuid=KEY, order_id=1001)
    aws.dynamodb.Table("records").delete_item(Key={"record": "order#1001"})
    aws.put_session("stranger-token", **OTHER)
    answer = aws.post(token="stranger-token", uuid=KEY, order_id=1001)
    assert answer.param_errors() == {"order_id": "invalid-param"}


def test_a_record_gone_since(aws: FakeAws) -> None:
    """A repeat of what was saved is answered as the first was, even if its records have gone."""
    ids = {
        "order_id": 1001,
        "order_request_id": 2001,
        "order_request_appt_id": 3001,
        "photographer_user_id": 503,
    }
    first = aws.post(**ids)
    for record in ("order#1001", "order_request#2001", "order_request_appt#3001", "user#503"):
        aws.dynamodb.Table("records").delete_item(Key={"record": record})
    again = aws.post(**ids)
    assert (again.code, again.body["replayed"]) == (200, True)
    assert again.body["data"] == first.body["data"]
    answer = aws.post(**ids, notes="something new")
    assert set(answer.param_errors()) == set(ids)
    assert len(aws.items()) == 1


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_an_idempotency_key(aws: FakeAws, name: str) -> None:
    """The header decides the key, quoted or bare, from any session of the same user."""
    first = aws.post(headers=keyed("k-1"))
    for spelling in ("k-1", '"k-1"', '  "k-1" ', "\tk-1"):
        headers = keyed(spelling, name)
        again = aws.post(headers=headers, request_id=spelling, token="remember_me-token")
        assert again.body["uuid"] == first.body["uuid"]
        assert again.body["replayed"] is True


def test_the_uuid_of_a_key_is_the_same_in_every_version(aws: FakeAws) -> None:
    """A retry after a deployment leads to the same uuid, by key and by request id alike."""
    assert aws.post(headers=keyed("k-1")).body["uuid"] == "163de7e4-eed6-5bcd-8d19-a064c630a3f7"
    assert aws.post().body["uuid"] == "ce9cb163-ee45-51a6-8376-b0be85b63756"


def test_an_idempotency_key_of_another_user(aws: FakeAws) -> None:
    """The same key from another user is another appointment, and reveals nothing of the first."""
    aws.put_session("stranger-token", **OTHER)
    first = aws.post(headers=keyed("k-1"))
    second = aws.post(headers=keyed("k-1"), token="stranger-token")
    assert second.body["replayed"] is False
    assert second.body["uuid"] != first.body["uuid"]
    assert len(aws.items()) == 2


def test_an_idempotency_key_of_applications(aws: FakeAws) -> None:
    """An application has no user: its session owns what it creates."""
    aws.put_session("app-token", kind="application")
    uuids = {
        aws.post(headers=keyed("k-1"), token=token).body["uuid"]
        for token in ("application-token", "app-token", "application-token")
    }
    assert len(uuids) == len(aws.items()) == 2


@pytest.mark.parametrize("blank", ["", "  ", '""', '" "'])
def test_a_blank_idempotency_key(aws: FakeAws, blank: str) -> None:
    """A blank key is not passed: the request id and the content decide."""
    first = aws.post(headers=keyed(blank))
    second = aws.post(headers=keyed(blank), request_id="another")
    assert second.body["replayed"] is False
    assert first.body["uuid"] != second.body["uuid"]


def test_a_key_that_is_one_quote(aws: FakeAws) -> None:
    """A single quote is a bare key: it quotes nothing."""
    first = aws.post(headers=keyed('"'))
    again = aws.post(headers=keyed('"'), request_id="another")
    assert (again.body["uuid"], again.body["replayed"]) == (first.body["uuid"], True)


def test_a_blank_header_beside_a_real_one(aws: FakeAws) -> None:
    """A blank value of a header that is sent twice is not passed: the other one counts."""
    first = aws.post(headers=keyed("k-1"))
    sent = event(token="no-address-token", request_id="another", headers=keyed("k-1"))
    sent["headers"]["IDEMPOTENCY-KEY"] = " "
    assert aws.send(sent).body["uuid"] == first.body["uuid"]


def test_the_length_of_an_idempotency_key(aws: FakeAws) -> None:
    """255 characters are taken, quoted or bare; 256 are at fault, unless a uuid decides."""
    assert aws.post(headers=keyed("k" * 255)).code == 200
    assert aws.post(headers=keyed('"' + "k" * 255 + '"')).body["replayed"] is True
    answer = aws.post(headers=keyed("k" * 256))
    assert answer.param_errors() == {"Idempotency-Key": "invalid-param"}
    assert answer.body["errors"][0]["received"] == "k" * 100
    answer = aws.post(headers=keyed("k" * 256), updated_at_mt="", order_id="x")
    assert (answer.status, set(answer.param_errors())) == (
        "missing-param",
        {"Idempotency-Key", "updated_at_mt", "order_id"},
    )
    assert aws.post(headers=keyed("k" * 256), uuid=KEY).code == 200


@pytest.mark.parametrize("key", ["a\ud800\nb", "a\nb", "a\0b"])
def test_an_idempotency_key_that_no_header_can_hold(aws: FakeAws, key: str) -> None:
    """A key that could not have come over HTTP is at fault, and answer and log are still UTF-8."""
    answer = aws.post(headers=keyed(key))
    assert answer.param_errors() == {"Idempotency-Key": "invalid-param"}
    assert aws.line("request")["request_id"] == "req-1"


def test_a_key_of_all_letters(aws: FakeAws) -> None:
    """Keys in any language are distinguished."""
    uuids = {aws.post(headers=keyed(key)).body["uuid"] for key in ("ключ", "鍵", "k", "K")}
    assert len(uuids) == 4


def test_two_idempotency_keys(aws: FakeAws) -> None:
    """The same key twice is one; two that differ are one key of their own, in any order."""
    first = aws.post(headers=keyed(["k-1", "k-1"])).body["uuid"]
    assert aws.post(headers=keyed("k-1")).body["uuid"] == first
    both = {aws.post(headers=keyed(keys)).body["uuid"] for keys in (["a", "b"], ["b", "a"])}
    assert len(both) == 1


def test_the_uuid_comes_before_the_header(aws: FakeAws) -> None:
    """Where both are sent, the uuid decides, and it is what a conflict names."""
    assert aws.post(uuid=KEY, headers=keyed("k-1")).body["uuid"] == KEY
    answer = aws.post(uuid=KEY, headers=keyed("k-2"), notes="another")
    assert answer.param_errors() == {"uuid": "invalid-param"}


def test_neither_uuid_nor_header(aws: FakeAws) -> None:
    """The request id with the content decides: a redelivery is one, other content another."""
    first = aws.post()
    assert aws.post(updated_at_mt="later").body["uuid"] == first.body["uuid"]
    assert aws.post(notes="another").body["replayed"] is False
    assert aws.post(request_id="req-2").body["replayed"] is False
    assert len(aws.items()) == 3


def test_a_sent_uuid_takes_up_where_the_answer_left(aws: FakeAws) -> None:
    """A caller who sends the uuid of the response with a new request id repeats the request."""
    uuid = aws.post(headers=keyed("k-1")).body["uuid"]
    assert aws.post(uuid=uuid, request_id="req-2").body["replayed"] is True


@pytest.mark.parametrize("fault", ["lost", "down"])
def test_the_sdk_sends_again(aws: FakeAws, fault: str) -> None:
    """A write whose first answer was lost is sent again, and no conflict with itself."""
    aws.faults.inject["PutItem"] = [fault]
    answer = aws.post()
    assert aws.faults.operations().count("PutItem") == 2
    assert (answer.status, answer.body["saved"]) == ("action-successful", True)
    assert answer.body["replayed"] is False
    assert len(aws.items()) == 1


def test_a_write_without_an_answer_that_arrived(aws: FakeAws) -> None:
    """Where no answer came at all, one consistent read finds the write that arrived."""
    aws.faults.inject["PutItem"] = ["lost", "lost"]
    answer = aws.post()
    assert (answer.code, answer.body["saved"], answer.body["replayed"]) == (200, True, False)
    (_, asked) = aws.faults.calls[-1]
    assert aws.faults.operations()[-1] == "GetItem"
    assert asked["ConsistentRead"] is True
    assert aws.faults.operations().count("GetItem") == 1


def test_a_write_without_an_answer_that_did_not_arrive(aws: FakeAws) -> None:
    """Where the read finds nothing, nothing was saved, and the retry creates it."""
    aws.faults.inject["PutItem"] = ["refused", "refused"]
    answer = aws.post()
    assert (answer.status, answer.body["saved"]) == ("application-crash", False)
    assert "nothing was saved" in answer.body["message"]
    assert answer.body["uuid"] in answer.body["message"]
    again = aws.post(uuid=answer.body["uuid"], request_id="another")
    assert (again.code, again.body["replayed"]) == (200, False)


@pytest.mark.parametrize("fault", ["lost", "refused"])
def test_a_write_with_an_unknown_outcome(aws: FakeAws, fault: str) -> None:
    """Where the read fails too, `saved` is null, and the message says how to find out."""
    aws.faults.inject["PutItem"] = [fault, fault]
    aws.faults.inject["GetItem"] = ["refused", "refused"]
    answer = aws.post()
    assert answer.status == "application-crash"
    assert answer.body["saved"] is None
    assert "it is unknown whether this was saved" in answer.body["message"]
    assert "nothing was saved" not in answer.body["message"]
    assert answer.body["retryable"] is True
    assert f'"uuid": "{answer.body["uuid"]}"' in answer.body["message"]
    again = aws.post(uuid=answer.body["uuid"], request_id="another")
    assert (again.code, again.body["replayed"]) == (200, fault == "lost")
    assert len(aws.items()) == 1


@pytest.mark.parametrize("writes", [["denied"], ["lost", "denied"]])
def test_a_refused_write_whose_read_is_refused_too(aws: FakeAws, writes: list[str]) -> None:
    """A write that was refused at once saved nothing; after a lost response this is unknown."""
    aws.faults.inject["PutItem"] = [*writes]
    aws.faults.inject["GetItem"] = ["throttled", "throttled"]
    answer = aws.post()
    assert answer.status == "application-crash"
    assert answer.body["saved"] is (None if "lost" in writes else False)
    [(_, _, subject, *_)] = aws.notifications()
    assert subject.endswith(": PutItem on appointments: AccessDeniedException")


def test_a_taken_key_whose_item_cannot_be_read(aws: FakeAws) -> None:
    """Only a read can show whether the item under a taken key is from this request."""
    aws.post(uuid=KEY)
    aws.faults.inject["GetItem"] = ["denied"]
    assert aws.post(uuid=KEY).body["saved"] is None


def test_a_lost_write_against_anothers(aws: FakeAws) -> None:
    """A write that lost its response and the race is reported as what is in the table."""
    aws.post(uuid=KEY, notes="the first")
    aws.faults.inject["PutItem"] = ["lost", "lost"]
    answer = aws.post(uuid=KEY, notes="the second")
    assert (answer.param_errors(), answer.body["saved"]) == ({"uuid": "invalid-param"}, False)


@pytest.mark.parametrize("fault", ["refused", "lost", "down"])
def test_a_read_that_fails_once(aws: FakeAws, fault: str) -> None:
    """A read that fails once is tried again."""
    aws.faults.inject["BatchGetItem"] = [fault]
    assert aws.post().code == 200


def test_at_the_same_moment(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twenty deliveries at the same moment one creates, and the others say it was created."""
    # An execution environment has one request at a time, and its metrics are made for that.
    monkeypatch.setattr("appointments.handler.add_metric", lambda *_: None)
    monkeypatch.setattr("appointments.handler.flush_metrics", lambda *_: None)
    together = Barrier(20)
    aws.faults.inject["PutItem"] = [lambda: together.wait(60)] * 20
    payloads = aws.invoke_at_once([event(token="no-address-token")] * 20)
    bodies = [json.loads(payload["body"]) for payload in payloads]
    assert {body["status"] for body in bodies} == {"action-successful"}
    assert sorted(body["replayed"] for body in bodies) == [False] + [True] * 19
    assert len({json.dumps(body["data"]) for body in bodies}) == 1
    assert len(aws.items()) == 1


def test_conflicts_at_the_same_moment(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several contents under one key one is saved, and each other one gets a conflict."""
    monkeypatch.setattr("appointments.handler.add_metric", lambda *_: None)
    monkeypatch.setattr("appointments.handler.flush_metrics", lambda *_: None)
    together = Barrier(8)
    aws.faults.inject["PutItem"] = [lambda: together.wait(60)] * 8
    sent = [event(token="no-address-token", uuid=KEY, notes=str(number)) for number in range(8)]
    bodies = [json.loads(payload["body"]) for payload in aws.invoke_at_once(sent)]
    assert sorted(body["saved"] for body in bodies) == [False] * 7 + [True]
    saved = next(number for number, body in enumerate(bodies) if body["saved"])
    assert aws.item()["notes"] == str(saved)
