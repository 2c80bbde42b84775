"""The sessions and records that every local stack starts with, as the specification names them.

The tokens are fixed and known to all, so that a line of curl or a file of `events/` works as it
stands: they open nothing but a local stack, which is bound to this machine.
"""

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_DNS, uuid5

from boto3.dynamodb.types import TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR: Final = 3600
DAY: Final = 24 * HOUR
KINDS: Final = (
    "session",
    "remember_me",
    "application",
    "expired",
    "idle",
    "no_roles",
    "revoked",
)
TOKENS: Final = {kind: f"local-{kind}-token" for kind in KINDS}
MANDRILL_KEY: Final = "local-mandrill-key"

RECORDS: Final[list[dict[str, Any]]] = [
    {"record": "service#appointments", "deployed": True},
    {
        "record": "route#appointments/create",
        "deployed": True,
        "sensitive_params": False,
        "permissions": ["client", "employee", "liaison"],
    },
    {"record": "order#1001"},
    {"record": "order_request#2001"},
    {"record": "order_request_appt#3001"},
    {"record": "user#501", "name": "Paula Photographer", "email": "paula@photographers.test"},
    {"record": "user#502", "name": "Rob Rejected", "email": "rob@rejected.test"},
    {"record": "user#503", "name": "Nora Noaddress"},
]


def hash_of(token: str) -> str:
    """Return the sessions table's key of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def sessions(now: int) -> list[dict[str, Any]]:
    """Return one session of each kind, as old as its kind wants."""
    employee = {"planoauth": "employee", "planoorder": "employee", "planox2": "employee"}
    person = {
        "kind": "session",
        "user_id": 601,
        "name": "Bea Booker",
        "email": "bea@planomatic.test",
    }
    recent = {"remember_me": False, "created_at": now - HOUR, "last_used_at": now - HOUR // 2}
    differences: dict[str, dict[str, Any]] = {
        "session": {},
        "remember_me": {
            "remember_me": True,
            "created_at": now - 90 * DAY,
            "last_used_at": now - 30 * DAY,
        },
        "application": {"kind": "application", "name": "FileMaker"},
        "expired": {"created_at": now - 8 * DAY},
        "idle": {"created_at": now - 5 * DAY, "last_used_at": now - 4 * DAY},
        "no_roles": {"roles": {}},
        "revoked": {"revoked": True},
    }
    items = []
    for kind, difference in differences.items():
        key = {"token_hash": hash_of(TOKENS[kind]), "uuid": str(uuid5(NAMESPACE_DNS, TOKENS[kind]))}
        items.append({**key, **person, **recent, "roles": employee, **difference})
    for item in items:
        if item["kind"] == "application":
            del item["user_id"], item["email"]
    return items


def write(dynamodb: "DynamoDBClient", sessions_table: str, records_table: str) -> None:
    """Write all of them anew."""
    serialize = TypeSerializer().serialize
    now = int(time.time())
    for table, items in ((sessions_table, sessions(now)), (records_table, RECORDS)):
        for item in items:
            attributes = {name: serialize(value) for name, value in item.items()}
            dynamodb.put_item(TableName=table, Item=attributes)
