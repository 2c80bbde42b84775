"""The appointments table: an item is written once, and is the outbox of its email (section 7).

The state of an email, as its item has it:

==================  ======================================================================
`email_status`      `sent` and `skipped` are final, in any other state something is to be sent
`lease`             the attempt id of the sender. If it is still there after `lease_until`
                    (epoch seconds), the email is *maybe sent*: the sender died or got no
                    response, so Mandrill may have the email
`email_tries`       the used-up tries, the request's own included; at most MAX_TRIES
`notifications`     what could not be published yet
`owed`, `due`       the sparse index: the schedule processes the item from `due` (epoch
                    seconds) on; both are removed when nothing is pending any more
==================  ======================================================================

`email.outbox` moves an item from one of these states to another.
"""

from typing import Any, Final

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
from appointments.email.state import FINAL_STATUSES, MAX_TRIES, EmailState, RecipientRole
from appointments.parameters import STORED
from appointments.settings import SETTINGS
from appointments.tables.base import Model

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


class Appointment(Model):
    """An item of the appointments table (specification section 7)."""

    class Meta:
        table_name = SETTINGS.appointments_table

    # One attribute for each parameter, so that a parameter is declared once, in `parameters`.
    vars().update(
        {
            name: _BY_TYPE.get(parameters.kind(name).name, UnicodeAttribute)(null=True)
            for name in STORED
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
    lease_until = NumberAttribute(null=True)
    notifications = UnicodeSetAttribute(null=True)
    owed = UnicodeAttribute(null=True)
    due = NumberAttribute(null=True)
    owed_index = Owed()

    def api_fields(self) -> dict[str, Any]:
        """Return `data.appointment`: the parameters that the item has, by name."""
        values = self.attribute_values
        return {name: value for name in STORED if (value := values.get(name)) is not None}

    def email_state(self) -> EmailState:
        """Return `data.email` as the item has it."""
        return EmailState.from_item(self.email_status, self.email_recipients, self.email_reason)

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

    def is_scheduled(self) -> bool:
        """Whether the schedule still has to send the email (it was not given up)."""
        if self.email_status in FINAL_STATUSES:
            return False
        return self.lease is not None or (self.email_tries or 0) < MAX_TRIES


class WriteOutcomeUnknown(Exception):
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
    nothing was saved, WriteOutcomeUnknown if that is unknown.
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
    """Whether the first attempt was answered, and with a refusal of the request itself."""
    # PynamoDB's own error keeps the code alone, botocore's beneath it all that was answered.
    answered = failed.cause.__cause__ if failed.cause else None
    if not isinstance(answered, ClientError):
        return False
    metadata = answered.response["ResponseMetadata"]
    is_taken = answered.response["Error"]["Code"] == "ConditionalCheckFailedException"
    return (
        not is_taken and metadata["RetryAttempts"] == 0 and 400 <= metadata["HTTPStatusCode"] < 500
    )
