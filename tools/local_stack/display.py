"""What was last sent and published, as tables."""

import json
from typing import TYPE_CHECKING, Any, Final

import urllib3
from rich.markup import escape
from rich.table import Table

from tools.environment import QUEUE
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SHOWN: Final = 20
MOST_CALLS: Final = 50


def mailbox(stack: Stack) -> Table:
    """Show the emails that the sandbox accepted last."""
    messages = urllib3.request("GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=5).json()
    table = _table("Emails last sent", "to", "template", "appointment", "request")
    for message in messages[-SHOWN:]:
        table.add_row(
            ", ".join(to["email"] for to in message["to"]),
            message["template_name"],
            message["metadata"].get("appointment_uuid"),
            message["metadata"].get("request_id"),
        )
    return table


def notifications(found: list[dict[str, Any]]) -> Table:
    """Show the notifications that were published last."""
    columns = ("received_at", "status", "reason", "uuid", "request_id")
    table = _table("Notifications last published", *columns)
    for facts in found[-SHOWN:]:
        table.add_row(*(escape(str(facts.get(name) or "")) for name in columns))
    return table


def published(stack: Stack) -> list[dict[str, Any]]:
    """Read the queue on the topic without emptying it, oldest first."""
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    queue = queues.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    found: list[MessageTypeDef] = []
    for _ in range(MOST_CALLS):
        batch = queues.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=60,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        if not batch:
            break
        found += batch
    for message in found:  # back into the queue, for the next look
        receipt = message["ReceiptHandle"]
        queues.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0)
    found.sort(key=lambda message: message["Attributes"]["SentTimestamp"])
    return [json.loads(message["Body"]) for message in found]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
