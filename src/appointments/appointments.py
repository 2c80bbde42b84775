"""The appointments table: written once, and each item the outbox of its own email.

An email's state, as its item tells it:

==================  ======================================================================
`email_status`      `sent` and `skipped` are settled, any other is outstanding
`lease`             who is sending, until `due`; a lease past its `due` is *suspect*: its
                    sender died or got no answer, so Mandrill may have accepted the email
`email_tries`       the request's own try and the schedule's, MOST_TRIES at most
`notifications`     what could not be published yet
`owed`, `due`       the sparse index: the schedule takes the item up from `due` (epoch
                    seconds) on; both are gone once nothing is owed
==================  ======================================================================
"""

from collections.abc import Iterator
from typing import Any, Final

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import PutError, PynamoDBException, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from appointments import params
from appointments.settings import SETTINGS
from appointments.tables import Table

# A lease outlives the function's time limit (29 s), and Mandrill is asked about a suspect email
# two minutes after it was sent at the earliest: one figure serves both.
LEASE_SECONDS: Final = 120
MOST_TRIES: Final = 5
SETTLED: Final = frozenset({"sent", "skipped"})
_SHARDS: Final = 8
_BY_TYPE: Final[dict[str, type[Attribute[Any]]]] = {
    "boolean": BooleanAttribute,
    "integer": NumberAttribute,
}


class Owed(GlobalSecondaryIndex["Appointment"]):
    """The sparse index of what is owed: few keys, none of them hot."""

    class Meta:
        index_name = "owed"
        projection = KeysOnlyProjection()

    owed = UnicodeAttribute(hash_key=True)
    due = NumberAttribute(range_key=True)


class Appointment(Table):
    """A row of the appointments table (specification section 7)."""

    class Meta:
        table_name = SETTINGS.appointments_table

    # One attribute a parameter, so that a parameter is declared once, in `params`.
    vars().update(
        {
            name: _BY_TYPE.get(params.kind(name).name, UnicodeAttribute)(null=True)
            for name in params.STORED
        }
    )
    uuid = UnicodeAttribute(hash_key=True)
    # Who asked, and when; `application` above holds the application as used.
    request_id = UnicodeAttribute()
    received_at = UnicodeAttribute()
    role = UnicodeAttribute()
    user_id = NumberAttribute(null=True)
    owner = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    attempt = UnicodeAttribute()
    # The email.
    booker_email = UnicodeAttribute(null=True)
    booker_name = UnicodeAttribute(null=True)
    email_status = UnicodeAttribute()
    email_reason = UnicodeAttribute(null=True)
    email_recipients: ListAttribute[Any] = ListAttribute(null=True)
    email_tries = NumberAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    notifications = UnicodeSetAttribute(null=True)
    owed = UnicodeAttribute(null=True)
    due = NumberAttribute(null=True)
    owed_index = Owed()

    def fields(self) -> dict[str, Any]:
        """Return the appointment as the contract speaks of it: its parameters, by name."""
        held = self.attribute_values
        return {name: held[name] for name in params.STORED if held.get(name) is not None}

    def lend(self, holder: str, now: float) -> None:
        """Give `holder` the lease, in this object: `write` or `claim` makes it true."""
        self.lease, self.owed, self.due = holder, _shard(self.uuid), int(now) + LEASE_SECONDS

    def is_held(self, now: float) -> bool:
        """Whether a sender may still be at work on the email, or its answer still on the way."""
        return self.lease is not None and (self.due or 0) > now

    def is_scheduled(self) -> bool:
        """Whether the schedule has the email still to deliver (it was not given up)."""
        if self.email_status in SETTLED:
            return False
        return self.lease is not None or (self.email_tries or 0) < MOST_TRIES


class Unanswered(Exception):
    """A write got no answer and neither did the read after it: saved or not is unknown."""


def find(uuid: str) -> Appointment | None:
    """Read one item consistently; None where there is none. Raises PynamoDB's GetError."""
    try:
        return Appointment.get(uuid, consistent_read=True)
    except Appointment.DoesNotExist:
        return None


def write(item: Appointment) -> Appointment:
    """Write the item unless its key is taken, and return what is in the table under that key.

    It is this item's own write where `attempt` is the same (the SDK may have sent it twice), an
    earlier request's otherwise. After a failure one consistent read decides. Raises PutError where
    nothing was saved, Unanswered where nobody can tell.
    """
    try:
        item.save(condition=Appointment.uuid.does_not_exist())
    except PutError as failed:
        try:
            stored = find(item.uuid)
        except PynamoDBException as unread:
            raise Unanswered(str(unread)) from failed
        if stored is None:
            raise
        return stored
    return item


def claim(item: Appointment, holder: str, now: float, *, counts: bool) -> bool:
    """Take the lease if the item is still as it was read; afterwards `item` is as it is stored.

    `counts` uses up one of the email's tries. Returns False where another was faster.
    """
    tries = int(item.email_tries or 0) + counts
    unchanged = _is(Appointment.lease, item.lease) & _is(Appointment.due, item.due)
    actions: list[Action] = [
        Appointment.lease.set(holder),
        Appointment.owed.set(_shard(item.uuid)),
        Appointment.due.set(int(now) + LEASE_SECONDS),
        Appointment.email_tries.set(tries),
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
    suspect: bool = False,
    notification: str | None = None,
) -> bool:
    """Note how the delivery went, if `holder` still has the lease, and give the lease back.

    `due` is when the schedule takes the item up again, None for never. A `suspect` email keeps its
    lease. `notification` is owed from now on. Returns False where the lease was lost.
    """
    actions: list[Action] = [
        Appointment.email_status.set(status),
        Appointment.email_recipients.set(recipients),
        Appointment.email_reason.set(reason) if reason else Appointment.email_reason.remove(),
        Appointment.email_tries.set(tries),
    ]
    if not suspect:
        actions.append(Appointment.lease.remove())
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
            Appointment.owed.set(Appointment.owed | _shard(uuid)),
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
    """Yield the keys of at most `most` items of each shard that are due, the oldest first."""
    for shard in range(_SHARDS):
        for entry in Appointment.owed_index.query(
            str(shard), Owed.due <= int(now), limit=most, page_size=most
        ):
            yield entry.uuid


def _shard(uuid: str) -> str:
    return str(int(uuid[0], 16) % _SHARDS)


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
