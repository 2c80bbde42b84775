"""Section 9.2: the reason of a crash names the operation, the table or service, and AWS's code."""

from typing import Any

import pytest

from tests.service.world import World


@pytest.mark.parametrize(
    ("operation", "fate", "reason"),
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
def test_a_call_to_aws(world: World, operation: str, fate: str, reason: str) -> None:
    """Whatever AWS says, or does not say, the call is named as people know it."""
    world.wire.breaks[operation] = [fate] * 3
    assert world.post().status == "application-crash"
    assert world.line("response")["reason"] == reason


def test_a_write_of_which_nobody_knows(world: World) -> None:
    """If neither the write nor the read after it got a response, one of them is named."""
    world.wire.breaks["PutItem"] = ["lost", "lost"]
    world.wire.breaks["GetItem"] = ["refused", "refused"]
    assert world.post().body["saved"] is None
    assert world.line("response")["reason"].endswith("Item on appointments: ConnectionClosedError")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"headers": {}}, "no method or no path"),
        ({"replay": {"message": "request"}}, "no logged request: see params"),
        ([], "no method or no path"),
        ({"replay": 5}, "no logged request: see its text"),
    ],
)
def test_an_event_that_is_no_request(world: World, event: Any, reason: str) -> None:
    """The reason tells what the event lacks."""
    assert world.send(event).status == "identify-request-error"
    assert world.line("response")["reason"].startswith(reason)


def test_an_exception_of_our_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect is named by its class alone, since its text could hold anything."""

    def broken(*_: Any) -> None:
        raise LookupError("private words")

    monkeypatch.setattr("appointments.tables.sessions.choose_role", broken)
    world.post()
    assert world.line("response")["reason"] == "LookupError"


def test_a_status_that_is_not_notified_has_no_reason(world: World) -> None:
    """Only what people are notified of has a reason in the response log entry."""
    world.post(token="none")
    assert world.line("response")["reason"] is None
