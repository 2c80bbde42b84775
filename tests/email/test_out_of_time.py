"""Section 8.8: whatever hangs, the response comes in time, and what does not fit is left undone."""

from typing import Any
from unittest.mock import patch

import pytest

from appointments.email import circuit, outbox
from tests.support.email_harness import EmailHarness

LIMIT = 29


def hang(harness: EmailHarness) -> Any:
    """Return a call that never ends: the process's timer has to end it."""

    def wait(*_: Any, **__: Any) -> Any:
        harness.clock.sleep(LIMIT)
        raise AssertionError("nothing ended the call")

    return wait


def test_a_mark_that_hangs_changes_no_response(harness: EmailHarness) -> None:
    """The email was sent, and the response says so; the lease stays, so Mandrill is asked later."""
    with patch.object(outbox, "save_result", hang(harness)):
        answered = harness.create()
    assert answered.status == "action-successful"
    assert answered.body["data"]["email"]["status"] == "sent"
    assert harness.item()["email_status"] == "pending"
    assert len(harness.lines("email not marked")) == 1
    harness.wait(121)
    harness.schedule()
    assert harness.item()["email_status"] == "sent"
    assert harness.account.calls == ["send", "search"]


def test_a_breaker_that_hangs_changes_no_response(harness: EmailHarness) -> None:
    """The failure of the email is the response, and the item is marked."""
    harness.account.refusals = ["GeneralError"]
    with patch.object(circuit, "record_outcome", hang(harness)):
        answered = harness.create()
    assert answered.status == "mandrill-email-failed"
    assert answered.body["data"]["email"]["reason"] == "mandrill-unavailable (GeneralError)"
    assert harness.item()["email_status"] == "failed"


def test_a_notification_that_does_not_fit_is_logged(harness: EmailHarness) -> None:
    """If SNS hangs, the response stays, and the log has the notification."""
    with patch("appointments.notifier.publish", hang(harness)):
        answered = harness.create(photographer_user_id=502)
    assert answered.status == "mandrill-email-failed"
    assert len(harness.lines("notification not published")) == 1
    assert harness.count("NotificationFailed") == 1


@pytest.mark.parametrize(
    ("call", "saved"),
    [
        ("appointments.tables.base.read_batch", False),
        ("appointments.tables.appointments.write", None),
        ("appointments.email.recipients.deliver", True),
    ],
)
def test_what_hangs_before_a_result_is_a_crash(
    harness: EmailHarness, call: str, *, saved: bool | None
) -> None:
    """What cannot end in time is application-crash, with `saved` as known."""
    with patch(call, hang(harness)):
        answered = harness.create()
    assert (answered.status, answered.body["saved"]) == ("application-crash", saved)


def test_a_run_that_hangs_ends(harness: EmailHarness) -> None:
    """A schedule run ends before its time is up, and says what it did."""
    harness.put_overdue(2)
    with patch.object(outbox, "acquire_lease", hang(harness)):
        done = harness.schedule()
    assert done == {"emails": 0, "notifications": 0, "searches": 0, "failed": 0}


def test_a_settle_that_hangs_responds(harness: EmailHarness) -> None:
    """The response has what was settled until then."""
    uuids = harness.put_overdue(2)
    save, saved = outbox.save_result, list[bool]()

    def save_first(*given: Any, **how: Any) -> bool:
        saved.append(save(*given, **how))
        return saved[-1]

    acquire = outbox.acquire_lease

    def acquire_first(*given: Any) -> bool:
        return acquire(*given) if not saved else bool(hang(harness)())

    with (
        patch.object(outbox, "save_result", save_first),
        patch.object(outbox, "acquire_lease", acquire_first),
    ):
        settled = harness.settle(*uuids)
    assert settled[uuids[0]]["status"] == "sent"
    assert settled[uuids[1]] is None
