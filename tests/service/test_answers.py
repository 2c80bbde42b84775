"""Section 2: what an answer says, also when something of ours breaks."""

import json
from typing import Any

import pytest

from appointments.statuses import Status
from tests.support.fake_aws import FakeAws, Response

ALWAYS = {"status", "code", "message", "request_id", "saved", "retryable", "warnings"}
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
# What a caller must never see of us.
INTERNAL = ("Traceback", "appointments.", "botocore", "pynamodb", "Exception", "Error(", ".py",
            "dynamodb", "DynamoDB", "sessions", "planned by the test", "lambda")  # fmt: skip


def check(answer: Response, payload: dict[str, Any]) -> None:
    """Hold an answer of any status to what section 2 says of all."""
    body = answer.body
    assert set(body) >= ALWAYS
    status = next(each for each in Status if each.value == body["status"])
    assert answer.code == body["code"] == status.code
    assert body["retryable"] is status.retryable
    assert body["saved"] in (True, False, None)
    said = {
        False: "nothing was saved",
        None: "unknown whether this was saved",
        True: "appointment ",
    }
    assert said[body["saved"]] in body["message"].lower()
    assert answer.headers["X-Request-Id"] == body["request_id"]
    assert {**answer.headers, **HEADERS} == answer.headers
    assert ("Idempotency-Replayed" in answer.headers) is bool(body.get("replayed"))
    assert ("errors" in body) is (status is not Status.ACTION_SUCCESSFUL)
    for fault in body.get("errors", ()):
        assert set(fault) - {"received"} == {"param", "status", "message"}
        assert fault["status"] in ("missing-param", "invalid-param")
        assert len(fault.get("received", "")) <= 100
    for warned in body["warnings"]:
        assert set(warned) == {"param", "message"}
    if status.retryable and "uuid" in body:
        assert body["uuid"] in body["message"]
    assert payload["isBase64Encoded"] is False
    json.dumps(json.loads(payload["body"]), allow_nan=False)  # NaN is no JSON


def test_a_success(aws: FakeAws) -> None:
    """A success says what was created, in these keys and no other."""
    answer = aws.post(notes="n", session_view="default", date_strat_local="x")
    assert answer.body == {
        "status": "action-successful",
        "code": 200,
        "message": "The appointment was created.",
        "request_id": "req-1",
        "uuid": answer.body["uuid"],
        "saved": True,
        "retryable": False,
        "replayed": False,
        "data": {
            "appointment": {
                "application": "planoorder",
                "notes": "n",
                "updated_at_mt": "2026-11-22 10:00:00",
                "uuid": answer.body["uuid"],
            },
            "email": {"status": "skipped", "recipients": []},
        },
        "session": answer.body["session"],
        "warnings": [
            {
                "param": "date_strat_local",
                "message": (
                    "There is no such parameter; it was ignored; did you mean date_start_local?"
                ),
            }
        ],
    }
    assert answer.headers == {**HEADERS, "X-Request-Id": "req-1"}
    check(answer, aws.payloads[0])


def test_a_failure(aws: FakeAws) -> None:
    """A failure has every fault at once, with what was received."""
    answer = aws.post(updated_at_mt=None, date_start_local="13/45/2026", confirmed="maybe")
    assert answer.status == "missing-param"
    received = {error["param"]: error.get("received") for error in answer.body["errors"]}
    assert received == {
        "updated_at_mt": None,
        "date_start_local": "13/45/2026",
        "confirmed": "maybe",
    }
    assert "received" not in next(
        error for error in answer.body["errors"] if error["param"] == "updated_at_mt"
    )
    assert "uuid" not in answer.body
    check(answer, aws.payloads[0])


def test_received_is_short(aws: FakeAws) -> None:
    """At most 100 characters of an offending value are repeated, whatever its type."""
    answer = aws.post(
        date_start_local="é" * 5000,
        confirmed=["x" * 5000],
        order_id=10**4000,
        notes={"a": "日" * 500},
    )
    assert {len(error["received"]) for error in answer.body["errors"]} == {100}
    check(answer, aws.payloads[0])


def test_the_uuid_of_a_refused_token(aws: FakeAws) -> None:
    """With an Idempotency-Key the owner decides the key: it is known once the session is."""
    headers = {"content-type": "application/json", "idempotency-key": "k-1"}
    assert "uuid" not in aws.post(token="revoked-token", headers=headers).body
    assert "uuid" in aws.post(token="expired-token", headers=headers).body
    refused = aws.post(order_id=404, headers=headers).body["uuid"]
    assert aws.post(headers=headers).body["uuid"] == refused


def test_warnings_stand_in_failures(aws: FakeAws) -> None:
    """A failure carries its warnings as well."""
    answer = aws.post(date_strat_local="x", order_id=404)
    assert answer.body["warnings"][0]["param"] == "date_strat_local"


BREAKS = [
    "request.Request.require_media_type",
    "validation.read",
    "tables.records.references_of",
    "tables.base.read_batch",
    "tables.routes.load_route",
    "tables.sessions.authenticate",
    "tables.sessions.choose_role",
    "email.sender.Sender.set_first_state",
    "tables.records.require_references",
    "tables.appointments.find",
    "tables.appointments.write",
    "email.sender.Sender.send",
]


@pytest.mark.parametrize("place", BREAKS)
def test_anything_of_ours_that_breaks(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whatever breaks after step 1 is an application-crash that reveals nothing of us."""

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("planned by the test")

    # A record that is gone brings the way past `appointments.find`.
    ids = {"order_id": 404} if place == "tables.appointments.find" else {}
    monkeypatch.setattr(f"appointments.{place}", broken)
    answer = aws.post(uuid="7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10", **ids)
    assert (answer.status, answer.code) == ("application-crash", 500)
    is_saved = place == "email.sender.Sender.send"
    assert answer.body["saved"] is is_saved
    assert ("appointment was saved" in answer.body["message"]) is is_saved
    assert ("nothing was saved" in answer.body["message"]) is not is_saved
    assert not [word for word in INTERNAL if word in aws.payloads[0]["body"]]
    check(answer, aws.payloads[0])
    assert len(aws.notifications()) == 1
    assert "planned by the test" in aws.line("broken")["exception"]
    assert aws.line("broken")["request_id"] == "req-1"


@pytest.mark.parametrize("place", ["decoding.decode", "api_gateway._token"])
def test_a_break_while_decoding(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Once the route is known, a failure in what follows is an application-crash as well."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("planned by the test")

    monkeypatch.setattr(f"appointments.{place}", broken)
    answer = aws.post()
    assert answer.status == "application-crash"
    assert answer.body["request_id"] == "req-1"


def test_a_break_before_the_route(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure before the route is known is an identify-request-error, and is notified."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("planned by the test")

    monkeypatch.setattr("appointments.api_gateway.HttpEvent.check_route", broken)
    answer = aws.post()
    assert answer.status == "identify-request-error"
    check(answer, aws.payloads[0])
    assert len(aws.notifications()) == 1


def test_a_retryable_failure_names_the_uuid(aws: FakeAws) -> None:
    """The message of a failure that may be tried again says with which uuid, safely."""
    aws.faults.inject["BatchGetItem"] = ["refused", "refused"]
    answer = aws.post()
    assert f'"uuid": "{answer.body["uuid"]}"' in answer.body["message"]
    assert aws.post(uuid=answer.body["uuid"], request_id="another").body["replayed"] is False
