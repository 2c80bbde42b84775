"""What people are told of a failure: one SNS message, for them and for their machines."""

import json
import re
import shlex
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import BotoCoreError, ClientError

from appointments import clients, outbox
from appointments.logs import SERVICE, count, logger
from appointments.settings import SETTINGS
from appointments.statuses import Status

Facts = dict[str, Any]

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://planomatic.com/notifications")
_LONGEST_SUBJECT: Final = 100
_UNSAFE: Final = re.compile(r"[^ -~]+")
# In a storm these are published once in so many seconds by each execution environment.
_STORMY: Final = frozenset({Status.APPLICATION_CRASH, Status.IDENTIFY_REQUEST_ERROR})
_CALM_SECONDS: Final = 60
_PROTOCOLS: Final = ("sqs", "lambda", "http", "https")

_published_at: dict[Status, float] = {}
_held_back: dict[Status, int] = {}


def facts(
    status: Status,
    reason: str,
    *,
    source: str,
    request_id: str,
    received_at: str,
    uuid: str | None,
    saved: bool | None,
    owner: str | None,
    recipients: Sequence[str] = (),
    is_logged: bool = True,
) -> Facts:
    """Return what a notification says, without token, key or free text of the appointment.

    `source` makes its `notification_id` stable; `is_logged` tells whether a `request` line was
    written that can be replayed.
    """
    which = "" if status in _STORMY else f" --request-id {shlex.quote(request_id)}"
    command = (
        f"replay --region {SETTINGS.region} --log-group {SETTINGS.log_group}"
        f" --since {received_at} --status {status.value}{which} --yes"
    )
    return {
        "notification_id": str(uuid5(_NAMESPACE, f"{source} {status.value} {request_id}")),
        "stage": SETTINGS.stage,
        "service": SERVICE,
        "status": status.value,
        "reason": reason,
        "request_id": request_id,
        "received_at": received_at,
        "uuid": uuid,
        "saved": saved,
        "owner": owner,
        "recipients": list(recipients),
        "log_group": SETTINGS.log_group,
        "log_query": f"fields @timestamp, @message | filter request_id = '{request_id}'",
        "replay": command if is_logged else None,
        "count": 1,
    }


def report(status: Status, told: Facts) -> None:
    """Publish; where that fails, leave the notification with its appointment, or in the log."""
    now = time.time()
    if status in _STORMY:
        if 0 <= now - _published_at.get(status, 0) < _CALM_SECONDS:
            _held_back[status] = _held_back.get(status, 0) + 1
            return
        _published_at[status] = now
        told = {**told, "count": 1 + _held_back.pop(status, 0)}
    if publish(told):
        return
    if told["saved"] and told["uuid"]:
        try:
            outbox.owe(told["uuid"], json.dumps(told), now)
        except Exception as failed:  # noqa: BLE001 - the answer must not suffer
            logger.warning("notification not owed", reason=type(failed).__name__)
        else:
            return
    logger.error("notification not published", notification=told)
    count("NotificationFailed")


def publish(told: Facts) -> bool:
    """Publish a notification under its stable id; False where SNS did not take it."""
    machine = json.dumps(told)
    try:
        clients.client("sns").publish(
            TopicArn=SETTINGS.notifications_topic,
            Subject=_subject(told),
            MessageStructure="json",
            Message=json.dumps({"default": _text(told), **dict.fromkeys(_PROTOCOLS, machine)}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": told[name]}
                for name in ("status", "stage", "service")
            },
        )
    except (BotoCoreError, ClientError) as failed:
        logger.warning("SNS did not take a notification", reason=type(failed).__name__)
        return False
    count("NotificationsPublished")
    return True


def _subject(told: Facts) -> str:
    subject = f"[{told['stage']}] {told['status']}: {told['reason']}"
    return _UNSAFE.sub(" ", subject)[:_LONGEST_SUBJECT].strip()


def _text(told: Facts) -> str:
    saved = {True: "It is saved", False: "Nothing was saved", None: "Unknown whether it is saved"}
    stands_for = (
        f"\nStands for:  {told['count']} failures of this kind" if told["count"] > 1 else ""
    )
    mend = told["replay"] or "there is no request on record that could be replayed"
    return f"""\
What failed:  {told["status"]}: {told["reason"]}{stands_for}
Appointment:  {saved[told["saved"]]} (uuid {told["uuid"] or "unknown"}).
Affected:     {told["owner"] or "unknown"}; email to {", ".join(told["recipients"]) or "nobody"}
Request:      {told["request_id"]}, received at {told["received_at"]}
The log:      {told["log_group"]}, in Logs Insights:
              {told["log_query"]}
To mend it:   {mend}

Replaying is safe: it creates at most one appointment and sends each email once.
Stage {told["stage"]}, service {told["service"]}, notification {told["notification_id"]}
"""
