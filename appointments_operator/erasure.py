"""Erase appointments, and find what other places still have of them (specification section 7.2)."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from appointments.email.state import SETTLED_STATUSES, EmailStatus
from appointments.tables.keys import CONDITION_FAILED
from appointments.timestamps import iso
from appointments_operator import items, notifications_table
from appointments_operator.deployment import Deployment
from appointments_operator.pending import State, state_of

# No request has this fingerprint. So older versions refuse a request for the item as a conflict.
_FINGERPRINT: Final = "-"
# How often the item is written. A write fails if the item has changed since it was read.
_MAX_WRITES: Final = 3
_LIST_ATTRIBUTES: Final = ("received_at", "order_id", "photographer_user_id", "email_status")


class Erasure:
    """An appointment that is to be erased: its item as it was read, and whether it is erased.

    `reason` says why it cannot be erased; it is None if it can be, or is erased. `notifications`
    is the number of notifications about it in their table; DynamoDB deletes the last one at
    `notifications_until`.
    """

    def __init__(self, uuid: str, item: Mapping[str, Any]) -> None:
        self.uuid = uuid
        self.notifications = 0
        self.notifications_until: datetime | None = None
        self._set(item)

    def _set(self, item: Mapping[str, Any]) -> None:
        self.item, self.reason = item, obstacle(item)
        self.is_erased = bool(item.get("forgotten_at"))

    def run(self, table: Any) -> None:
        """Erase the appointment, or set `reason` if it cannot be erased any more."""
        for _ in range(_MAX_WRITES):
            if self.reason or self.is_erased:
                return
            now = datetime.now(UTC)
            if _write(table, self.uuid, now):
                self.is_erased = True
                return
            self._set(items.get(table, {"uuid": self.uuid}))
        self.reason = "it changed at the same time; try again"

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "uuid": self.uuid,
            **{name: self.item.get(name) for name in _LIST_ATTRIBUTES},
            "erased": self.is_erased,
            "reason": self.reason,
            "notifications": self.notifications,
            "notifications_until": self.notifications_until
            and self.notifications_until.isoformat(),
        }


@dataclass(frozen=True)
class Log:
    """The function's log group, and its retention in days (None: for ever)."""

    group: str
    days: int | None

    @property
    def until(self) -> datetime | None:
        """When the youngest entry is deleted; None if never."""
        return datetime.now(UTC) + timedelta(days=self.days) if self.days else None


def find_by_uuid(deployment: Deployment, uuids: Iterable[str]) -> list[Erasure]:
    """Return these appointments, each once, whether they exist or not."""
    table = deployment.table("AppointmentsTable")
    return [Erasure(uuid, items.get(table, {"uuid": uuid})) for uuid in dict.fromkeys(uuids)]


def find_by_reference(deployment: Deployment, name: str, number: int) -> list[Erasure]:
    """Return the appointments that name a record, such as an order. This reads the whole table."""
    table = deployment.table("AppointmentsTable")
    found = items.find_all(table.scan, FilterExpression=Attr(name).eq(number), ConsistentRead=True)
    ordered = sorted(found, key=lambda item: str(item.get("received_at")))
    return [Erasure(str(item["uuid"]), item) for item in ordered]


def obstacle(item: Mapping[str, Any]) -> str | None:
    """Return why an item cannot be erased; None if it can be, or is erased already."""
    seconds = int(item.get("lease_until", 0)) - time.time()
    if "lease" in item and seconds > 0:
        return f"its email is being sent: try again in {int(seconds) + 1} s"
    state = state_of(item)
    if state is State.MISSING:
        return state.value
    if state is State.PENDING:
        return "its email is pending: `admin owed settle` sends it"
    if item.get("notifications"):
        return "a notification about it is pending: the schedule publishes it"
    return None


def _write(table: Any, uuid: str, now: datetime) -> bool:
    """Replace the item by what stays of it; return False if it may not be erased."""
    try:
        table.put_item(
            Item={
                "uuid": uuid,
                "forgotten_at": iso(now),
                "email_status": EmailStatus.SKIPPED.value,
                "fingerprint": _FINGERPRINT,
            },
            ConditionExpression=_may_be_erased(now),
        )
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True


def _may_be_erased(now: datetime) -> ConditionBase:
    """Return the condition of `obstacle`, as DynamoDB checks it when the item is written."""
    is_settled = Attr("email_status").is_in([status.value for status in SETTLED_STATUSES])
    is_not_pending = Attr("uuid").exists() & Attr("owed").not_exists()
    has_no_lease = Attr("lease").not_exists() | Attr("lease_until").lte(int(now.timestamp()))
    return (
        (is_settled | is_not_pending)
        & has_no_lease
        & Attr("notifications").not_exists()
        & Attr("forgotten_at").not_exists()
    )


def count_notifications(deployment: Deployment, erasures: Sequence[Erasure]) -> None:
    """Set how many notifications there are about each, and until when. Reads their whole table.

    A notification without a uuid belongs to the request that wrote the appointment.
    """
    by_uuid = {each.uuid: each for each in erasures}
    by_request = {each.item["request_id"]: each for each in erasures if "request_id" in each.item}
    names = {"#uuid": "uuid", "#request_id": "request_id", "#ttl": "ttl"}
    for notification in items.find_all(
        notifications_table.table_of(deployment).scan,
        ProjectionExpression=", ".join(names),
        ExpressionAttributeNames=names,
    ):
        uuid, request_id = notification.get("uuid"), notification.get("request_id")
        erasure = by_uuid.get(uuid) if uuid else by_request.get(request_id)
        if erasure and "ttl" in notification:
            until = datetime.fromtimestamp(int(notification["ttl"]), UTC)
            erasure.notifications += 1
            erasure.notifications_until = max(erasure.notifications_until or until, until)


def log_of(deployment: Deployment) -> Log:
    """Return the function's log group with its retention."""
    group = deployment.log_group
    found = deployment.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    days = [each.get("retentionInDays") for each in found if each["logGroupName"] == group]
    return Log(group, days[0] if days else None)
