"""The schedule: pending emails and notifications are processed automatically (section 8.6)."""

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit

from appointments import notifications
from appointments.email import outbox, sender
from appointments.email.state import Trigger
from appointments.notification import Notification
from appointments.observability import add_metric, log_keys, logger
from appointments.tables import appointments
from appointments.tables.appointments import Appointment

# Of each of the index's shards, in one run: Mandrill allows twenty searches a minute in all.
_MAX_PER_SHARD: Final = 25
_MAX_SEARCHES: Final = 15
# An email and its marks take at most so many seconds; nothing begins with less time left.
_MAX_ITEM_SECONDS: Final = 9.0


@dataclass
class _Run:
    """One schedule run: how many of each kind it has processed."""

    emails: int = 0
    notifications: int = 0
    searches: int = 0
    failed: int = 0


def run_schedule(attempt_id: str, deadline: float) -> dict[str, Any]:
    """Publish the notifications and send the emails that are overdue; return how many of each.

    What there is no time for until `deadline` (time.monotonic() seconds) stays pending.
    """
    run, oldest = _Run(), 0.0
    for uuid in outbox.overdue(time.time(), _MAX_PER_SHARD):
        if time.monotonic() + _MAX_ITEM_SECONDS > deadline:
            break
        request_id = None
        try:
            item = appointments.find(uuid)
            if item is None or item.owed is None:
                continue
            request_id = item.request_id
            oldest = max(oldest, time.time() - datetime.fromisoformat(item.received_at).timestamp())
            with log_keys(request_id=request_id):
                _process(item, attempt_id, deadline, run)
        except Exception:  # noqa: BLE001 - one item that breaks must not delay the others
            run.failed += 1
            logger.exception("owed, not taken up", uuid=uuid, request_id=request_id)
    add_metric("OldestOwedSeconds", round(oldest), MetricUnit.Seconds)
    return asdict(run)


def _process(item: Appointment, attempt_id: str, deadline: float, run: _Run) -> None:
    """Publish what is pending of the item, send its email, and remove it from the index."""
    _publish_pending(item, run)
    if item.is_scheduled():
        if item.lease is not None:
            if run.searches >= _MAX_SEARCHES:
                return
            run.searches += 1
        before = set(item.notifications or ())
        state = sender.send(item, Trigger.SCHEDULE, attempt_id, deadline)
        if state.outcome is not None:
            run.emails += 1
            add_metric("EmailsFailed" if state.is_failure else "EmailsSent")
        if set(item.notifications or ()) - before:  # the email was given up
            _publish_pending(item, run)
    outbox.remove_from_index(item)


def _publish_pending(item: Appointment, run: _Run) -> None:
    for notification in list(item.notifications or ()):
        if notifications.publish(Notification.from_json(notification)):
            outbox.remove_pending_notification(item, notification)
            run.notifications += 1
