"""The life of an appointment's email: tried by its request, taken up again, settled or given up.

Every sender does the same: hold the lease, deliver what is owed (asking Mandrill first where the
email is suspect), mark the outcome. The request that creates an appointment holds the lease by its
write.
"""

import time
from dataclasses import replace
from typing import Final

from pynamodb.exceptions import PynamoDBException

from appointments import delivery, outbox
from appointments.delivery import Email
from appointments.observability import logger, record
from appointments.outbox import LEASE_SECONDS
from appointments.request import iso
from appointments.tables import records
from appointments.tables.appointments import MOST_TRIES, SETTLED, Appointment
from appointments.tables.records import Record

# Seconds from the end of a try to the schedule's next, and from a failed search to the next.
_DELAYS: Final = (60, 240, 900, 3600)
_SEARCH_DELAY: Final = 60


def prepare(item: Appointment, photographer: Record | None, holder: str) -> None:
    """Put the writer and the email's state into a new item: to be sent by `holder`, or skipped."""
    item.attempt = holder
    if delivery.addresses(item, photographer):
        item.email_status, item.email_tries = "pending", 1
        outbox.lend(item, holder, time.time())
    else:
        item.email_status = "skipped"


def deliver_first(
    item: Appointment, photographer: Record | None, holder: str, until: float
) -> Email:
    """Send the email of an item that `holder` has just written; the email's first try."""
    if item.email_status in SETTLED:
        return delivery.stored(item)
    email = delivery.deliver(item, photographer, until, suspect=False)
    due = _next_due(email, 1)
    _log_try(item, email, "request", tries=1, suspect=False)
    _mark(item, holder, email, tries=1, due=due)
    return _with_recovery(email, 1, due)


def resume(item: Appointment, holder: str, until: float, trigger: str) -> Email:
    """Send what an earlier request left outstanding, unless another sender is at it.

    The `trigger` is a caller's `retry` or a `replay`: it uses up no try, and an email that was
    given up is sent too.
    """
    now = time.time()
    if item.email_status in SETTLED or item.has_active_lease(now):
        return delivery.stored(item)
    suspect, planned, photographer = item.lease is not None, item.due, _photographer(item)
    if not outbox.claim(item, holder, now, counts=False):
        return delivery.stored(item)
    email = delivery.deliver(item, photographer, until, suspect=suspect)
    tries = int(item.email_tries or 0)
    if email.suspect or email.status in SETTLED:
        next_due = _next_due(email, tries)
    else:
        next_due = max(int(planned), int(now)) if planned and tries < MOST_TRIES else None
    _log_try(item, email, trigger, tries=tries, suspect=suspect)
    _mark(item, holder, email, tries=tries, due=next_due)
    return _with_recovery(email, tries, next_due)


def take_up(item: Appointment, holder: str, until: float) -> Email | None:
    """Send what the schedule finds due; the email that is to be given up is returned unmarked.

    Returns None where there was nothing to do or another sender was faster.
    """
    now = time.time()
    if not item.is_scheduled() or (item.due or 0) > now:
        return None
    suspect, spent = item.lease is not None, int(item.email_tries or 0) >= MOST_TRIES
    photographer = _photographer(item)
    if not outbox.claim(item, holder, now, counts=not spent):
        return None
    email = delivery.deliver(item, photographer, until, suspect=suspect, only_ask=spent)
    tries = int(item.email_tries or 0)
    if not email.asked and not spent:
        tries -= 1
    _log_try(item, email, "schedule", tries=tries, suspect=suspect)
    if is_given_up(item, email):
        return email
    _mark(item, holder, email, tries=tries, due=_next_due(email, tries))
    return email


def is_given_up(item: Appointment, email: Email) -> bool:
    """Whether the schedule's last try has failed for certain."""
    return email.is_failure and not email.suspect and (item.email_tries or 0) >= MOST_TRIES


def give_up(item: Appointment, holder: str, email: Email, notification: str) -> None:
    """Mark the email as given up, and its notification as owed, in one write."""
    _mark(
        item,
        holder,
        email,
        tries=MOST_TRIES,
        due=outbox.later(time.time(), _DELAYS[0]),
        notification=notification,
    )


def _log_try(item: Appointment, email: Email, trigger: str, *, tries: int, suspect: bool) -> None:
    """Write the `email` log entry of a try, or of a search after which nothing is left to send."""
    if not email.asked:
        return
    shown = email.shown()
    record(
        "email",
        uuid=item.uuid,
        trigger="search" if suspect and not email.was_called else trigger,
        status=email.status,
        tries=tries,
        recipients=shown["recipients"],
        reason=email.reason,
    )


def _with_recovery(email: Email, tries: int, due: int | None) -> Email:
    """Return the email with what its notification says of the tries that follow."""
    if not email.is_failure:
        return email
    if due is None:
        told = "Nothing any more: the email was given up. The replay sends it again."
    else:
        last = iso(due + sum(_DELAYS[tries:]), "minutes")
        told = (
            f"The email is tried again at {iso(due, 'minutes')}, then with growing pauses until "
            f"{last}. Recipients who have it get no second one. If it is given up, you are "
            "notified again."
        )
    return replace(email, recovery=told)


def _next_due(email: Email, tries: int) -> int | None:
    """Return when the schedule takes the email up after try number `tries`, None for never."""
    if email.status in SETTLED:
        return None
    if not email.asked:
        return outbox.later(time.time(), _SEARCH_DELAY)
    delay = _DELAYS[tries - 1] if tries < MOST_TRIES else 0  # after the last, only asking is left
    return outbox.later(time.time(), max(delay, LEASE_SECONDS) if email.suspect else delay)


def _mark(
    item: Appointment,
    holder: str,
    email: Email,
    *,
    tries: int,
    due: int | None,
    notification: str | None = None,
) -> None:
    """Mark the outcome; where that fails the lease stands, and Mandrill will be asked."""
    suspect_until = None
    if email.suspect:
        wait = LEASE_SECONDS if email.asked else _SEARCH_DELAY
        suspect_until = outbox.later(time.time(), wait)
    try:
        kept = outbox.mark(
            item,
            holder,
            status=email.status,
            recipients=list(email.recipients),
            reason=email.reason,
            tries=tries,
            due=due,
            suspect_until=suspect_until,
            notification=notification,
        )
    except PynamoDBException as failed:
        logger.warning("email not marked", reason=type(failed).__name__, uuid=item.uuid)
        if notification:
            raise
    else:
        if not kept:
            logger.warning("email not marked", reason="the lease was lost", uuid=item.uuid)


def _photographer(item: Appointment) -> Record | None:
    user_id = item.api_fields().get("photographer_user_id")
    return records.find_user(user_id) if user_id is not None else None
