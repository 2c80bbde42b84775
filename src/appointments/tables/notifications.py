"""The notifications table: each notification once, with its state (specification section 9.5).

An item has the facts of the notification as attributes of the same names, and beside them:

===================  =====================================================================
`came_at`, `day`     when the topic had it, ISO 8601 UTC, and its date: the index `by_day`
`state`              `open`, `resolved`, or `dismissed` by a person
`open`               `open` while it is open, otherwise absent: the sparse index `open`
`history`            each change of the state: `at`, `by`, `state`, `done`
`ttl`                a year after `came_at`
===================  =====================================================================

A fact without a value is left out. The index `by_request` has the keys of each `request_id`.

botocore's client and not PynamoDB's model: the facts may be those of another version of the code.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from pynamodb.attributes import ListAttribute

from appointments.keeper_settings import APPOINTMENTS_TABLE, NOTIFICATIONS_TABLE
from appointments.tables.batch_get import batch_get
from appointments.tables.keys import CONDITION_FAILED, MAX_KEYS, OPEN_INDEX, NotificationState
from appointments.timestamps import iso

RETENTION: Final = timedelta(days=365)
_KEEPER: Final = "keeper"  # who changes a state in place of a person
# No caller waits for the keeper: it waits longer than the function does, and tries again.
_CLIENT: Final[Any] = get_session().create_client(
    "dynamodb",
    config=Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"total_max_attempts": 3, "mode": "standard"},
        user_agent="appointments-keeper",
    ),
)
_OPEN: Final = NotificationState.OPEN.value


def put(facts: Mapping[str, Any], came_at: datetime) -> bool:
    """Store a notification as open; False if the table has it already, whatever its state."""
    item = {
        **{name: value for name, value in facts.items() if value not in (None, "")},
        "came_at": iso(came_at),
        "day": came_at.date().isoformat(),
        "state": _OPEN,
        "open": _OPEN,
        "history": [],
        "ttl": int((came_at + RETENTION).timestamp()),
    }
    (stored,) = ListAttribute().serialize([item])
    return _write(
        _CLIENT.put_item,
        Item=stored["M"],
        ConditionExpression="attribute_not_exists(notification_id)",
    )


def resolve(notification_id: str, done: str, now: datetime) -> bool:
    """Set an open notification to `resolved`; False if it is not open any more."""
    change = {
        "at": {"S": iso(now)},
        "by": {"S": _KEEPER},
        "state": {"S": NotificationState.RESOLVED.value},
        "done": {"S": done},
    }
    return _write(
        _CLIENT.update_item,
        Key={"notification_id": {"S": notification_id}},
        UpdateExpression="SET #state = :state, history = list_append(history, :change)"
        " REMOVE #open",
        ConditionExpression="#state = :open",
        ExpressionAttributeNames={"#state": "state", "#open": "open"},
        ExpressionAttributeValues={
            ":state": change["state"],
            ":change": {"L": [{"M": change}]},
            ":open": {"S": _OPEN},
        },
    )


def open_pages() -> Iterator[list[dict[str, str]]]:
    """Yield the open notifications, the oldest first: `notification_id`, `came_at`, `uuid`."""
    pages = _CLIENT.get_paginator("query").paginate(
        TableName=NOTIFICATIONS_TABLE,
        IndexName=OPEN_INDEX,
        KeyConditionExpression="#open = :open",
        ProjectionExpression="notification_id, came_at, #uuid",
        ExpressionAttributeNames={"#open": "open", "#uuid": "uuid"},
        ExpressionAttributeValues={":open": {"S": _OPEN}},
        PaginationConfig={"PageSize": MAX_KEYS},
    )
    for page in pages:
        yield [{name: value.get("S", "") for name, value in item.items()} for item in page["Items"]]


def email_statuses(uuids: Iterable[str], deadline: float) -> dict[str, str]:
    """Return the `email_status` of each of at most MAX_KEYS appointments that is there.

    Throttled keys are read again until `deadline` (time.monotonic() seconds). What is left out is
    read in the next check.
    """
    keys = [{"uuid": {"S": uuid}} for uuid in sorted(set(uuids))]
    if not keys:
        return {}
    wanted = {"Keys": keys, "ProjectionExpression": "#uuid, email_status", "ConsistentRead": True}
    wanted["ExpressionAttributeNames"] = {"#uuid": "uuid"}
    found, _ = batch_get(_CLIENT, {APPOINTMENTS_TABLE: wanted}, deadline)
    return {
        item["uuid"]["S"]: item.get("email_status", {}).get("S", "")
        for item in found[APPOINTMENTS_TABLE]
    }


def _write(operation: Any, **parameters: Any) -> bool:
    """Write to the table; False if the condition does not hold."""
    try:
        operation(TableName=NOTIFICATIONS_TABLE, **parameters)
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True
