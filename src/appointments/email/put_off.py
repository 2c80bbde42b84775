"""An item that cannot be processed is put off, so that it never delays another (section 8.10)."""

import time
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from appointments import clients, notifier, reasons
from appointments.email.retries import epoch_after
from appointments.observability import add_metric, logger
from appointments.settings import SETTINGS
from appointments.statuses import Status

FIRST_PAUSE_SECONDS: Final = 900
LONGEST_PAUSE_SECONDS: Final = 24 * 3600
# AWS's codes whose cause is the content of the item, and not AWS.
_CONTENT_CODES: Final = frozenset({"ValidationException"})
_TIMES: Final = ("due", "email_due", "notify_due")


def is_caused_by_item(error: BaseException) -> bool:
    """Whether the content of an item or of its records raised the error, rather than AWS."""
    chain = list(reasons.chain(error))
    codes = {
        each.response.get("Error", {}).get("Code")
        for each in chain
        if isinstance(each, ClientError)
    }
    if codes & _CONTENT_CODES:
        return True
    aws = (BotoCoreError, ClientError, PynamoDBException)
    return not any(isinstance(each, aws) for each in chain)


def put_off(uuid: str, raw: dict[str, Any], error: BaseException) -> None:
    """Make the item due after its next pause, and notify people the first time.

    Works whatever else the item holds: the update touches no other attribute.
    """
    add_metric("OwedBroken")
    try:
        last_pause = int(raw["put_off"]["N"])
    except (KeyError, TypeError, ValueError):
        last_pause = 0
    pause = min(last_pause * 2, LONGEST_PAUSE_SECONDS) if last_pause else FIRST_PAUSE_SECONDS
    due = {":due": {"N": str(epoch_after(time.time(), pause))}, ":pause": {"N": str(pause)}}
    moved = ", ".join(f"{name} = :due" for name in _TIMES if name in raw)
    try:
        clients.client("dynamodb").update_item(
            TableName=SETTINGS.appointments_table,
            Key={"uuid": {"S": uuid}},
            UpdateExpression=f"SET put_off = :pause, {moved}",
            ConditionExpression="attribute_exists(owed)",
            ExpressionAttributeValues=due,
        )
    except (BotoCoreError, ClientError) as failed:
        logger.error("item not put off", uuid=uuid, reason=reasons.of_exception(failed).text)
    if not last_pause:
        _notify(uuid, raw, error)


def _notify(uuid: str, raw: dict[str, Any], error: BaseException) -> None:
    notification = notifier.make(
        Status.APPLICATION_CRASH,
        reasons.of_exception(error),
        id_seed=uuid,
        request_id=_text(raw, "request_id"),
        received_at=_text(raw, "received_at"),
        uuid=uuid,
        saved=True,
        owner=_text(raw, "owner"),
        recovery="The item is processed again after growing pauses, of at most a day.",
    )
    if not notifier.publish(notification):
        notifier.log_unpublished(notification)


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name, {}).get("S")
    return value if isinstance(value, str) else "unknown"
