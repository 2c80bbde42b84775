"""The one sender of an appointment's email, whatever triggers it (specification section 8).

Every sender does the same: acquire the lease, deliver to those who have not got the email (asking
Mandrill first if it may have it already), save the result.
"""

import time
from dataclasses import replace

from pynamodb.exceptions import PynamoDBException

from appointments import notifications
from appointments.email import outbox, recipients, retries
from appointments.email.recipients import Users
from appointments.email.retries import NextTry
from appointments.email.state import MAX_TRIES, EmailState, EmailStatus, Trigger
from appointments.observability import add_metric, log_audit, logger
from appointments.statuses import Status
from appointments.tables.appointments import Appointment


def prepare(item: Appointment, users: Users, attempt_id: str) -> None:
    """Put the writer and the email's state into a new item: to be sent by `attempt_id`, or skipped.

    The state must be in the item before the email is sent (section 8.6).
    """
    item.attempt = attempt_id
    if recipients.addresses_of(item, users):
        item.email_status, item.email_tries = EmailStatus.PENDING.value, 1
        outbox.set_initial_lease(item, attempt_id, time.time())
    else:
        item.email_status = EmailStatus.SKIPPED.value


def send(
    item: Appointment,
    trigger: Trigger,
    attempt_id: str,
    deadline: float,
    users: Users | None = None,
) -> EmailState:
    """Send what is pending of the email, unless another sender does it; return its state.

    The state has an `outcome` only if this call tried it. With the trigger `request`, `attempt_id`
    has the lease by its write. Without `users` they are read anew. `deadline` bounds the calls to
    Mandrill (time.monotonic() seconds).
    """
    now = time.time()
    if not _may_send(item, trigger, now):
        return item.email_state()
    is_new = trigger is Trigger.REQUEST
    maybe_sent = not is_new and item.lease is not None
    tries = 0 if is_new else int(item.email_tries or 0)
    previous_due = None if item.due is None else int(item.due)
    search_only = trigger is Trigger.SCHEDULE and retries.is_search_only(tries)
    if users is None:
        users = recipients.read_users(item)
    if not is_new:
        use_try = trigger is Trigger.SCHEDULE and not search_only
        if not outbox.acquire_lease(item, attempt_id, now, use_try=use_try):
            return item.email_state()
    after = recipients.deliver(
        item,
        recipients.addresses_of(item, users),
        deadline,
        maybe_sent=maybe_sent,
        search_only=search_only,
    )
    planned = retries.next_try(after, trigger, tries, previous_due, time.time())
    _log_try(item, after, trigger, planned.tries, maybe_sent=maybe_sent)
    if trigger is Trigger.SCHEDULE and _is_last(after, planned):
        return _give_up(item, attempt_id, after)
    _save(item, attempt_id, after, planned)
    if not after.is_failure:
        return after
    return replace(after, recovery=retries.describe_recovery(planned))


def _may_send(item: Appointment, trigger: Trigger, now: float) -> bool:
    """Whether this trigger may send what is pending of the item now."""
    if item.email_state().is_final:
        return False
    if trigger is Trigger.REQUEST:
        return True
    if trigger is Trigger.SCHEDULE:
        return item.is_scheduled() and (item.due or 0) <= now
    return not item.has_active_lease(now)


def _is_last(after: EmailState, planned: NextTry) -> bool:
    """Whether the schedule's last try has failed for certain."""
    return after.is_failure and not after.maybe_sent and retries.is_search_only(planned.tries)


def _give_up(item: Appointment, attempt_id: str, after: EmailState) -> EmailState:
    """Give the email up: its notification is pending before it is published, so it is not lost."""
    reason = after.failure_reason
    notification = notifications.make(
        Status.MANDRILL_EMAIL_FAILED,
        replace(reason, text=f"the email was given up after {MAX_TRIES} tries: {reason.text}"),
        id_seed=attempt_id,
        request_id=item.request_id,
        received_at=item.received_at,
        uuid=item.uuid,
        saved=True,
        owner=item.owner,
        recipients=after.recipients,
        users=item.user_ids(),
        recovery=retries.GIVEN_UP,
    )
    _save(item, attempt_id, after, retries.given_up(time.time()), notification.to_json())
    add_metric("EmailsGivenUp")
    return replace(after, recovery=retries.GIVEN_UP)


def _log_try(
    item: Appointment, after: EmailState, trigger: Trigger, tries: int, *, maybe_sent: bool
) -> None:
    """Write the email log entry of a try, or of a search after which nothing is left to send."""
    if not after.was_called and after.outcome and not after.outcome.uses_try:
        return
    is_search = maybe_sent and not after.was_called
    log_audit(
        "email",
        uuid=item.uuid,
        trigger=Trigger.SEARCH.value if is_search else trigger.value,
        status=after.status.value,
        tries=tries,
        recipients=after.to_response()["recipients"],
        reason=after.reason,
    )


def _save(
    item: Appointment,
    attempt_id: str,
    after: EmailState,
    planned: NextTry,
    notification: str | None = None,
) -> None:
    """Save the result; if that fails the lease stays, and the next sender asks Mandrill first."""
    try:
        is_saved = outbox.save_result(item, attempt_id, after, planned, notification)
    except PynamoDBException as failed:
        logger.warning("email not marked", reason=type(failed).__name__, uuid=item.uuid)
        if notification:
            raise
    else:
        if not is_saved:
            logger.warning("email not marked", reason="the lease was lost", uuid=item.uuid)
