"""What comes asynchronously and is not processed lies in a queue, with why."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tools.environment import STACK_NAME
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

SECONDS: Final = 60


@pytest.fixture
def broken(stack: Stack) -> Iterator[Any]:
    """Let the function's unpublished version fail, with what the alias does about failures.

    The emulator applies the configuration of no alias. The alias, and so the API, is not changed.
    """
    functions: Any = session.client("lambda", endpoint_url=stack.endpoint_url)
    name = {"FunctionName": STACK_NAME}
    alias = functions.get_function_event_invoke_config(**name, Qualifier="live")
    names = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    functions.put_function_event_invoke_config(**name, **{each: alias[each] for each in names})
    handler = functions.get_function_configuration(**name)["Handler"]
    functions.update_function_configuration(**name, Handler="nowhere.handler")
    yield functions
    functions.update_function_configuration(**name, Handler=handler)
    functions.delete_function_event_invoke_config(**name)


def test_an_event_that_is_dropped_is_in_the_queue(stack: Stack, broken: Any) -> None:
    """The queue gets the event as it came, with the condition that docs/operations.md names."""
    queues: Any = session.client("sqs", endpoint_url=stack.endpoint_url)
    url = queues.get_queue_url(QueueName=f"{STACK_NAME}-dropped-events")["QueueUrl"]
    event = {"awslogs": {"data": "a batch"}}
    invoked = broken.invoke(
        FunctionName=STACK_NAME, InvocationType="Event", Payload=json.dumps(event)
    )
    assert invoked["StatusCode"] == 202
    messages: list[dict[str, Any]] = []
    deadline = time.monotonic() + SECONDS
    while not messages and time.monotonic() < deadline:
        messages = queues.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
    (dropped,) = [json.loads(message["Body"]) for message in messages]
    assert dropped["requestPayload"] == event
    assert dropped["requestContext"]["condition"] == "RetriesExhausted"
    queues.purge_queue(QueueUrl=url)
