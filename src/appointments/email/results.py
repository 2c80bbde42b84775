"""The result of a try or a search: logged, and saved in the item."""

import time
from dataclasses import replace

from pynamodb.exceptions import PynamoDBException

from appointments import notifier
from appointments.email import outbox, retries
from appointments.email.retries import NextTry
from appointments.email.state import EmailState, EmailStatus, Outcome, Trigger
from appointments.observability import add_metric, log_audit, logger
from appointments.statuses import Status
from appointments.tables.appointments import Appointment


def log(item: Appointment, after: EmailState, trigger: Trigger, next_try: NextTry) -> None:
    """Write the email log entry of a try, or of a search that decides what becomes of the email."""
    is_decided = next_try.gives_up or after.outcome in (Outcome.SETTLED, Outcome.REFUSED)
    if not after.called_mandrill and not is_decided:
        return
    log_audit(
        "email",
        uuid=item.uuid,
        trigger=trigger.value,
        status=after.status.value,
        tries=next_try.tries,
        recipients=after.to_response()["recipients"],
        reason=after.reason,
    )
    add_metric("EmailsSent", after.status is EmailStatus.SENT)


def save(
    item: Appointment,
    lease: str,
    after: EmailState,
    next_try: NextTry,
    notification: str | None = None,
) -> None:
    """Save the result; if that fails the lease stays, and the next sender asks Mandrill first."""
    try:
        is_saved = outbox.save_result(
            item, lease, after, next_try, time.time(), notification=notification
        )
    except PynamoDBException as failed:
        logger.warning("email not marked", reason=type(failed).__name__, uuid=item.uuid)
        if notification:
            raise
    else:
        if not is_saved:
            logger.warning("email not marked", reason="the lease was lost", uuid=item.uuid)


def give_up(item: Appointment, lease: str, after: EmailState, next_try: NextTry) -> None:
    """Give the email up, and leave its notification as pending: the drain publishes it."""
    reason, now = after.failure_reason, time.time()
    notification = notifier.make(
        Status.MANDRILL_EMAIL_FAILED,
        replace(reason, text=f"the email was given up: {reason.text}"),
        id_seed=f"{item.uuid} {int(now)}",
        request_id=item.request_id,
        received_at=item.received_at,
        uuid=item.uuid,
        saved=True,
        owner=item.owner,
        recipients=after.recipients,
        users=item.user_ids(),
        recovery=retries.GIVEN_UP,
    )
    save(item, lease, after, next_try, notification.to_json())
    add_metric("EmailsGivenUp")
