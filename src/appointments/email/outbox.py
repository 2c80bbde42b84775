"""The email's lease, its result and its pending notifications in the item (sections 8.6, 8.11).

Every change is one conditional update, so that none undoes what another sender did meanwhile.
`tables.appointments` tells what the attributes mean.
"""

from collections.abc import Iterator
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from appointments.email.retries import LEASE_SECONDS, NextTry, epoch_after
from appointments.email.state import EmailState, EmailStatus
from appointments.tables.appointments import Appointment, Owed
from appointments.tables.keys import SHARDS, shard_of

_CONFLICT: Final = "ConditionalCheckFailedException"


def set_initial_lease(item: Appointment, attempt_id: str, now: float) -> None:
    """Give the sender `attempt_id` the lease of a new item; the write of the item makes it true."""
    item.lease, item.lease_until = attempt_id, epoch_after(now, LEASE_SECONDS)
    item.owed, item.due = shard_of(item.uuid), item.lease_until


def acquire_lease(item: Appointment, attempt_id: str, now: float, *, use_try: bool) -> bool:
    """Take the lease if the item is still as it was read; afterwards `item` is as it is stored.

    `use_try` counts one more try. Returns False if another sender was faster.
    """
    lease_until = epoch_after(now, LEASE_SECONDS)
    unchanged = (
        _equals_or_absent(Appointment.lease, item.lease)
        & _equals_or_absent(Appointment.due, item.due)
        & _equals_or_absent(Appointment.email_status, item.email_status)
    )
    actions: list[Action] = [
        Appointment.email_status.set(EmailStatus.PENDING.value),
        Appointment.email_tries.set(int(item.email_tries or 0) + use_try),
        Appointment.lease.set(attempt_id),
        Appointment.lease_until.set(lease_until),
        Appointment.owed.set(shard_of(item.uuid)),
        Appointment.due.set(lease_until),
    ]
    if _update(item, actions, unchanged):
        return True
    # The SDK may have sent the update twice, the second one failing because of the first.
    item.refresh(consistent_read=True)
    return bool(item.lease == attempt_id)


def save_result(
    item: Appointment,
    attempt_id: str,
    state: EmailState,
    next_try: NextTry,
    notification: str | None = None,
) -> bool:
    """Store how the try ended and return the lease, if `attempt_id` still has it.

    A maybe sent email keeps its lease. `notification` is pending from now on. Returns False if the
    lease was lost.
    """
    reason = Appointment.email_reason
    actions: list[Action] = [
        Appointment.email_status.set(state.status.value),
        Appointment.email_recipients.set([dict(each) for each in state.recipients]),
        reason.set(state.reason) if state.reason else reason.remove(),
        Appointment.email_tries.set(next_try.tries),
    ]
    if next_try.lease_until is None:
        actions += [Appointment.lease.remove(), Appointment.lease_until.remove()]
    else:
        actions.append(Appointment.lease_until.set(next_try.lease_until))
    if notification:
        actions.append(Appointment.notifications.add({notification}))
    is_ours = Appointment.lease == attempt_id
    due = next_try.due
    if due is None:
        done = [*actions, Appointment.owed.remove(), Appointment.due.remove()]
        if _update(item, done, is_ours & Appointment.notifications.does_not_exist()):
            return True
        # A notification became pending meanwhile: it keeps the item in the index.
        due = int(item.due or 0)
    return _update(item, [*actions, Appointment.due.set(due)], is_ours)


def add_pending_notification(uuid: str, notification: str, now: float) -> None:
    """Leave a notification with its appointment, for the schedule to publish.

    Raises PynamoDB's UpdateError.
    """
    Appointment(uuid).update(
        actions=[
            Appointment.notifications.add({notification}),
            Appointment.owed.set(shard_of(uuid)),
            Appointment.due.set(Appointment.due | int(now)),
        ],
        condition=Appointment.uuid.exists(),
    )


def remove_pending_notification(item: Appointment, notification: str) -> None:
    """Note that a notification was published. Raises PynamoDB's UpdateError."""
    item.update(
        actions=[Appointment.notifications.delete({notification})],
        condition=Appointment.uuid.exists(),
    )


def remove_from_index(item: Appointment) -> None:
    """Take the item out of the index if nothing of it is pending any more."""
    if item.notifications or item.is_scheduled() or item.owed is None:
        return
    nothing_pending = (
        Appointment.notifications.does_not_exist()
        & Appointment.lease.does_not_exist()
        & _equals_or_absent(Appointment.due, item.due)
    )
    _update(item, [Appointment.owed.remove(), Appointment.due.remove()], nothing_pending)


def overdue(now: float, limit: int) -> Iterator[str]:
    """Yield the keys of at most `limit` overdue items of each shard, the oldest first.

    Each minute begins with another shard, so that no shard always waits for the others.
    """
    first = int(now // 60)
    for shard in range(first, first + len(SHARDS)):
        for entry in Appointment.owed_index.query(
            SHARDS[shard % len(SHARDS)], Owed.due <= int(now), limit=limit, page_size=limit
        ):
            yield entry.uuid


def _equals_or_absent(attribute: Any, value: Any) -> Condition:
    condition: Condition = attribute.does_not_exist() if value is None else attribute == value
    return condition


def _update(item: Appointment, actions: list[Action], condition: Condition) -> bool:
    """Update the item and this object; False if the condition does not hold."""
    try:
        item.update(actions=actions, condition=condition & Appointment.uuid.exists())
    except UpdateError as failed:
        response = getattr(failed.cause, "response", None) or {}
        if response.get("Error", {}).get("Code") != _CONFLICT:
            raise
        return False
    return True
