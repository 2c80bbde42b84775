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

# What a list shows: the rest of the facts is for the page of one notification.
LISTED: Final = (
    *("notification_id", "came_at", "day", "state", "stage", "status", "reason", "uuid"),
    *("request_id", "chapter", "recipients", "saved", "received_at", "storm", "recovery", "replay"),
)
_PAGE: Final = 200
_OPEN: Final = NotificationState.OPEN.value


class NotOpen(Exception):
    """A notification that is not open any more keeps its state."""


def table(deployment: Deployment) -> Any:
    """Return the notifications table."""
    return deployment.table("NotificationsTable")


def newest(
    notifications: Any, since: datetime, *, is_open: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield notifications from the newest to `since`; with `is_open` only what is open."""
    for items, _ in newest_pages(notifications, since, is_open=is_open):
        yield from items


def newest_pages(
    notifications: Any, since: datetime, before: str | None = None, *, is_open: bool = False
) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """Yield the same call by call: what was read, and the position down to which all is read.

    `before` is such a position, or that of a notification: what came before it is read.
    """
    first = iso(since)
    if is_open:
        yield from _query(notifications, OPEN_INDEX, Key("open").eq(_OPEN), first, before)
        return
    day = date.fromisoformat(before[:10]) if before else datetime.now(UTC).date()
    while day >= since.date():
        key = Key("day").eq(day.isoformat())
        first_of_day = max(first, f"{day.isoformat()}T00:00:00.000Z")
        yield from _query(notifications, BY_DAY_INDEX, key, first_of_day, before)
        day -= timedelta(days=1)


def position(item: Mapping[str, Any]) -> str:
    """Return the place of a notification: several may have come at one moment."""
    return f"{item['came_at']} {item['notification_id']}"


def _query(
    notifications: Any, index: str, key: Any, first: str, before: str | None
) -> Iterator[tuple[list[dict[str, Any]], str]]:
    last_at, _, last_id = (before or "").partition(" ")
    span = Key("came_at").between(first, last_at) if before else Key("came_at").gte(first)
    request: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": key & span,
        "ScanIndexForward": False,
        "Limit": _PAGE,
        "ProjectionExpression": ", ".join(f"#{name}" for name in LISTED),
        "ExpressionAttributeNames": {f"#{name}": name for name in LISTED},
    }
    if before and last_at <= first:
        return
    is_past = not before
    while True:
        page = notifications.query(**request)
        items = []
        for item in page["Items"]:
            if is_past or item["came_at"] != last_at:
                items.append(item)
                is_past = True
            elif item["notification_id"] == last_id:
                is_past = True
        if "LastEvaluatedKey" not in page:
            yield items, first
            return
        yield items, position(page["LastEvaluatedKey"])
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def get(notifications: Any, notification_id: str) -> dict[str, Any]:
    """Return a notification; empty if there is none."""
    key = {"notification_id": notification_id}
    item: dict[str, Any] = notifications.get_item(Key=key, ConsistentRead=True).get("Item", {})
    return item


def of_request(notifications: Any, request_id: str) -> list[dict[str, Any]]:
    """Return the notifications of a request, the earliest first."""
    if not request_id:
        return []
    page = notifications.query(
        IndexName=BY_REQUEST_INDEX, KeyConditionExpression=Key("request_id").eq(request_id)
    )
    found = [get(notifications, each["notification_id"]) for each in page["Items"]]
    return [item for item in found if item]


def identity(deployment: Deployment) -> str:
    """Return who the operator is to AWS, as the history of a notification names them."""
    return str(deployment.client("sts").get_caller_identity()["Arn"])


def close(
    notifications: Any, notification_id: str, state: NotificationState, *, by: str, done: str
) -> None:
    """Set an open notification to another state; raises NotOpen if it is not open any more."""
    _append(
        notifications,
        notification_id,
        {"at": iso(datetime.now(UTC)), "by": by, "state": state.value, "done": done},
        "SET #state = :state, history = list_append(history, :change) REMOVE #open",
    )


def record_action(notifications: Any, notification_id: str, *, by: str, done: str) -> None:
    """Add to the history of an open notification what a person did about it."""
    change = {"at": iso(datetime.now(UTC)), "by": by, "state": _OPEN, "done": done}
    _append(
        notifications,
        notification_id,
        change,
        "SET #state = :state, #open = :open, history = list_append(history, :change)",
    )


def _append(notifications: Any, notification_id: str, change: dict[str, str], update: str) -> None:
    try:
        notifications.update_item(
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


def resolve_replayed(deployment: Deployment, request_ids: set[str], by: str) -> list[str]:
    """Resolve the open notifications of these requests that have no uuid; return their ids.

    The keeper resolves those with a uuid, by what it sees in the appointments table.
    """
    notifications, resolved = table(deployment), []
    found = [
        item
        for request_id in sorted(request_ids)
        for item in of_request(notifications, request_id)
        if not item.get("uuid")
    ]
    for item in found:
        done = f"the replay of {item['request_id']} succeeded"
        try:
            close(
                notifications,
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
    """Return whether a notification is in a search; `text` is in its reason, recipients or ids."""
    places = (
        *(item.get("reason"), item.get("uuid"), item.get("request_id")),
        *(item.get("notification_id"), *_addresses(item)),
    )
    return (
        status in ("", item.get("status"))
        and state in ("", item.get("state"))
        and stage in ("", item.get("stage"))
        and any(text.casefold() in str(place or "").casefold() for place in places)
    )


def _addresses(item: Mapping[str, Any]) -> list[str]:
    recipients = item.get("recipients")
    if not isinstance(recipients, list):
        return []
    return [str(each.get("email", "")) for each in recipients if isinstance(each, dict)]
