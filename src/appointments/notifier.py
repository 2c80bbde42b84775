"""The notifier: it publishes each failure, or leaves it as pending or in the log (section 9)."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import BotoCoreError, ClientError

from appointments import clients, reasons
from appointments.elapsed import LONG_AGO, Moment
from appointments.email import outbox
from appointments.names import NOT_PUBLISHED
from appointments.notification import Notification
from appointments.observability import SERVICE, add_metric, logger
from appointments.reasons import Reason
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.storms import storms
from appointments.tables.keys import user_record
from appointments.time_limit import OutOfTime, time_limit

# How long nothing is published after a failed publish.
PAUSE_SECONDS: Final = 30.0
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://planomatic.com/notifications")


def make(
    status: Status,
    reason: Reason,
    *,
    id_seed: str,
    request_id: str,
    received_at: str,
    uuid: str | None,
    saved: bool | None,
    owner: str | None,
    recipients: Sequence[Mapping[str, Any]] = (),
    users: Mapping[str, int] | None = None,
    recovery: str | None = None,
    can_be_replayed: bool = True,
) -> Notification:
    """Return the notification of a failure, and count it for `storm`: once per failure.

    `id_seed` makes its `notification_id` stable. `users` has the ids of the user records with the
    recipients' addresses, by role. `can_be_replayed` says whether the log has the request.
    """
    command = (
        f"replay --region {SETTINGS.region} --log-group {SETTINGS.log_group}"
        f" --since {received_at} --status {status.value}"
        f" --request-id {shlex.quote(request_id)} --yes"
    )
    return Notification(
        notification_id=str(uuid5(_NAMESPACE, f"{id_seed} {status.value} {request_id}")),
        stage=SETTINGS.stage,
        service=SERVICE,
        status=status.value,
        reason=reason.text,
        request_id=request_id,
        received_at=received_at,
        uuid=uuid,
        saved=saved,
        owner=owner,
        recipients=[dict(recipient) for recipient in recipients],
        log_group=SETTINGS.log_group,
        log_query=f"fields @timestamp, @message | filter request_id = '{request_id}'",
        replay=command if can_be_replayed else None,
        repair=_repair(reason, recipients, users or {}),
        recovery=recovery or Notification.recovery,
        chapter=f"docs/operations.md#{reason.cause.value}",
        storm=storms.classify(f"{status.value} {reason.code}", time.time()),
    )


def notify(notification: Notification, deadline: float) -> None:
    """Publish; if that fails, leave it with its appointment as pending, or in the log.

    `deadline` bounds the calls (time.monotonic() seconds). While SNS has failed within the last
    PAUSE_SECONDS, the notification of an appointment is pending at once.
    """
    has_item = notification.uuid is not None and notification.saved is not False
    try:
        with time_limit(deadline):
            if not (has_item and is_paused()) and publish(notification):
                return
            if has_item:
                outbox.add_pending_notification(
                    str(notification.uuid), notification.to_json(), time.time()
                )
                return
    except OutOfTime:
        logger.warning("notification not pending", reason="no time left")
    except Exception as failed:  # noqa: BLE001 - the response must not change
        logger.warning("notification not pending", reason=type(failed).__name__)
    log_unpublished(notification)


def log_unpublished(notification: Notification) -> None:
    """Leave a notification in the log, from where a command publishes it."""
    logger.error(NOT_PUBLISHED, notification=asdict(notification))
    add_metric("NotificationFailed")


def publish(notification: Notification) -> bool:
    """Publish a notification under its stable id; False if SNS did not take it."""
    try:
        clients.client("sns").publish(**notification.to_sns(SETTINGS.notifications_topic))
    except (BotoCoreError, ClientError) as failed:
        logger.warning("SNS did not take a notification", reason=type(failed).__name__)
        _LastFailure.at = Moment.now()
        return False
    add_metric("NotificationsPublished")
    return True


class _LastFailure:
    """When this execution environment failed last to publish."""

    at = LONG_AGO


def is_paused() -> bool:
    """Whether a publish has failed within the last PAUSE_SECONDS (section 8.8)."""
    return _LastFailure.at.seconds_ago() < PAUSE_SECONDS


def reset() -> None:
    """Have no failed publish and no storm, as in a new execution environment."""
    _LastFailure.at = LONG_AGO
    storms.reset()


def _repair(
    reason: Reason, recipients: Sequence[Mapping[str, Any]], users: Mapping[str, int]
) -> str:
    """Return what a person does; for a refused address, which record has it."""
    refused = [
        role
        for recipient in recipients
        if recipient["status"] in reasons.REFUSED_STATUSES
        for role in recipient.get("roles", ())
    ]
    steps = []
    for role in refused:
        if role in users:
            record = user_record(users[role])
            steps.append(
                f"Correct the email of {record}: admin record put '{record}' --email ADDRESS."
            )
        else:
            steps.append(
                f"The {role}'s address comes from their session: remove it from Mandrill's "
                "rejection list, or reach them in another way."
            )
    return " ".join(steps) or reason.cause.repair
