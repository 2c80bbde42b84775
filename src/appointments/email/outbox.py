"""The email's lease, its result and its pending notifications in the item (sections 8.6, 8.11).

Every change is one conditional update, so that none undoes what another sender did meanwhile.
`tables.appointments` says what the attributes mean.
"""

from collections.abc import Collection
from typing import Any, Final

from pynamodb.exceptions import PynamoDBException, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from appointments.email import expiry
from appointments.email.retries import LEASE_SECONDS, NextTry, epoch_after, uncounted_delay
from appointments.email.state import MAX_TRIES, EmailState, EmailStatus, Outcome
from appointments.observability import logger
from appointments.tables.appointments import Appointment
from appointments.tables.keys import CONDITION_FAILED, shard_of
from appointments.time_limit import OutOfTime

# How often a result is saved anew because a notification became pending meanwhile.
_MAX_WRITES: Final = 3


def set_pending(item: Appointment, attempt_id: str, now: float) -> None:
    """Set in a new item that the sender `attempt_id` has the lease; the item's write takes it."""
    item.email_status = EmailStatus.PENDING.value
    item.lease, item.lease_until = attempt_id, epoch_after(now, LEASE_SECONDS)
    _set_due(item, now, item.lease_until)


def set_not_tried(item: Appointment, state: EmailState, now: float) -> None:
    """Set in a new item that its email was not tried, and that the schedule tries it."""
    item.email_status, item.email_reason = state.status.value, state.reason
    item.email_recipients = [dict(each) for each in state.recipients]
    _set_due(item, now, epoch_after(now, uncounted_delay(1)))


def set_skipped(item: Appointment, now: float) -> None:
    """Set in a new item that no recipient has an address."""
    item.email_status, item.ttl = EmailStatus.SKIPPED.value, expiry.expires_at(now)


def acquire_lease(item: Appointment, attempt_id: str, now: float) -> bool:
    """Take the lease if the item is still as it was read; afterwards `item` is as it is stored.

    Returns False if another sender was faster.
    """
    lease_until = epoch_after(now, LEASE_SECONDS)
    unchanged = (
        _is_still(Appointment.lease, item.lease)
        & _is_still(Appointment.due, item.due)
        & _is_still(Appointment.email_status, item.email_status)
    )
    actions: list[Action] = [
        Appointment.email_status.set(EmailStatus.PENDING.value),
        Appointment.lease.set(attempt_id),
        Appointment.lease_until.set(lease_until),
        expiry.ttl_action(now, is_pending=True),
        *_due_actions(item.uuid, lease_until, item.next_publish_at()),
    ]
    if (item.email_tries or 0) >= MAX_TRIES:
        # The 72 hours begin again. If this sender dies, the schedule asks Mandrill within them.
        actions.append(Appointment.retried_at.set(int(now)))
    if _update(item, actions, unchanged):
        return True
    # The SDK may have sent the update twice, the second one failing because of the first.
    item.refresh(consistent_read=True)
    return bool(item.lease == attempt_id)


def save_result(
    item: Appointment,
    lease: str,
    state: EmailState,
    next_try: NextTry,
    now: float,
    *,
    notification: str | None = None,
) -> bool:
    """Store how a try or a search ended, if the item still has `lease` as it was read.

    A maybe sent email keeps its lease, any other releases it. `notification` is pending from now
    on. Returns False if the lease was lost.
    """
    reason, searched = Appointment.email_reason, Appointment.searched_at
    actions: list[Action] = [
        Appointment.email_status.set(state.status.value),
        Appointment.email_recipients.set([dict(each) for each in state.recipients]),
        reason.set(state.reason) if state.reason else reason.remove(),
        Appointment.email_tries.set(next_try.tries),
        Appointment.email_unused.set(next_try.uncounted),
        Appointment.owed_since.set(int(item.written_at())),  # an item from before 0.3.0 has none
        Appointment.put_off.remove(),
        expiry.ttl_action(now, is_pending=next_try.due is not None),
    ]
    if state.outcome is Outcome.PARTLY_FOUND:
        actions.append(searched.set(int(now)))
    elif state.outcome is not Outcome.NOT_SEARCHED:
        actions.append(searched.remove())
    if state.maybe_sent:
        actions.append(Appointment.lease_until.set(epoch_after(now, LEASE_SECONDS)))
    else:
        actions += [Appointment.lease.remove(), Appointment.lease_until.remove()]
    if notification:
        actions.append(Appointment.notifications.add({notification}))
    is_ours = (Appointment.lease == lease) & _is_still(Appointment.lease_until, item.lease_until)
    for _ in range(_MAX_WRITES):
        notify_due = int(now) if notification else item.next_publish_at()
        due_actions = _due_actions(item.uuid, next_try.due, notify_due)
        if _update(item, [*actions, *due_actions], is_ours & _same_notifications(item)):
            return True
        # A notification became pending meanwhile, or the lease was lost.
        item.refresh(consistent_read=True)
        if item.lease != lease:
            return False
    return False


def move_expiry(item: Appointment, now: float) -> None:
    """Have an item of which no email is pending expire as if it were settled now.

    If another update wins, it has set the time of expiry. Never raises: a repeat gets the same
    response, whether or not this succeeds.
    """
    if expiry.expires_at(now) == item.ttl:
        return
    unchanged = (
        (Appointment.fingerprint == item.fingerprint)
        & _is_still(Appointment.ttl, item.ttl)
        & _is_still(Appointment.lease, item.lease)
        & _is_still(Appointment.email_status, item.email_status)
    )
    try:
        _update(item, [expiry.ttl_action(now, is_pending=False)], unchanged)
    except (PynamoDBException, OutOfTime) as failed:
        logger.warning("expiry not moved", reason=type(failed).__name__, uuid=item.uuid)


def add_pending_notification(uuid: str, notification: str, now: float) -> None:
    """Leave a notification with its appointment, for the schedule to publish.

    Raises PynamoDB's UpdateError.
    """
    Appointment(uuid).update(
        actions=[
            Appointment.notifications.add({notification}),
            Appointment.notify_due.set(int(now)),
            Appointment.owed.set(shard_of(uuid)),
            Appointment.due.set(int(now)),
        ],
        condition=Appointment.uuid.exists() & Appointment.forgotten_at.does_not_exist(),
    )


def save_published(item: Appointment, published: Collection[str], now: float) -> None:
    """Note which of the item's pending notifications were published; try the others later.

    Raises PynamoDB's UpdateError.
    """
    actions: list[Action] = []
    if published:
        actions.append(Appointment.notifications.delete(set(published)))
    if set(item.notifications or ()) <= set(published):
        notify_due = None
        actions += [Appointment.notify_unused.remove(), Appointment.put_off.remove()]
    else:
        failures = int(item.notify_unused or 0) + 1
        notify_due = epoch_after(now, uncounted_delay(failures))
        actions.append(Appointment.notify_unused.set(failures))
    due_actions = _due_actions(item.uuid, item.next_try_at(), notify_due)
    unchanged = (
        _same_notifications(item)
        & _is_still(Appointment.lease, item.lease)
        & _is_still(Appointment.due, item.due)
    )
    if not _update(item, [*actions, *due_actions], unchanged) and published:
        # Something else changed meanwhile: what is left is published once more.
        done = Appointment.notifications.delete(set(published))
        _update(item, [done], Appointment.uuid.exists())


def _set_due(item: Appointment, now: float, email_due: int) -> None:
    item.email_tries, item.owed_since = 0, int(now)
    item.owed, item.due, item.email_due = shard_of(item.uuid), email_due, email_due


def _due_actions(uuid: str, email_due: int | None, notify_due: int | None) -> list[Action]:
    """Return the actions that index the item at the earlier of both times, or remove it."""
    email, notify = Appointment.email_due, Appointment.notify_due
    actions: list[Action] = [
        email.remove() if email_due is None else email.set(email_due),
        notify.remove() if notify_due is None else notify.set(notify_due),
    ]
    times = [due for due in (email_due, notify_due) if due is not None]
    if not times:
        return [*actions, Appointment.owed.remove(), Appointment.due.remove()]
    return [
        *actions,
        Appointment.owed.set(shard_of(uuid)),
        Appointment.due.set(min(times)),
    ]


def _same_notifications(item: Appointment) -> Condition:
    return _is_still(Appointment.notifications, item.notifications or None)


def _is_still(attribute: Any, value: Any) -> Condition:
    condition: Condition = attribute.does_not_exist() if value is None else attribute == value
    return condition


def _update(item: Appointment, actions: list[Action], condition: Condition) -> bool:
    """Update the item and this object; False if the condition does not hold."""
    try:
        item.update(actions=actions, condition=condition & Appointment.uuid.exists())
    except UpdateError as failed:
        response = getattr(failed.cause, "response", None) or {}
        if response.get("Error", {}).get("Code") != CONDITION_FAILED:
            raise
        return False
    return True
