"""The entry point of the keeper: it stores each notification for the notifications tab.

The specification fixes the name of this module (section 11.1).

Its events are batches of the queue on the notifications topic, and the check of open notifications.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from appointments.email.state import SETTLED_STATUSES
from appointments.keeper_settings import NOTIFICATIONS_TABLE
from appointments.names import METRICS_NAMESPACE
from appointments.tables import notifications
from appointments.timestamps import iso

SERVICE: Final = "appointments-keeper"
_DAY: Final = timedelta(days=1)
# What a check leaves of its time for the metrics and its result.
_RESERVED_SECONDS: Final = 5.0
_LIMIT_WITHOUT_CONTEXT: Final = 60.0

logger = Logger(service=SERVICE, level="INFO", location=None, use_rfc3339=True, utc=True)
# `Metrics` shares its dimensions with every other instance of the process.
metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE, service=SERVICE)
metrics.set_default_dimensions(table=NOTIFICATIONS_TABLE)
# A batch of which every message fails is a partial failure too: each is delivered again alone.
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class UnreadableMessage(Exception):
    """A message of the queue that is no notification."""


def lambda_handler(event: Any, context: Any) -> Any:
    """Store the notifications of a batch, or check the open ones.

    Returns the messages that were not stored, which the queue delivers again, or the result of the
    check. Raises ValueError for any other event, so that the invoker gets an error.
    """
    if isinstance(event, Mapping) and "Records" in event:
        return process_partial_response(dict(event), _store, _processor, context)
    if isinstance(event, Mapping) and event.get("check") == "open":
        return _check_open(context)
    raise ValueError('The keeper takes a batch of its queue, or {"check": "open"}.')


def _store(record: SQSRecord) -> None:
    """Store the notification of a message, once."""
    facts = _facts(record.body)
    came_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    is_new = notifications.put(facts, came_at)
    logger.info(
        "notification",
        notification_id=facts["notification_id"],
        request_id=facts.get("request_id"),
        status=facts.get("status"),
        new=is_new,
    )


def _facts(body: str) -> dict[str, Any]:
    """Return the facts of a notification, of this version of the code or of another one."""
    try:
        facts = json.loads(body)
    except ValueError as invalid:
        raise UnreadableMessage("it is no JSON") from invalid
    if not isinstance(facts, dict) or not _is_text(facts.get("notification_id")):
        raise UnreadableMessage("it has no notification_id")
    for name in ("uuid", "request_id"):
        if not isinstance(facts.get(name), str | None):
            raise UnreadableMessage(f"its {name} is not a text")
    return facts


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _check_open(context: Any) -> dict[str, int]:
    """Resolve each open notification whose appointment has a settled email; return the counts."""
    deadline = time.monotonic() + _seconds_left(context) - _RESERVED_SECONDS
    now = datetime.now(UTC)
    too_old = iso(now - _DAY)
    result = {"open": 0, "resolved": 0, "older_than_a_day": 0}
    for page in notifications.open_pages():
        uuids = [each["uuid"] for each in page if each.get("uuid")]
        statuses = notifications.email_statuses(uuids, deadline)
        for each in page:
            status = statuses.get(each.get("uuid", ""))
            if status in SETTLED_STATUSES and time.monotonic() < deadline:
                done = f"the email of the appointment is {status}"
                result["resolved"] += notifications.resolve(each["notification_id"], done, now)
            else:
                result["open"] += 1
                result["older_than_a_day"] += each["came_at"] < too_old
    logger.info("check", extra=result)
    metrics.add_metric("OpenNotifications", MetricUnit.Count, result["open"])
    metrics.add_metric("OpenOlderThanADay", MetricUnit.Count, result["older_than_a_day"])
    metrics.flush_metrics()
    return result


def _seconds_left(context: Any) -> float:
    try:
        return float(context.get_remaining_time_in_millis()) / 1000
    except AttributeError:
        return _LIMIT_WITHOUT_CONTEXT
