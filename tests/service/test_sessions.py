"""Step 6: who holds the token, until when, what the session shows, and how it is marked as used."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from threading import Event
from typing import Any

import pytest
import time_machine

from tests.support.environment import clear_route_cache
from tests.support.fake_aws import DAY, FakeAws, event

NOW = 1_800_000_000
HOUR = 3600


@pytest.fixture
def clock() -> Any:
    """Return a clock that stands still at NOW."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def iso(seconds: int) -> str:
    """Return epoch seconds as the session object shows them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("age", "idle", "status"),
    [
        (0, 0, "action-successful"),
        (7 * DAY, 0, "action-successful"),
        (7 * DAY + 1, 0, "session-expired"),
        (7 * DAY + 0.001, 0, "session-expired"),
        (4 * DAY, 72 * HOUR + 0.001, "session-expired"),
        (7 * DAY + 1, 7 * DAY + 1, "session-expired"),
        (4 * DAY, 72 * HOUR, "action-successful"),
        (4 * DAY, 72 * HOUR + 1, "session-expired"),
        (7 * DAY, 72 * HOUR, "action-successful"),
    ],
)
@pytest.mark.usefixtures("clock")
def test_when_a_session_ends(aws: FakeAws, age: float, idle: float, status: str) -> None:
    """Exactly seven days old or 72 hours unused is still good, a millisecond more is not."""
    created_at, last_used_at = (Decimal(str(NOW - seconds)) for seconds in (age, idle))
    aws.put_session("edge-token", created_at=created_at, last_used_at=last_used_at)
    answer = aws.post(token="edge-token", session_view="default")
    assert answer.status == status
    assert answer.code == (200 if status == "action-successful" else 401)
    assert ("session" in answer.body) is (status == "action-successful")
    assert len(aws.items()) == (status == "action-successful")


@pytest.mark.usefixtures("clock")
def test_what_never_ends(aws: FakeAws) -> None:
    """A remembered session and an application's token have no end."""
    old = {"created_at": NOW - 5000 * DAY, "last_used_at": NOW - 4000 * DAY}
    aws.put_session("kept-token", remember_me=True, **old)
    aws.put_session("app-token", kind="application", **old)
    for token in ("kept-token", "app-token"):
        answer = aws.post(token=token, session_view="default", request_id=token.split("-")[0])
        assert answer.code == 200
        assert answer.body["session"]["expires_at"] is None


def test_no_such_token(aws: FakeAws) -> None:
    """An unknown token and a revoked one get the same response, which reveals no session."""
    aws.tokens.add("nobodys-token")
    unknown, revoked = (
        aws.post(token=token, session_view="full") for token in ("nobodys-token", "revoked-token")
    )
    assert (unknown.status, unknown.code) == ("invalid-token", 401)
    assert unknown.body == revoked.body
    assert "session" not in unknown.body


def test_a_revoked_session_that_also_expired(aws: FakeAws) -> None:
    """Revoked comes before expired, expired before without roles."""
    aws.put_session("both-token", revoked=True, created_at=0, last_used_at=0, roles={})
    assert aws.post(token="both-token").status == "invalid-token"
    aws.put_session("both-token", created_at=0, last_used_at=0, roles={})
    assert aws.post(token="both-token").status == "session-expired"


@pytest.mark.parametrize("token", ["  no-address-token\n", "\tno-address-token "])
def test_a_token_is_trimmed(aws: FakeAws, token: str) -> None:
    """White space around the token is no part of it; the session shows it trimmed."""
    answer = aws.post(token=token, session_view="default")
    assert answer.body["session"]["token"] == "no-address-token"


def test_a_token_of_any_letters(aws: FakeAws) -> None:
    """The key is the SHA-256 of the token's UTF-8, or of a number's decimal text."""
    aws.put_session("tökén-日本", created_at=int(time.time()), last_used_at=int(time.time()))
    assert aws.post(token="tökén-日本").code == 200
    aws.put_session("8423650917", created_at=int(time.time()), last_used_at=int(time.time()))
    assert aws.post(token=8423650917).code == 200


@pytest.mark.parametrize(
    "token", [True, [], {"a": "no-address-token"}, ["no-address-token"], "silent\0token"]
)
def test_a_token_of_another_type(aws: FakeAws, token: Any) -> None:
    """What is no text is invalid, and is not repeated."""
    answer = aws.post(token=token)
    assert answer.param_errors() == {"token": "invalid-param"}
    assert "received" not in answer.body["errors"][0]


@pytest.mark.usefixtures("clock")
def test_the_session_object(aws: FakeAws) -> None:
    """The view `default` shows these fields, `full` adds the user and the roles; none, nothing."""
    fresh = {"created_at": NOW - DAY, "last_used_at": NOW - 10}
    aws.put_session("mine-token", **fresh)
    default = {
        "token": "mine-token",
        "uuid": aws.session("mine-token")["uuid"],  # type: ignore[index]
        "kind": "session",
        "remember_me": False,
        "created_at": iso(NOW - DAY),
        "last_used_at": iso(NOW - 10),
        "expires_at": iso(NOW - 10 + 72 * HOUR),
    }
    assert "session" not in aws.post(token="mine-token").body
    assert aws.post(token="mine-token", session_view="default").body["session"] == default
    aws.put_session("mine-token", email="bo@planomatic.test", **fresh)
    assert aws.post(token="mine-token", session_view=" full ").body["session"] == {
        **default,
        "user": {"id": 45, "name": "Bo Booker", "email": "bo@planomatic.test"},
        "roles": {"planoorder": "client", "planox2": "employee"},
    }


@pytest.mark.usefixtures("clock")
def test_the_session_of_an_application(aws: FakeAws) -> None:
    """What an application's item does not have is null."""
    aws.put_session("mine-token", kind="application")
    session = aws.post(token="mine-token", session_view="full").body["session"]
    assert session["kind"] == "application"
    assert session["user"] == {"id": None, "name": "Bo Booker", "email": None}
    assert session["created_at"] is session["last_used_at"] is session["expires_at"] is None


@pytest.mark.parametrize("roles", [{}, ...])
def test_no_roles(aws: FakeAws, roles: Any) -> None:
    """Without a role the answer is client-required and shows the session, to register with."""
    now = int(time.time())
    aws.put_session("new-token", roles=roles, created_at=now, last_used_at=now)
    answer = aws.post(token="new-token")
    assert (answer.status, answer.code) == ("client-required", 401)
    assert answer.body["session"]["token"] == "new-token"
    assert "user" not in answer.body["session"]
    full = aws.post(token="new-token", session_view="full").body["session"]
    assert full["roles"] == {}


@pytest.mark.parametrize(
    "failing",
    [
        {"order_id": 404},
        {"application": "planoauth"},
        {"uuid": "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"},
    ],
)
def test_a_failure_after_the_token_was_good(aws: FakeAws, failing: dict[str, Any]) -> None:
    """From the point where the token was found good, a failure shows the session too, if asked."""
    aws.post(uuid="7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10", notes="another")
    asked = aws.post(session_view="default", **failing)
    assert asked.status == "invalid-param"
    assert asked.body["session"]["token"] == "no-address-token"
    assert "session" not in aws.post(**failing).body


def test_a_crash_after_the_token_was_good(aws: FakeAws) -> None:
    """So does a crash."""
    aws.faults.inject["PutItem"] = ["refused", "refused"]
    answer = aws.post(session_view="default")
    assert answer.status == "application-crash"
    assert answer.body["session"]["token"] == "no-address-token"


def used_at(aws: FakeAws, token: str) -> int | None:
    """Return when a session was last marked as used."""
    session = aws.session(token)
    return int(session["last_used_at"]) if session else None


@pytest.mark.parametrize(
    ("idle", "is_due"), [(0, False), (299, False), (300, True), (301, True), (HOUR, True)]
)
@pytest.mark.usefixtures("clock")
def test_marking(aws: FakeAws, idle: int, is_due: bool) -> None:
    """A good session is marked at most once in five minutes, and shown as it is after marking."""
    aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - idle)
    answer = aws.post(token="mine-token", session_view="default")
    expected = NOW if is_due else NOW - idle
    assert used_at(aws, "mine-token") == expected
    assert answer.body["session"]["last_used_at"] == iso(expected)
    assert answer.body["session"]["expires_at"] == iso(expected + 72 * HOUR)
    assert ("UpdateItem" in aws.faults.operations()) is is_due


@pytest.mark.usefixtures("clock")
def test_a_conflict_shows_the_session_after_marking(aws: FakeAws) -> None:
    """An answer that follows the write shows the session as marked, whatever came of it."""
    key = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
    aws.post(uuid=key, token="remember_me-token", notes="another")
    aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - HOUR)
    answer = aws.post(token="mine-token", uuid=key, session_view="default")
    assert answer.param_errors() == {"uuid": "invalid-param"}
    assert used_at(aws, "mine-token") == NOW
    assert answer.body["session"]["last_used_at"] == iso(NOW)


@pytest.mark.usefixtures("clock")
def test_what_is_never_marked(aws: FakeAws) -> None:
    """No application, no bad session, and no session whose request was refused before the write."""
    old = {"created_at": NOW - DAY, "last_used_at": NOW - HOUR}
    aws.put_session("app-token", kind="application", **old)
    aws.put_session("gone-token", revoked=True, **old)
    aws.put_session("bare-token", roles={}, **old)
    for token, status in (
        ("app-token", "action-successful"),
        ("gone-token", "invalid-token"),
        ("bare-token", "client-required"),
    ):
        assert aws.post(token=token).status == status
        assert used_at(aws, token) == NOW - HOUR
    assert "UpdateItem" not in aws.faults.operations()


@pytest.mark.usefixtures("clock")
def test_a_remembered_session_is_marked(aws: FakeAws) -> None:
    """A session that never ends is marked all the same."""
    aws.put_session(
        "mine-token", remember_me=True, created_at=NOW - 900 * DAY, last_used_at=NOW - 30 * DAY
    )
    aws.post(token="mine-token")
    assert used_at(aws, "mine-token") == NOW


@pytest.mark.parametrize("fault", ["refused", "down"])
@pytest.mark.usefixtures("clock")
def test_a_failure_to_mark(aws: FakeAws, fault: str) -> None:
    """A failure to mark is logged and changes nothing."""
    aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - HOUR)
    aws.faults.inject["UpdateItem"] = [fault, fault]
    answer = aws.post(token="mine-token", session_view="default")
    assert (answer.status, answer.body["saved"]) == ("action-successful", True)
    assert answer.body["session"]["last_used_at"] == iso(NOW - HOUR)
    assert aws.line("session not marked as used")["level"] == "WARNING"


@pytest.mark.usefixtures("clock")
def test_a_session_deleted_meanwhile(aws: FakeAws) -> None:
    """A session that is gone when it is to be marked is not made anew."""
    aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - HOUR)
    key = {"token_hash": aws.session("mine-token")["token_hash"]}  # type: ignore[index]

    def delete() -> None:
        aws.dynamodb.Table("sessions").delete_item(Key=key)

    aws.faults.inject["UpdateItem"] = [delete]
    assert aws.post(token="mine-token").code == 200
    assert aws.session("mine-token") is None


@pytest.mark.usefixtures("clock")
def test_a_session_marked_meanwhile(aws: FakeAws) -> None:
    """Another request's newer mark is never set back."""
    aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - HOUR)

    def mark() -> None:
        aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW + 1)

    aws.faults.inject["UpdateItem"] = [mark]
    assert aws.post(token="mine-token").code == 200
    assert used_at(aws, "mine-token") == NOW + 1


def test_marking_goes_beside_the_write(aws: FakeAws) -> None:
    """The write does not wait for the mark: a mark that is slow to start is written after it."""
    now = int(time.time())
    aws.put_session("mine-token", created_at=now - DAY, last_used_at=now - HOUR)
    written, waited = Event(), list[bool]()
    aws.faults.inject["PutItem"] = [written.set]
    aws.faults.inject["UpdateItem"] = [lambda: waited.append(written.wait(60))]
    assert aws.post(token="mine-token").code == 200
    assert aws.faults.operations()[0] == "BatchGetItem"
    assert sorted(aws.faults.operations()[1:]) == ["PutItem", "UpdateItem"]
    assert waited == [True]
    assert used_at(aws, "mine-token") == now


def test_deciding_the_role(aws: FakeAws) -> None:
    """`application` names the role; without it, the first application by name that is permitted."""
    assert aws.post(application="planox2").code == 200
    assert aws.item()["role"] == "employee"
    assert aws.item()["application"] == "planox2"
    aws.open_route(permissions=["employee"])
    clear_route_cache()
    answer = aws.post(request_id="req-2")
    assert answer.body["data"]["appointment"]["application"] == "planox2"
    assert {(item["role"], item["application"]) for item in aws.items()} == {
        ("employee", "planox2")
    }


@pytest.mark.parametrize("applications", list(permutations(["planoauth", "planoorder", "planox2"])))
def test_the_first_application_by_name(aws: FakeAws, applications: tuple[str, ...]) -> None:
    """The order of the names decides, in whatever order the table returns the roles."""
    fresh = {"created_at": int(time.time()), "last_used_at": int(time.time())}
    roles = dict.fromkeys(applications, "client")
    aws.put_session("mine-token", **fresh, roles={**roles, "planoauth": "liaison"})
    assert aws.post(token="mine-token").code == 200
    assert aws.item()["application"] == "planoorder"
    del roles["planoauth"]
    aws.put_session("mine-token", **fresh, roles=roles)
    [refused] = aws.post(token="mine-token", application="planoauth").body["errors"]
    assert "you have one in planoorder, planox2." in refused["message"]


@pytest.mark.parametrize(
    ("application", "message"),
    [
        ("planoauth", "You have no role in planoauth"),
        ("planoorder", "Your role in planoorder, client, may not create appointments."),
        (None, "None of your roles may create appointments."),
    ],
)
def test_no_role_that_may(aws: FakeAws, application: str | None, message: str) -> None:
    """The message says whether the user has no role there or the role may not."""
    aws.open_route(permissions=["liaison"])
    answer = aws.post(application=application)
    assert (answer.status, answer.param_errors()) == (
        "invalid-param",
        {"application": "invalid-param"},
    )
    [error] = answer.body["errors"]
    assert message in error["message"]
    assert error.get("received") == application
    assert aws.items() == []


def test_an_application_the_contract_does_not_know(aws: FakeAws) -> None:
    """Another slug is invalid in step 5 already, before the token is looked at."""
    aws.tokens.add("nobodys-token")
    answer = aws.post(token="nobodys-token", application="planotv")
    assert answer.param_errors() == {"application": "invalid-param"}
    assert "planoauth, planoorder, planox2" in answer.body["errors"][0]["message"]


def test_the_session_is_read_from_its_hash(aws: FakeAws) -> None:
    """The token itself goes nowhere: what is asked of the table is its hash."""
    aws.send(event(token="no-address-token"))
    assert "no-address-token" not in repr(aws.faults.calls)
    assert aws.session()["token_hash"] in repr(aws.faults.calls)  # type: ignore[index]
