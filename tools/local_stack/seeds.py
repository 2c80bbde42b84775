"""The seeded sessions and records of specification section 11.4, of stacks and tests alike.

The tokens of a local stack are fixed and public, so that a line of curl or a file of `events/`
works as it stands: they are valid on a local stack only, which is bound to this machine.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_DNS, uuid5

from boto3.dynamodb.types import TypeSerializer

from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD, Role, hash_token

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR: Final = 3600
DAY: Final = 24 * HOUR
# Each kind of session, and what it is for.
KINDS: Final = {
    "session": "of Bo Booker, with an address",
    "remember_me": "never expires, no address",
    "application": "of FileMaker, no address",
    "expired": "gets session-expired: created 8 days ago",
    "idle": "gets session-expired: unused for 4 days",
    "no_roles": "gets client-required",
    "revoked": "gets invalid-token",
}
TOKENS: Final = {kind: f"local-{kind}-token" for kind in KINDS}
MANDRILL_KEY: Final = "local-mandrill-key"

# What each reference record is for.
PURPOSES: Final = {
    "order#1001": "an order",
    "order_request#2001": "an order request",
    "order_request_appt#3001": "an appointment of an order request",
    "user#501": "a photographer with a good address",
    "user#502": "a photographer whose address Mandrill rejects",
    "user#503": "a photographer without an address",
}
RECORDS: Final[list[dict[str, Any]]] = [
    {"record": SERVICE_RECORD, "deployed": True},
    {
        "record": ROUTE_RECORD,
        "deployed": True,
        "sensitive_params": False,
        "permissions": [role.value for role in Role],
    },
    {"record": "order#1001"},
    {"record": "order_request#2001"},
    {"record": "order_request_appt#3001"},
    {"record": "user#501", "name": "Pat", "email": "pat@planomatic.test"},
    {"record": "user#502", "name": "Rex", "email": "rex@rejected.test"},
    {"record": "user#503", "name": "Sam"},
]
EMAIL: Final = "booker@planomatic.test"
# On a local stack every application may be used.
ROLES: Final = {"planoauth": "employee", "planoorder": "employee", "planox2": "employee"}


def session(token: str, **attributes: Any) -> dict[str, Any]:
    """Return a session of user 45, or what `attributes` make of it (`...` leaves one out)."""
    item = {
        "token_hash": hash_token(token),
        "uuid": str(uuid5(NAMESPACE_DNS, token)),
        "kind": "session",
        "user_id": 45,
        "name": "Bo Booker",
        "roles": ROLES,
        "remember_me": False,
        **attributes,
    }
    if item["kind"] == "application":
        del item["user_id"]
    return {name: value for name, value in item.items() if value is not ...}


def kinds(now: int) -> dict[str, dict[str, Any]]:
    """Return what makes a session one of its kind."""
    recent = {"created_at": now - DAY, "last_used_at": now - 60}
    return {
        "session": {"email": EMAIL, **recent},
        "remember_me": {
            "remember_me": True,
            "created_at": now - 900 * DAY,
            "last_used_at": now - 30 * DAY,
        },
        "application": {"kind": "application", "name": "FileMaker", **recent},
        "expired": {"created_at": now - 8 * DAY, "last_used_at": now - 60},
        "idle": {"created_at": now - 6 * DAY, "last_used_at": now - 4 * DAY},
        "no_roles": {"roles": {}, **recent},
        "revoked": {"revoked": True, **recent},
    }


def sessions(now: int) -> list[dict[str, Any]]:
    """Return the local stack's session of each kind."""
    return [session(TOKENS[kind], **extra) for kind, extra in kinds(now).items()]


def write(dynamodb: "DynamoDBClient", sessions_table: str, records_table: str) -> None:
    """Renew the sessions, and add the records that are missing; a record that exists stays."""
    for item in sessions(int(time.time())):
        dynamodb.put_item(TableName=sessions_table, Item=_serialize(item))
    for item in RECORDS:
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(
                TableName=records_table,
                Item=_serialize(item),
                ConditionExpression="attribute_not_exists(#record)",
                ExpressionAttributeNames={"#record": "record"},
            )


def _serialize(item: dict[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}
