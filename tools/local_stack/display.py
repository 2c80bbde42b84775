"""What was last sent and published, and what was seeded, for people and as JSON."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import urllib3
from rich.markup import escape

from appointments.notification import Notification
from appointments_operator.layout import print_json, print_list, relative
from appointments_operator.terminal import output
from tools.environment import QUEUE
from tools.errors import ToolError
from tools.local_stack import seeds
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.terminal import err

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SHOWN: Final = 20
MAX_SECONDS: Final = 20


def mailbox(stack: Stack, *, as_json: bool) -> None:
    """Show the emails that the sandbox accepted last, as their recipients read them."""
    response = urllib3.request(
        "GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=5, retries=False
    )
    messages = response.json()[-SHOWN:]
    if as_json or not messages:
        print_list(messages, {}, empty="No emails yet: make demo sends one.", as_json=as_json)
        return
    console = output()
    for message in messages:
        fields = {
            "Time": relative(datetime.fromisoformat(message["accepted_at"])),
            "To": ", ".join(to["email"] for to in message["to"]),
            "Subject": message["subject"],
            "Request": message["metadata"].get("request_id", ""),
        }
        for name, value in fields.items():
            console.print(f"{name:<9}{value}", soft_wrap=True)
        console.print(f"\n{message['text']}\n", soft_wrap=True)


def notifications(stack: Stack, *, as_json: bool) -> None:
    """Show the notifications that were published last, and how to repair the last one."""
    found = read_published(stack)[-SHOWN:]
    print_list(
        found,
        {
            "ID": lambda facts: facts["notification_id"],
            "Received": lambda facts: relative(datetime.fromisoformat(facts["received_at"])),
            "Status": lambda facts: facts["status"],
            "Reason": lambda facts: facts["reason"],
            "Appointment": lambda facts: facts["uuid"] or "",
        },
        empty="No notifications yet: nothing has failed.",
        as_json=as_json,
    )
    if found and not as_json:
        output().print("\nAs a person gets the last one: make notifications ID=", end="")
        output().print(found[-1]["notification_id"], soft_wrap=True)
        if found[-1]["replay"]:
            output().print(f"To repair it: {found[-1]['replay']}", soft_wrap=True)


def notification(stack: Stack, notification_id: str, *, as_json: bool) -> None:
    """Show one notification as a person gets it."""
    for facts in reversed(read_published(stack)):
        if facts["notification_id"] == notification_id:
            break
    else:
        raise ToolError(f"There is no notification {notification_id}. All: make notifications")
    if as_json:
        print_json(facts)
        return
    shown = Notification.from_facts(facts)
    output().print(f"Subject: {shown.subject}\n\n{shown.text}", soft_wrap=True, end="")


def read_published(stack: Stack) -> list[dict[str, Any]]:
    """Read the queue on the topic without emptying it, oldest first."""
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    queue = queues.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    found: list[MessageTypeDef] = []
    until = time.monotonic() + MAX_SECONDS
    while time.monotonic() < until:
        batch = queues.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=60,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        if not batch:
            break
        found += batch
    for start in range(0, len(found), 10):  # back into the queue, for the next look
        entries: Any = [
            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for n, message in enumerate(found[start : start + 10])
        ]
        queues.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
    found.sort(key=lambda message: message["Attributes"]["SentTimestamp"])
    return [json.loads(message["Body"]) for message in found]


def tokens_and_records(*, as_json: bool) -> None:
    """Show the seeded tokens and records."""
    if as_json:
        print_json({"tokens": seeds.TOKENS, "records": seeds.RECORDS})
        return
    print_list(
        [{"token": seeds.TOKENS[kind], "use": use} for kind, use in seeds.KINDS.items()],
        {"Token": lambda row: row["token"], "What it is": lambda row: row["use"]},
        empty="",
    )
    output().print()
    print_list(
        [record for record in seeds.RECORDS if record["record"] in seeds.PURPOSES],
        {
            "Record": lambda record: record["record"],
            "Email": lambda record: record.get("email", ""),
            "What it is": lambda record: seeds.PURPOSES[record["record"]],
        },
        empty="",
    )


def response(response: Mapping[str, Any]) -> None:
    """Show the response to a created appointment in a few lines."""
    email: Mapping[str, Any] = response.get("data", {}).get("email", {})
    recipients: Sequence[Mapping[str, Any]] = email.get("recipients", ())
    fields = {
        "Response": f"{response['code']} {response['status']}",
        "Message": response["message"],
        "uuid": response.get("uuid") or "",
        "Email": email.get("status", ""),
        "To": ", ".join(f"{each['email']} {each['status']}" for each in recipients),
    }
    for name, value in fields.items():
        if value:
            output().print(f"{name:<10}{value}", soft_wrap=True)


def next_steps(stack: Stack, path: str, console_url: str) -> None:
    """Show what to do with the stack that was started, on the error stream."""
    for name, value in (
        ("API", f"{stack.base_url}{path}"),
        ("Callers", f"{stack.callers_page}   (the page for callers, with a playground)"),
        ("Console", console_url),
        ("Token", f"{stack.tokens['session']}   (all tokens and records: make seeds)"),
        ("Try", "make demo, make mailbox, make notifications, make outage MANDRILL=down"),
        ("Look", "make logs; make logs RAW=1 has all of it"),
        ("Shell", 'eval "$(.local/venv/bin/admin local-env)" makes admin, replay and aws call it'),
    ):
        err.print(f"[bold]{name:<9}[/]{escape(value)}", soft_wrap=True)
