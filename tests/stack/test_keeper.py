"""The keeper as deployed: from a failing request over HTTP to the notification in its table."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
from boto3.dynamodb.conditions import Attr

from appointments.names import PATH
from tests import template
from tools.environment import STACK_NAME
from tools.local_stack import role
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

SECONDS: Final = 60
LOOK_AGAIN: Final = 0.1


@dataclass
class Keeper:
    """The deployed keeper, its queues, its table, and the function whose failures it stores."""

    stack: Stack
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a client of the emulator."""
        connect: Any = session.client
        return connect(service, endpoint_url=self.stack.endpoint_url)

    def fail(self) -> dict[str, Any]:
        """Send a request whose email fails, and return the body of the response."""
        sent = {
            "token": self.stack.tokens["application"],
            "updated_at_mt": "2026-11-22 10:00:00",
            "uuid": str(uuid4()),
            "photographer_user_id": 502,
        }
        body: dict[str, Any] = self.stack.request(
            "POST", PATH, json.dumps(sent).encode(), {"Content-Type": "application/json"}
        ).json()
        assert body["status"] == "mandrill-email-failed"
        return body

    def stored(self, uuid: str) -> list[dict[str, Any]]:
        """Return the stored notifications of an appointment."""
        tables: Any = session.resource("dynamodb", endpoint_url=self.stack.endpoint_url)
        table = tables.Table(self.stack.notifications_table)
        found: list[dict[str, Any]] = table.scan(FilterExpression=Attr("uuid").eq(uuid))["Items"]
        return found

    def await_stored(self, uuid: str) -> dict[str, Any]:
        """Wait until there is one notification of an appointment, and return it."""
        await_that(lambda: bool(self.stored(uuid)), "the notification is stored")
        (item,) = self.stored(uuid)
        return item

    def check(self) -> dict[str, int]:
        """Let the keeper check the open ones, as the console does."""
        invoked = self.client("lambda").invoke(
            FunctionName=self.outputs["KeeperFunction"], Payload=b'{"check": "open"}'
        )
        assert "FunctionError" not in invoked, invoked["Payload"].read()
        result: dict[str, int] = json.loads(invoked["Payload"].read())
        return result

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue has, those on their way included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=names
        )["Attributes"]
        return sum(int(found[name]) for name in names)

    def send(self, body: str) -> None:
        """Put a message into the queue, as the topic does."""
        self.client("sqs").send_message(QueueUrl=self.outputs["KeeperQueue"], MessageBody=body)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let the queue deliver a failed message again at once, and give it up after two times."""
        queues, url = self.client("sqs"), self.outputs["KeeperQueue"]
        names = ["VisibilityTimeout", "RedrivePolicy"]
        usual = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        redrive = {**json.loads(usual["RedrivePolicy"]), "maxReceiveCount": 2}
        changed = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
        queues.set_queue_attributes(QueueUrl=url, Attributes=changed)
        yield
        queues.set_queue_attributes(QueueUrl=url, Attributes=usual)


def await_that(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not in {SECONDS} s: {what}"
        time.sleep(LOOK_AGAIN)


@pytest.fixture
def keeper(stack: Stack) -> Keeper:
    """Return the keeper, with an empty dead-letter queue."""
    cloudformation = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    (found,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    keeper = Keeper(stack, {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]})
    keeper.client("sqs").purge_queue(QueueUrl=keeper.outputs["KeeperDeadLetters"])
    return keeper


def set_email_status(stack: Stack, uuid: str, status: str) -> None:
    """Set the email state of an appointment."""
    tables: Any = session.resource("dynamodb", endpoint_url=stack.endpoint_url)
    tables.Table(stack.appointments_table).update_item(
        Key={"uuid": uuid},
        UpdateExpression="SET email_status = :status",
        ExpressionAttributeValues={":status": status},
    )


def test_a_failure_is_stored_and_resolved(keeper: Keeper) -> None:
    """A failing request is one open notification, and is resolved once its email is settled."""
    response = keeper.fail()
    item = keeper.await_stored(response["uuid"])
    assert item["state"] == "open"
    assert item["status"] == response["status"]
    assert item["request_id"] == response["request_id"]
    set_email_status(keeper.stack, response["uuid"], "sent")
    assert keeper.check()["resolved"] >= 1
    assert keeper.await_stored(response["uuid"])["state"] == "resolved"


def test_a_keeper_that_was_down_catches_up(keeper: Keeper) -> None:
    """What came while the keeper was down waits in the queue, and is stored when it is back."""
    lambdas = keeper.client("lambda")
    (source,) = lambdas.list_event_source_mappings(FunctionName=keeper.outputs["KeeperFunction"])[
        "EventSourceMappings"
    ]
    lambdas.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    await_that(lambda: keeper.waiting("KeeperQueue") == 0, "the queue is empty")
    uuid = keeper.fail()["uuid"]
    await_that(lambda: keeper.waiting("KeeperQueue") == 1, "the message waits")
    assert not keeper.stored(uuid)
    lambdas.update_event_source_mapping(UUID=source["UUID"], Enabled=True)
    keeper.await_stored(uuid)


def test_an_unreadable_message_goes_to_the_dead_letters(keeper: Keeper) -> None:
    """It is out of the way of the others, and is still there for a person."""
    uuid = str(uuid4())
    with keeper.impatient():
        keeper.send("no JSON")
        keeper.send(json.dumps({"notification_id": uuid, "uuid": uuid}))
        keeper.await_stored(uuid)
        await_that(lambda: keeper.waiting("KeeperDeadLetters") == 1, "it is a dead letter")
        assert keeper.waiting("KeeperQueue") == 0


def put_one(keeper: Keeper) -> object:
    """Let the keeper store a notification; return whether it did, or its message failed."""
    uuid = str(uuid4())
    with keeper.impatient():
        keeper.send(json.dumps({"notification_id": uuid, "uuid": uuid}))
        await_that(
            lambda: bool(keeper.stored(uuid)) or keeper.waiting("KeeperDeadLetters") > 0, "the end"
        )
    return bool(keeper.stored(uuid))


def check(keeper: Keeper) -> object:
    """Let the keeper resolve a notification; return whether the check ended, and its result."""
    uuid = keeper.fail()["uuid"]
    keeper.await_stored(uuid)
    set_email_status(keeper.stack, uuid, "sent")
    invoked = keeper.client("lambda").invoke(
        FunctionName=keeper.outputs["KeeperFunction"], Payload=b'{"check": "open"}'
    )
    return "FunctionError" not in invoked, keeper.await_stored(uuid)["state"]


RESOLVED: Final = (True, "resolved")
FAILED: Final = (False, "open")
# Statement and action → what is done, what is seen with the permission, what without.
ENFORCED: Final[dict[tuple[str, str], tuple[Callable[[Keeper], object], object, object]]] = {
    ("WriteNotifications", "dynamodb:PutItem"): (put_one, True, False),
    ("WriteNotifications", "dynamodb:UpdateItem"): (check, RESOLVED, FAILED),
    ("FindOpen", "dynamodb:Query"): (check, RESOLVED, FAILED),
    ("ReadAppointments", "dynamodb:BatchGetItem"): (check, RESOLVED, FAILED),
}
# What the emulator lets pass whatever the role says → what in the template needs it.
UNENFORCED: Final = {
    ("TakeFromQueue", "sqs:ReceiveMessage"): "KeeperSource",
    ("TakeFromQueue", "sqs:DeleteMessage"): "KeeperSource",
    ("TakeFromQueue", "sqs:GetQueueAttributes"): "KeeperSource",
    ("WriteKeeperLog", "logs:CreateLogStream"): "KeeperLog",
    ("WriteKeeperLog", "logs:PutLogEvents"): "KeeperLog",
    ("InvokeKeeper", "lambda:InvokeFunction"): "KeeperSchedule",
}


@pytest.mark.parametrize("permission", ENFORCED, ids="-".join)
def test_without_it_something_breaks(keeper: Keeper, permission: tuple[str, str]) -> None:
    """With the role as it is all is well; without this one action it is not, as foreseen."""
    observe, whole, broken = ENFORCED[permission]
    assert observe(keeper) == whole
    is_removed: Callable[[str, str], bool] = lambda *given: given == permission  # noqa: E731
    with role.without(keeper.stack, is_removed, keeper.outputs["KeeperFunction"]):
        assert observe(keeper) == broken


def test_every_permission_is_accounted_for() -> None:
    """A new action of the keeper needs a case above, or what in the template needs it."""
    granted = {
        (statement["Sid"], action)
        for role_name, statement in template.statements()
        if role_name.startswith("Keeper")
        for action in template.actions(statement)
    }
    assert granted == {*ENFORCED, *UNENFORCED}
    assert set(UNENFORCED.values()) <= set(template.template()["Resources"])
