"""`admin notifications`: list and dismiss them, and bring back what did not reach the table."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

import click

from appointments.names import NOT_PUBLISHED
from appointments.notification import Notification
from appointments.statuses import Status
from appointments.tables.keys import NotificationState
from appointments_operator import notifications_table
from appointments_operator.command import Group
from appointments_operator.deployment import Deployment, options, pass_deployment
from appointments_operator.layout import counted, print_list, relative
from appointments_operator.log_search import search
from appointments_operator.option_types import moment

_MAX_LISTED: Final = 1_000
_BATCH: Final = 10
_since = click.option(
    "--since",
    type=moment,
    metavar="TIME",
    default="7d",
    show_default=True,
    help="From then on: 15m, 2h, 3d ago, or an ISO 8601 time.",
)


@click.group(cls=Group, examples=["admin --stack appointments-prod notifications list"])
@options
def notifications() -> None:
    """List and dismiss notifications, and bring back those that are not in their table."""


@notifications.command("list", examples=["admin --stack appointments-prod notifications list"])
@_since
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in NotificationState), "all"]),
    default="open",
    show_default=True,
)
@click.option("--status", type=click.Choice([each.value for each in Status]))
@click.option("--search", "text", default="", help="A text of the reason, a recipient, or an id.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_deployment
def list_notifications(
    deployment: Deployment,
    *,
    since: datetime,
    state: str,
    status: str | None,
    text: str,
    as_json: bool,
) -> None:
    """List notifications, the newest first, at most a thousand."""
    wanted = "" if state == "all" else state
    found = notifications_table.newest(
        notifications_table.table_of(deployment), since, is_open=state == "open"
    )
    selected = (
        item
        for item in found
        if notifications_table.is_selected(item, status=status or "", text=text, state=wanted)
    )
    print_list(
        list(islice(selected, _MAX_LISTED)),
        {
            "Notification": lambda item: item["notification_id"],
            "Came": lambda item: relative(datetime.fromisoformat(item["came_at"])),
            "State": lambda item: item["state"],
            "Status": lambda item: item.get("status", ""),
            "Appointment": lambda item: item.get("uuid") or "",
            "Reason": lambda item: item.get("reason", ""),
        },
        empty="There is no such notification.",
        as_json=as_json,
    )


@notifications.command(
    "dismiss",
    examples=["admin --stack appointments-prod notifications dismiss ID --note 'Called them'"],
)
@click.argument("notification_id", metavar="ID")
@click.option("--note", required=True, help="Why nothing is left to do.")
@pass_deployment
def dismiss_notification(deployment: Deployment, *, notification_id: str, note: str) -> None:
    """Dismiss a notification about which nothing is left to do."""
    dismiss(deployment, notification_id, note)
    click.echo("Dismissed.")


def dismiss(deployment: Deployment, notification_id: str, note: str) -> None:
    """Set a notification to `dismissed`, with the note of the operator."""
    table = notifications_table.table_of(deployment)
    if not notifications_table.get(table, notification_id):
        raise click.ClickException(f"There is no notification {notification_id}.")
    by = notifications_table.identity(deployment)
    try:
        notifications_table.close(
            table, notification_id, NotificationState.DISMISSED, by=by, done=note
        )
    except notifications_table.NotOpen as closed:
        raise click.ClickException(f"{closed}.") from closed


@notifications.command(
    "publish", examples=["admin --stack appointments-prod notifications publish --since 2h"]
)
@_since
@click.option("--dry-run", is_flag=True, help="Show what would be published, and do nothing.")
@pass_deployment
def publish_notifications(deployment: Deployment, *, since: datetime, dry_run: bool) -> None:
    """Publish what only the log has: the alarm notification-failed leads here.

    A notification keeps its id, so publishing one again adds nothing to the notifications tab.
    """
    unpublished = list(_unpublished(deployment, since))
    for notification in unpublished:
        click.echo(f"{notification.notification_id}  {notification.subject}")
        if not dry_run:
            message = notification.to_sns(deployment.output("NotificationsTopic"))
            deployment.client("sns").publish(**message)
    click.echo(
        f"{counted(len(unpublished), 'notification')} {'found' if dry_run else 'published'}."
    )


def _unpublished(deployment: Deployment, since: datetime) -> Iterator[Notification]:
    """Yield the notifications that only an ERROR line in the log has, each once."""
    seen: set[str] = set()
    for found in search(deployment, f'{{ $.message = "{NOT_PUBLISHED}" }}', since):
        facts = found.entry.get("notification")
        if found.entry.get("message") != NOT_PUBLISHED or not isinstance(facts, Mapping):
            continue
        if (notification_id := str(facts.get("notification_id"))) not in seen:
            seen.add(notification_id)
            yield Notification.from_facts(facts)


@notifications.command(
    "redeliver", examples=["admin --stack appointments-prod notifications redeliver --dry-run"]
)
@click.option("--dry-run", is_flag=True, help="Show the messages, and do nothing.")
@pass_deployment
def redeliver_notifications(deployment: Deployment, *, dry_run: bool) -> None:
    """Send what is in the dead-letter queue to the keeper again, once its cause is removed.

    A message that is no notification comes back to the dead-letter queue: it may be deleted there.
    """
    queues = deployment.client("sqs")
    dead, queue = deployment.output("KeeperDeadLetters"), deployment.output("KeeperQueue")
    count = 0
    while True:
        # The next calls do not return these messages for a minute, so that each is handled once.
        batch = queues.receive_message(
            QueueUrl=dead, MaxNumberOfMessages=_BATCH, VisibilityTimeout=60
        ).get("Messages", [])
        if not batch:
            break
        for message in batch:
            count += 1
            click.echo(_summary(message["Body"]))
            receipt = message["ReceiptHandle"]
            if not dry_run:
                queues.send_message(QueueUrl=queue, MessageBody=message["Body"])
                queues.delete_message(QueueUrl=dead, ReceiptHandle=receipt)
    click.echo(f"{counted(count, 'message')} {'found' if dry_run else 'sent to the keeper'}.")


def _summary(body: str) -> str:
    """Return the id and the reason of a notification, or how another message begins."""
    try:
        facts = json.loads(body)
        return f"{facts['notification_id']}  {facts.get('status')}: {facts.get('reason')}"
    except (ValueError, TypeError, KeyError):
        return f"no notification: {body[:100]!r}"
