"""The comparison after a load finds all that was lost, doubled or made up."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest

from tools.load.compare import compare

ENTRY: Final[dict[str, Any]] = {
    "kind": "mailed",
    "uuid": "u1",
    "content": "c1",
    "has_response": True,
    "status": "action-successful",
    "saved": True,
    "replayed": False,
    "request_id": "r1",
}
ITEM: Final[dict[str, Any]] = {
    "uuid": "u1",
    "notes": "c1",
    "email_status": "sent",
    "email_recipients": [{"email": "paula@photographers.test"}],
}
MAIL: Final[dict[str, Any]] = {
    "to": [{"email": "paula@photographers.test"}],
    "metadata": {"appointment_uuid": "u1"},
}
LOST: Final = {"has_response": False, "status": None, "saved": None, "replayed": None}


class Run:
    """A run in which all went well, to be spoilt."""

    def __init__(self) -> None:
        self.journal: list[dict[str, Any]] = [deepcopy(ENTRY)]
        self.items: list[dict[str, Any]] = [deepcopy(ITEM)]
        self.mails: list[dict[str, Any]] = [deepcopy(MAIL)]
        self.notified: set[str] = set()

    def broken(self) -> set[str]:
        """Return the promises that the comparison finds broken."""
        findings = compare(self.journal, self.items, self.mails, self.notified)
        return {promise for promise, broken in findings.items() if broken}

    def record(self, **more: Any) -> None:
        """Add a response."""
        self.journal.append({**ENTRY, **more})


def test_nothing_is_found_if_all_is_well() -> None:
    """Lost responses, repeats and notified failures break no promise."""
    run = Run()
    run.record(**LOST)
    run.record(replayed=True)
    run.record(status="mandrill-email-failed", replayed=True, request_id="r2")
    run.notified.add("r2")
    run.record(uuid="u2", content="c2", kind="bad", status="invalid-param", saved=False)
    assert not run.broken()


def test_what_is_unknown_may_be_stored_or_not() -> None:
    """A response that was lost, or that says so, is no promise either way."""
    run = Run()
    run.journal = [{**ENTRY, **LOST}]
    assert not run.broken()
    run.items, run.mails = [], []
    assert not run.broken()


def store_under_two_keys(run: Run) -> None:
    """Let one request make two appointments, and report both as saved."""
    run.record(uuid="u2")
    run.items.append({**ITEM, "uuid": "u2", "email_recipients": []})


SPOILT: Final[dict[str, Callable[[Run], object]]] = {
    "what a response calls saved is stored, as it was sent": lambda run: run.record(
        uuid="u9", content="c9"
    ),
    "what a response calls saved is stored once": store_under_two_keys,
    "nothing is stored that a caller could not expect": lambda run: run.journal[0].update(
        status="application-crash", saved=False
    ),
    "at most one response says that its request created it": lambda run: run.record(),
    "what is bad was refused": lambda run: run.journal[0].update(kind="bad"),
    "every email is settled": lambda run: run.items[0].update(owed="3"),
    "each recipient of an appointment got one email": lambda run: run.mails.append(MAIL),
    "no notification is pending": lambda run: run.items[0].update(notifications={"…"}),
    "every email that failed has a notification": lambda run: run.record(
        status="mandrill-email-failed", replayed=True
    ),
}


@pytest.mark.parametrize("promise", SPOILT)
def test_each_broken_promise_is_found(promise: str) -> None:
    """It is named, and no other is."""
    run = Run()
    SPOILT[promise](run)
    assert run.broken() == {promise}


def test_an_email_that_never_arrived_is_found() -> None:
    """An item with the status `sent` is no proof: the mailbox decides."""
    run = Run()
    run.mails.clear()
    assert run.broken() == {"each recipient of an appointment got one email"}


def test_every_promise_has_been_spoilt() -> None:
    """A promise without a case above might never be found broken."""
    run = Run()
    assert set(compare(run.journal, run.items, run.mails, run.notified)) == set(SPOILT)
