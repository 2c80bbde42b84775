"""An item as the outbox of its email: leased, marked, owed, found when it is due, and let go.

Every change is one conditional update, so that none undoes what another sender did meanwhile.
`appointments` tells what the attributes mean.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from appointments.tables.appointments import Appointment, Owed
from appointments.tables.keys import SHARDS, shard_of

# A lease outlives the function's time limit (29 s), and Mandrill is asked about a suspect email
# two minutes after it was sent at the earliest: one figure serves both.
LEASE_SECONDS: Final = 120


def lend(item: Appointment, holder: str, now: float) -> None:
    """Give `holder` the lease of a new item, in this object: writing it makes it true."""
    item.lease, item.lease_until = holder, later(now, LEASE_SECONDS)
    item.owed, item.due = shard_of(item.uuid), item.lease_until


def claim(item: Appointment, holder: str, now: float, *, counts: bool) -> bool:
    """Take the lease if the item is still as it was read; afterwards `item` is as it is stored.

    `counts` uses up one of the email's tries. Returns False where another was faster.
    """
    until = later(now, LEASE_SECONDS)
    unchanged = (
        _is(Appointment.lease, item.lease)
        & _is(Appointment.due, item.due)
        & _is(Appointment.email_status, item.email_status)
    )
    actions: list[Action] = [
        Appointment.email_status.set("pending"),
        Appointment.email_tries.set(int(item.email_tries or 0) + counts),
        Appointment.lease.set(holder),
        Appointment.lease_until.set(until),
        Appointment.owed.set(shard_of(item.uuid)),
        Appointment.due.set(until),
    ]
    if _update(item, actions, unchanged):
        return True
    # The SDK may have sent the claim twice, the second failing on the first.
    item.refresh(consistent_read=True)
    return bool(item.lease == holder)


def mark(
    item: Appointment,
    holder: str,
    *,
    status: str,
    recipients: list[dict[str, Any]],
    reason: str | None,
    tries: int,
    due: int | None,
    suspect_until: int | None,
    notification: str | None = None,
) -> bool:
    """Note how the delivery went, if `holder` still has the lease, and give the lease back.

    `due` is when the schedule takes the item up again, None for never. A suspect email keeps its
    lease, and nobody takes it up before `suspect_until`. `notification` is owed from now on.
    Returns False where the lease was lost.
    """
    actions: list[Action] = [
        Appointment.email_status.set(status),
        Appointment.email_recipients.set(recipients),
        Appointment.email_reason.set(reason) if reason else Appointment.email_reason.remove(),
        Appointment.email_tries.set(tries),
    ]
    if suspect_until is None:
        actions += [Appointment.lease.remove(), Appointment.lease_until.remove()]
    else:
        actions.append(Appointment.lease_until.set(suspect_until))
    if notification:
        actions.append(Appointment.notifications.add({notification}))
    held = Appointment.lease == holder
    if due is None:
        done = [*actions, Appointment.owed.remove(), Appointment.due.remove()]
        if _update(item, done, held & Appointment.notifications.does_not_exist()):
            return True
        # A notification became owed meanwhile: it keeps the item in the index.
        due = int(item.due or 0)
    return _update(item, [*actions, Appointment.due.set(due)], held)


def owe(uuid: str, notification: str, now: float) -> None:
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


def settle(item: Appointment, notification: str) -> None:
    """Note that a notification was published. Raises PynamoDB's UpdateError."""
    item.update(
        actions=[Appointment.notifications.delete({notification})],
        condition=Appointment.uuid.exists(),
    )


def leave_index(item: Appointment) -> None:
    """Take the item out of the index where nothing is owed any more."""
    if item.notifications or item.is_scheduled() or item.owed is None:
        return
    idle = (
        Appointment.notifications.does_not_exist()
        & Appointment.lease.does_not_exist()
        & _is(Appointment.due, item.due)
    )
    _update(item, [Appointment.owed.remove(), Appointment.due.remove()], idle)


def due(now: float, most: int) -> Iterator[str]:
    """Yield the keys of at most `most` items of each shard that are due, the oldest first.

    Each minute begins with another shard, so that none waits for the others for ever.
    """
    first = int(now // 60)
    for shard in range(first, first + len(SHARDS)):
        for entry in Appointment.owed_index.query(
            SHARDS[shard % len(SHARDS)], Owed.due <= int(now), limit=most, page_size=most
        ):
            yield entry.uuid


def later(now: float, seconds: float) -> int:
    """Return the first whole second that is at least `seconds` after `now`."""
    return math.ceil(now + seconds)


def _is(attribute: Any, value: Any) -> Condition:
    wanted: Condition = attribute.does_not_exist() if value is None else attribute == value
    return wanted


def _update(item: Appointment, actions: list[Action], condition: Condition) -> bool:
    """Update the item and this object; False where the condition does not hold."""
    try:
        item.update(actions=actions, condition=condition & Appointment.uuid.exists())
    except UpdateError as failed:
        if (getattr(failed.cause, "response", None) or {}).get("Error", {}).get("Code") != (
            "ConditionalCheckFailedException"
        ):
            raise
        return False
    return True
