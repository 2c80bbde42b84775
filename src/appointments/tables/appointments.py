"""The appointments table: an item is written once, and is the outbox of its email (section 7).

The state of an email, as its item has it:

==================  ======================================================================
`email_status`      `sent` and `skipped` are final, in any other state something is to be sent
`lease`             the attempt id of the sender. If it is still there after `lease_until`,
                    the email is *maybe sent*: the sender died or got no response, so Mandrill
                    may have the email
`email_tries`       the used-up tries; at MAX_TRIES the email is given up
`email_unused`      the tries in a row, since the last used-up one, that did not count
`email_due`         when the schedule tries the email next; absent if it does not
`owed_since`        when the item was written, although its name says otherwise: the schedule
                    gives up 72 hours later
`retried_at`        when a given-up email was last retried on request: the 72 hours begin there
`searched_at`       when Mandrill's search listed some of the recipients, but not all
`notifications`     what could not be published yet
`notify_due`        when the schedule publishes them
`notify_unused`     the failed publishes in a row
`owed`, `due`       the sparse index: the schedule processes the item from `due` on, the earlier
                    of `email_due` and `notify_due`; removed when nothing is pending any more
`put_off`           the last pause, in seconds, of an item that could not be processed
`ttl`               when DynamoDB deletes the item, absent while the email is pending (7.3)
==================  ======================================================================

Times are epoch seconds. Versions before 0.3.0 wrote only `owed` and `due`, which then stand for
`email_due` and `notify_due`, and no `owed_since`, for which `received_at` stands.
`email.outbox` moves an item from one of these states to another.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import PutError, PynamoDBException
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from appointments import parameters
from appointments.email.retries import History
from appointments.email.state import (
    MAX_TRIES,
    SETTLED_STATUSES,
    EmailState,
    EmailStatus,
    RecipientRole,
    next_try_at,
)
from appointments.parameters import STORED
from appointments.settings import SETTINGS
from appointments.tables.base import Model
from appointments.tables.keys import CONDITION_FAILED, OWED_INDEX

_BY_TYPE: Final[dict[str, type[Attribute[Any]]]] = {
    "boolean": BooleanAttribute,
    "integer": NumberAttribute,
}


class Owed(GlobalSecondaryIndex["Appointment"]):
    """The sparse index of what is owed: few keys, none of them hot."""

    class Meta:
        index_name = OWED_INDEX
        projection = KeysOnlyProjection()

    owed = UnicodeAttribute(hash_key=True)
    due = NumberAttribute(range_key=True)


class Appointment(Model):
    """An item of the appointments table (specification section 7)."""

    class Meta:
        table_name = SETTINGS.appointments_table

    # One attribute for each parameter, so that a parameter is declared once, in `parameters`.
    vars().update(
        {
            name: _BY_TYPE.get(parameters.type_of(name).name, UnicodeAttribute)(null=True)
            for name in STORED
        }
    )
    if TYPE_CHECKING:  # mypy does not see the attributes that are added above

        def __getattr__(self, name: str) -> str | int | bool | None: ...

    uuid = UnicodeAttribute(hash_key=True)
    # Who asked, and when; the parameter `application` has the one that the request acted in.
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
    email_unused = NumberAttribute(null=True)
    email_due = NumberAttribute(null=True)
    owed_since = NumberAttribute(null=True)
    retried_at = NumberAttribute(null=True)
    searched_at = NumberAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    notifications = UnicodeSetAttribute(null=True)
    notify_due = NumberAttribute(null=True)
    notify_unused = NumberAttribute(null=True)
    put_off = NumberAttribute(null=True)
    # When the appointment was erased (7.2): then nothing else is left but what identifies it.
    forgotten_at = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)
    owed = UnicodeAttribute(null=True)
    due = NumberAttribute(null=True)
    owed_index = Owed()

    def api_fields(self) -> dict[str, Any]:
        """Return `data.appointment`: the parameters that the item has, by name."""
        values = self.attribute_values
        return {name: value for name in STORED if (value := values.get(name)) is not None}

    def email_state(self, now: float) -> EmailState:
        """Return `data.email` as the item has it; pending without a sender at work is unknown."""
        status = EmailStatus(self.email_status)
        if status is EmailStatus.PENDING and not self.has_active_lease(now):
            status = EmailStatus.UNKNOWN
        return EmailState.from_item(status, self.email_recipients, self.email_reason)

    def email_history(self) -> History:
        """Return the tries of the email until now."""
        tries = int(self.email_tries or 0)
        since = self.written_at()
        if tries >= MAX_TRIES:
            since = float(self.retried_at or since)
        due = self.next_try_at()
        return History(tries, int(self.email_unused or 0), due, since)

    def written_at(self) -> float:
        """Return when the item was written (epoch seconds), as near as it is known."""
        written = self.received_at or self.forgotten_at
        return float(self.owed_since or datetime.fromisoformat(written).timestamp())

    def is_settled(self) -> bool:
        """Whether nothing of the email is left to send."""
        return self.email_status in SETTLED_STATUSES

    def next_try_at(self) -> int | None:
        """Return when the schedule tries the email, None if there is nothing to try."""
        return next_try_at(self.attribute_values)

    def next_publish_at(self) -> int | None:
        """Return when the schedule publishes the pending notifications, None if there are none."""
        if not self.notifications:
            return None
        planned = self.due if self.notify_due is None else self.notify_due
        return None if planned is None else int(planned)

    def user_ids(self) -> dict[str, int]:
        """Return the ids of the user records that have the recipients' addresses, by role."""
        values = self.attribute_values
        return {
            role.value: values[role.user_parameter]
            for role in RecipientRole
            if role.user_parameter and values.get(role.user_parameter) is not None
        }

    def has_active_lease(self, now: float) -> bool:
        """Whether a sender may still be at work on the email, or its response on the way."""
        return self.lease is not None and (self.lease_until or 0) > now


class WriteOutcomeUnknown(Exception):
    """A write got no response, nor did the read after it: saved or not is unknown."""


def find(uuid: str) -> Appointment | None:
    """Read one item consistently; None where there is none. Raises PynamoDB's GetError."""
    try:
        return Appointment.get(uuid, consistent_read=True)
    except Appointment.DoesNotExist:
        return None


def write(item: Appointment) -> Appointment:
    """Write the item unless its key is taken, and return what is in the table under that key.

    If its `attempt` is the same, this item was written (the SDK may have sent it twice), otherwise
    an earlier request's. After a failure one consistent read decides. Raises PutError if nothing
    was saved, WriteOutcomeUnknown if that is unknown.
    """
    try:
        item.save(condition=Appointment.uuid.does_not_exist())
    except PutError as failed:
        try:
            stored = find(item.uuid)
        except PynamoDBException as unread:
            if _is_refused(failed):
                raise failed from failed.cause
            raise WriteOutcomeUnknown(str(unread)) from failed
        if stored is None:
            raise
        return stored
    return item


def _is_refused(failed: PutError) -> bool:
    """Whether AWS refused the first call (4xx), so that certainly nothing was written."""
    # PynamoDB's error has only the code. Its cause, botocore's error, has the whole response.
    answered = failed.cause.__cause__ if failed.cause else None
    if not isinstance(answered, ClientError):
        return False
    metadata = answered.response["ResponseMetadata"]
    is_taken = answered.response["Error"]["Code"] == CONDITION_FAILED
    return (
        not is_taken and metadata["RetryAttempts"] == 0 and 400 <= metadata["HTTPStatusCode"] < 500
    )
