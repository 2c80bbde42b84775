"""What was last sent and published, as tables."""

import json
from typing import TYPE_CHECKING, Any, Final

import urllib3
from rich.markup import escape
from rich.table import Table

from tools.project import QUEUE
from tools.stack import Stack, session

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SHOWN: Final = 20
MOST_CALLS: Final = 50


def mailbox(stack: Stack) -> Table:
    """Show the emails that the sandbox accepted last."""
    messages = urllib3.request("GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=5).json()
    table = Table("to", "template", "appointment", "request", title="Emails last sent")
    for message in messages[-SHOWN:]:
        metadata = message["metadata"]
        table.add_row(
            "\n".join(f"{to['name']} <{to['email']}>" for to in message["to"]),
            message["template_name"],
            metadata.get("appointment_uuid"),
            metadata.get("request_id"),
        )
    return table


def notifications(stack: Stack) -> Table:
    """Show the notifications that were published last."""
    table = Table("received at", "status", "reason", "uuid", "replay", title="Notifications")
    for facts in published(stack)[-SHOWN:]:
        columns = ("received_at", "status", "reason", "uuid", "replay")
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
