"""The items with pending or given-up emails, and what is left to do for an item."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from appointments.email.state import MAX_TRIES, SETTLED_STATUSES, next_try_at
from appointments.tables.keys import OWED_INDEX, SHARDS
from appointments_operator import items


class State(StrEnum):
    """What is left to do for an appointment."""

    MISSING = "there is no such appointment"
    SETTLED = "nothing is left to send"
    NOTIFICATION = "a notification is pending"
    GIVEN_UP = "given up"
    PENDING = "pending"


def state_of(item: Mapping[str, Any]) -> State:
    """Return what is left to do for an item of the table; `{}` if there is none."""
    if not item:
        return State.MISSING
    if item.get("email_status") in SETTLED_STATUSES:
        return State.NOTIFICATION if item.get("notifications") else State.SETTLED
    return State.GIVEN_UP if next_try_at(item) is None else State.PENDING


def pending_items(table: Any) -> Iterator[dict[str, Any]]:
    """Yield every item with a pending email or notification."""
    for shard in SHARDS:
        found = items.find_all(
            table.query, IndexName=OWED_INDEX, KeyConditionExpression=Key("owed").eq(shard)
        )
        for key in found:
            if item := items.get(table, {"uuid": key["uuid"]}):
                yield item


def given_up_items(table: Any) -> Iterator[dict[str, Any]]:
    """Yield every item whose email was given up. This reads the whole table."""
    has_no_try_left = Attr("email_tries").gte(MAX_TRIES)
    for item in items.find_all(table.scan, FilterExpression=has_no_try_left, ConsistentRead=True):
        if state_of(item) is State.GIVEN_UP:
            yield item
