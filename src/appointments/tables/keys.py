"""Keys and constants of the tables. It reads no environment variable: commands import it too."""

import hashlib
from enum import StrEnum
from typing import Final

SERVICE_RECORD: Final = "service#appointments"
ROUTE_RECORD: Final = "route#appointments/create"
CIRCUIT_RECORD: Final = "circuit#mandrill"
# The record kind that each reference names (specification section 6).
REFERENCE_KINDS: Final = {
    "order_id": "order",
    "order_request_appt_id": "order_request_appt",
    "photographer_user_id": "user",
    "order_request_id": "order_request",
}
# The types of a record's attributes, as DynamoDB names them, and as a message calls them.
RECORD_TYPES: Final = {
    "name": "S",
    "email": "S",
    "deployed": "BOOL",
    "sensitive_params": "BOOL",
    "permissions": "L",
}
TYPE_NAMES: Final = {
    "S": "a text",
    "N": "a number",
    "BOOL": "true or false",
    "L": "a list",
    "M": "a map",
    "SS": "a set of texts",
}
# The hash keys of the sparse index of pending items (section 8.6).
SHARDS: Final = tuple(str(shard) for shard in range(8))
OWED_INDEX: Final = "owed"
# How many keys one BatchGetItem takes.
MAX_KEYS: Final = 100
# DynamoDB's error code of a conditional write whose condition does not hold.
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
# The indexes of the notifications table (section 9.5).
BY_DAY_INDEX: Final = "by_day"
OPEN_INDEX: Final = "open"
BY_REQUEST_INDEX: Final = "by_request"


class Role(StrEnum):
    """A role that a session can have in an application (section 5.3)."""

    CLIENT = "client"
    EMPLOYEE = "employee"
    LIAISON = "liaison"


class NotificationState(StrEnum):
    """The state of a notification (section 9.5).

    While it is `open`, the attribute `open` has the same text: it is the key of the index `open`.
    """

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


def hash_token(token: str) -> str:
    """Return the sessions table's key of a token: the hex SHA-256 of its trimmed text."""
    return hashlib.sha256(token.strip().encode()).hexdigest()


def user_record(user_id: int) -> str:
    """Return the records table's key of a user."""
    return f"user#{user_id}"


def shard_of(uuid: str) -> str:
    """Return the shard of an appointment, which its uuid decides: the load is spread evenly."""
    return SHARDS[int(uuid[0], 16) % len(SHARDS)]
