"""A thousand owed emails on the local stack: real HTTP, the packaged function, IAM enforced."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import pytest
import urllib3

from appointments.names import PATH
from tools.local_stack import outage
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

_COUNT: Final = 1_000
_SECONDS: Final = 240
_HEADERS: Final = {"Content-Type": "application/json"}


@pytest.fixture
def without_mandrill(stack: Stack) -> Iterator[None]:
    """Let Mandrill refuse every call until the test ends the outage."""
    outage.begin(stack, "down")
    yield
    outage.end(stack)


@pytest.mark.usefixtures("without_mandrill")
def test_a_thousand_owed_emails_are_sent_once(stack: Stack) -> None:
    """A run of the schedule and its workers send what an outage left over, each email once."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(create, [stack] * _COUNT))
    assert Counter((each["status"], each["saved"]) for each in answers) == {
        ("mandrill-email-failed", True): _COUNT
    }
    uuids = {each["uuid"] for each in answers}
    began = time.time()
    outage.end(stack)
    until = time.monotonic() + _SECONDS
    lambda_client = session.client("lambda", endpoint_url=stack.endpoint_url)
    while not uuids <= sent(stack).keys() and time.monotonic() < until:
        # The emulator's own schedule runs meanwhile: two runs at once do no harm.
        lambda_client.invoke(
            FunctionName=f"{stack.function_name}:live", Payload=b'{"schedule": "owed"}'
        )
        time.sleep(1)
    counts = sent(stack)
    assert {uuid: counts[uuid] for uuid in uuids} == dict.fromkeys(uuids, 1)
    owed = session.client("dynamodb", endpoint_url=stack.endpoint_url).scan(
        TableName=stack.appointments_table, IndexName="owed"
    )
    assert not uuids & {item["uuid"]["S"] for item in owed["Items"]}
    assert len(senders(stack, began)) >= 3, "no worker helped the run"


def create(stack: Stack) -> dict[str, Any]:
    """Create an appointment with one recipient."""
    sent = {
        "token": stack.tokens["application"],
        "uuid": str(uuid4()),
        "updated_at_mt": "2027-01-04 16:05:00",
        "photographer_user_id": 501,
    }
    body: dict[str, Any] = stack.request("POST", PATH, json.dumps(sent).encode(), _HEADERS).json()
    return body


def sent(stack: Stack) -> Counter[str]:
    """Return how many emails the sandbox accepted for each appointment."""
    url = f"{stack.mandrill_url}/_sandbox/messages"
    listed = urllib3.request("GET", url, timeout=30).json()
    return Counter(each["metadata"]["appointment_uuid"] for each in listed)


def senders(stack: Stack, since: float) -> Counter[str]:
    """Return how many emails each execution environment has sent by the schedule."""
    counts: Counter[str] = Counter()
    pages = session.client("logs", endpoint_url=stack.endpoint_url).get_paginator(
        "filter_log_events"
    )
    for page in pages.paginate(logGroupName=stack.log_group, startTime=int(since * 1000)):
        for event in page["events"]:
            entry = json.loads(event["message"]) if event["message"].startswith("{") else {}
            if entry.get("message") == "email" and entry["trigger"] == "schedule":
                counts[event["logStreamName"]] += entry["status"] == "sent"
    return counts
