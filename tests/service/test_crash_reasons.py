"""Section 9.2: the reason of a crash names the operation, the table or service, and AWS's code."""

from typing import Any

import pytest

from tests.support.fake_aws import FakeAws


@pytest.mark.parametrize(
    ("operation", "fault", "reason"),
    [
        ("PutItem", "denied", "PutItem on appointments: AccessDeniedException"),
        (
            "PutItem",
            "throttled",
            "PutItem on appointments: ProvisionedThroughputExceededException",
        ),
        ("BatchGetItem", "denied", "BatchGetItem on records and sessions: AccessDeniedException"),
        ("BatchGetItem", "refused", "BatchGetItem on records and sessions: ConnectionClosedError"),
        ("BatchGetItem", "down", "BatchGetItem on records and sessions: 500"),
    ],
)
def test_a_call_to_aws(aws: FakeAws, operation: str, fault: str, reason: str) -> None:
    """Whatever AWS says, or does not say, the call is named as people know it."""
    aws.faults.inject[operation] = [fault] * 3
    assert aws.post().status == "application-crash"
    assert aws.line("response")["reason"] == reason


def test_a_write_with_an_unknown_outcome(aws: FakeAws) -> None:
    """If neither the write nor the read after it got a response, one of them is named."""
    aws.faults.inject["PutItem"] = ["lost", "lost"]
    aws.faults.inject["GetItem"] = ["refused", "refused"]
    assert aws.post().body["saved"] is None
    assert aws.line("response")["reason"].endswith("Item on appointments: ConnectionClosedError")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"headers": {}}, "no method or no path"),
        ({"replay": {"message": "request"}}, "no logged request: see params"),
        ([], "no method or no path"),
        ({"replay": 5}, "no logged request: see its text"),
    ],
)
def test_an_event_that_is_no_request(aws: FakeAws, event: Any, reason: str) -> None:
    """The reason names what the event lacks."""
    assert aws.send(event).status == "identify-request-error"
    assert aws.line("response")["reason"].startswith(reason)


def test_an_exception_of_our_own(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect is named by its class alone, since its text could hold anything."""

    def broken(*_: Any) -> None:
        raise LookupError("private words")

    monkeypatch.setattr("appointments.tables.sessions.choose_role", broken)
    aws.post()
    assert aws.line("response")["reason"] == "LookupError"


def test_a_status_that_is_not_notified_has_no_reason(aws: FakeAws) -> None:
    """Only what people are notified of has a reason in the response log entry."""
    aws.post(token="none")
    assert aws.line("response")["reason"] is None
