"""The notifications table, as operators read it and change the state of what is in it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from appointments.tables.keys import (
    BY_DAY_INDEX,
    BY_REQUEST_INDEX,
    CONDITION_FAILED,
    OPEN_INDEX,
    NotificationState,
)
from appointments.timestamps import iso
from appointments_operator.deployment import Deployment

# What a list shows. The page of one notification has its other attributes too.
LIST_ATTRIBUTES: Final = (
    "notification_id", "came_at", "day", "state", "stage", "status", "reason", "uuid",
    "request_id", "chapter", "recipients", "saved", "received_at", "storm", "recovery", "replay",
)  # fmt: skip
# What a list shows costs one small call. Who reads on, reads much.
_FIRST_PAGE: Final = 200
_PAGE: Final = 800
_OPEN: Final = NotificationState.OPEN.value


class NotOpen(Exception):
    """The notification is not open any more: its state cannot be changed."""


def table_of(deployment: Deployment) -> Any:
    """Return the notifications table."""
    return deployment.table("NotificationsTable")


def newest(table: Any, since: datetime, *, is_open: bool = False) -> Iterator[dict[str, Any]]:
    """Yield notifications from the newest to `since`; with `is_open` only open ones."""
    for items, _ in newest_pages(table, since, is_open=is_open):
        yield from items


def newest_pages(
    table: Any, since: datetime, before: str | None = None, *, is_open: bool = False
) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """Yield the same in pages, one per call of DynamoDB, each with the position that it reaches.

    Nothing newer than this position is left unread. `before` is such a position, or that of a
    notification: only older notifications are read.
    """
    oldest = iso(since)
    if is_open:
        yield from _query(table, OPEN_INDEX, Key("open").eq(_OPEN), oldest, before)
        return
    day = date.fromisoformat(before[:10]) if before else datetime.now(UTC).date()
    while day >= since.date():
        key = Key("day").eq(day.isoformat())
        oldest_of_day = max(oldest, f"{day.isoformat()}T00:00:00.000Z")
        yield from _query(table, BY_DAY_INDEX, key, oldest_of_day, before)
        day -= timedelta(days=1)


def position(item: Mapping[str, Any]) -> str:
    """Return the position of a notification. It has the id: several may come at the same time."""
    return f"{item['came_at']} {item['notification_id']}"


def _query(
    table: Any, index: str, key: Any, oldest: str, before: str | None
) -> Iterator[tuple[list[dict[str, Any]], str]]:
    before_at, _, before_id = (before or "").partition(" ")
    span = Key("came_at").between(oldest, before_at) if before else Key("came_at").gte(oldest)
    request: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": key & span,
        "ScanIndexForward": False,
        "Limit": _FIRST_PAGE,
        "ProjectionExpression": ", ".join(f"#{name}" for name in LIST_ATTRIBUTES),
        "ExpressionAttributeNames": {f"#{name}": name for name in LIST_ATTRIBUTES},
    }
    if before and before_at <= oldest:
        return
    is_beyond_position = not before
    while True:
        page = table.query(**request)
        items = []
        for item in page["Items"]:
            if is_beyond_position or item["came_at"] != before_at:
                items.append(item)
                is_beyond_position = True
            elif item["notification_id"] == before_id:
                is_beyond_position = True
        if "LastEvaluatedKey" not in page:
            yield items, oldest
            return
        yield items, position(page["LastEvaluatedKey"])
        request |= {"ExclusiveStartKey": page["LastEvaluatedKey"], "Limit": _PAGE}


def get(table: Any, notification_id: str) -> dict[str, Any]:
    """Return a notification; empty if there is none."""
    key = {"notification_id": notification_id}
    item: dict[str, Any] = table.get_item(Key=key, ConsistentRead=True).get("Item", {})
    return item


def of_request(table: Any, request_id: str) -> list[dict[str, Any]]:
    """Return the notifications of a request, the earliest first."""
    if not request_id:
        return []
    page = table.query(
        IndexName=BY_REQUEST_INDEX, KeyConditionExpression=Key("request_id").eq(request_id)
    )
    found = [get(table, each["notification_id"]) for each in page["Items"]]
    return [item for item in found if item]


def identity(deployment: Deployment) -> str:
    """Return the ARN of the operator, which the history of a notification has."""
    return str(deployment.client("sts").get_caller_identity()["Arn"])


def close(
    table: Any, notification_id: str, state: NotificationState, *, by: str, done: str
) -> None:
    """Set an open notification to another state; raises NotOpen if it is not open any more."""
    _append(
        table,
        notification_id,
        {"at": iso(datetime.now(UTC)), "by": by, "state": state.value, "done": done},
        "SET #state = :state, history = list_append(history, :change) REMOVE #open",
    )


def record_action(table: Any, notification_id: str, *, by: str, done: str) -> None:
    """Add to the history of an open notification what an operator did about it."""
    change = {"at": iso(datetime.now(UTC)), "by": by, "state": _OPEN, "done": done}
    _append(
        table,
        notification_id,
        change,
        "SET #state = :state, #open = :open, history = list_append(history, :change)",
    )


def _append(table: Any, notification_id: str, change: dict[str, str], update: str) -> None:
    try:
        table.update_item(
            Key={"notification_id": notification_id},
            UpdateExpression=update,
            ConditionExpression=Attr("state").eq(_OPEN),
            ExpressionAttributeNames={"#state": "state", "#open": "open"},
            ExpressionAttributeValues={
                ":state": change["state"],
                ":change": [change],
                **({":open": _OPEN} if ":open" in update else {}),
            },
        )
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        raise NotOpen(f"{notification_id} is not open any more") from failed


def resolve_after_replay(deployment: Deployment, request_ids: set[str], by: str) -> list[str]:
    """Resolve the open notifications without a uuid of these requests; return their ids.

    The keeper resolves those with a uuid, by what it sees in the appointments table.
    """
    table, resolved = table_of(deployment), []
    found = [
        item
        for request_id in sorted(request_ids)
        for item in of_request(table, request_id)
        if not item.get("uuid")
    ]
    for item in found:
        done = f"the replay of {item['request_id']} succeeded"
        try:
            close(
                table,
                item["notification_id"],
                NotificationState.RESOLVED,
                by=by,
                done=done,
            )
        except NotOpen:
            continue
        resolved.append(str(item["notification_id"]))
    return resolved


def is_selected(
    item: Mapping[str, Any],
    *,
    status: str = "",
    text: str = "",
    state: str = "",
    stage: str = "",
) -> bool:
    """Return whether a notification matches; `text` is in its reason, an address or an id."""
    ids = (item.get("uuid"), item.get("request_id"), item.get("notification_id"))
    texts = (item.get("reason"), *ids, *_addresses(item))
    return (
        status in ("", item.get("status"))
        and state in ("", item.get("state"))
        and stage in ("", item.get("stage"))
        and any(text.casefold() in str(each or "").casefold() for each in texts)
    )


def _addresses(item: Mapping[str, Any]) -> list[str]:
    recipients = item.get("recipients")
    if not isinstance(recipients, list):
        return []
    return [str(each.get("email", "")) for each in recipients if isinstance(each, dict)]
