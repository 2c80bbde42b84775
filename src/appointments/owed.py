"""The schedule: what is still owed is taken up without anyone's help (specification section 8)."""

import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit

from appointments import mailing, notifications, outbox
from appointments.delivery import Email
from appointments.notifications import Notification
from appointments.observability import count, log_keys, logger
from appointments.statuses import Status
from appointments.tables import appointments
from appointments.tables.appointments import MOST_TRIES, Appointment

# Of each of the index's shards, in one run: Mandrill allows twenty searches a minute in all.
_MOST_OF_A_SHARD: Final = 25
_MOST_SEARCHES: Final = 15
# An email and its marks take at most this long; nothing is begun with less time left.
_LONGEST_ITEM: Final = 9.0


def take_up_owed(attempt: str, until: float) -> dict[str, Any]:
    """Publish the notifications and send the emails that are due; return how many of each.

    `attempt` is this invocation's random id, `until` its end (time.monotonic() seconds). What
    there is no time for stays owed.
    """
    done = {"emails": 0, "notifications": 0, "searches": 0, "failed": 0}
    oldest = 0.0
    for uuid in outbox.due(time.time(), _MOST_OF_A_SHARD):
        if time.monotonic() + _LONGEST_ITEM > until:
            break
        request_id = None
        try:
            item = appointments.find(uuid)
            if item is None or item.owed is None:
                continue
            request_id = item.request_id
            oldest = max(oldest, time.time() - datetime.fromisoformat(item.received_at).timestamp())
            with log_keys(request_id=request_id):
                _take_up(item, attempt, until, done)
        except Exception:  # noqa: BLE001 - one item that breaks must not hold up the others
            done["failed"] += 1
            logger.exception("owed, not taken up", uuid=uuid, request_id=request_id)
    count("OldestOwedSeconds", round(oldest), MetricUnit.Seconds)
    return done


def _take_up(item: Appointment, attempt: str, until: float, done: dict[str, int]) -> None:
    for notification in list(item.notifications or ()):
        if notifications.publish(Notification.from_json(notification)):
            outbox.settle(item, notification)
            done["notifications"] += 1
    if item.is_scheduled():
        if item.lease is not None:
            if done["searches"] >= _MOST_SEARCHES:
                return
            done["searches"] += 1
        email = mailing.take_up(item, attempt, until)
        if email is not None:
            done["emails"] += 1
            count("EmailsFailed" if email.is_failure else "EmailsSent")
            if mailing.is_given_up(item, email):
                _give_up(item, attempt, email, done)
    outbox.leave_index(item)


def _give_up(item: Appointment, attempt: str, email: Email, done: dict[str, int]) -> None:
    """Give an email up: the notification is owed before it is published, so it cannot be lost."""
    reason = email.failure_reason
    told = notifications.make(
        Status.MANDRILL_EMAIL_FAILED,
        replace(reason, text=f"the email was given up after {MOST_TRIES} tries: {reason.text}"),
        id_seed=attempt,
        request_id=item.request_id,
        received_at=item.received_at,
        uuid=item.uuid,
        saved=True,
        owner=item.owner,
        recipients=email.recipients,
        photographer=item.api_fields().get("photographer_user_id"),
        recovery="Nothing any more: the email was given up. The replay sends it again.",
    )
    notification = told.to_json()
    mailing.give_up(item, attempt, email, notification)
    count("EmailsGivenUp")
    if notifications.publish(told):
        outbox.settle(item, notification)
        done["notifications"] += 1
