"""A BatchGetItem that DynamoDB has no capacity for is asked again, within the time of its caller.

The fault is "unprocessed": each call reads one key and returns the others, the last one never.
"""

from collections.abc import Iterator

import pytest

from appointments import clients
from appointments.email import overdue
from tests.support.email_harness import UUID, EmailHarness
from tests.support.fake_aws import DynamoFaults

FOR_EVER = ["unprocessed"] * 1_000
LIMIT = 29


@pytest.fixture
def faults(harness: EmailHarness) -> Iterator[DynamoFaults]:
    """Return the faults of DynamoDB, which a test sets."""
    faults = DynamoFaults(clients.client("dynamodb"))
    harness.aws.faults = faults
    yield faults
    faults.close()


def reads(faults: DynamoFaults) -> int:
    """Return how often BatchGetItem was called."""
    return faults.operations().count("BatchGetItem")


@pytest.mark.parametrize("fault", ["unprocessed", "throttled"])
def test_a_request_asks_again(harness: EmailHarness, faults: DynamoFaults, fault: str) -> None:
    """Keys that DynamoDB had no capacity for are read later, and never taken as missing."""
    faults.inject["BatchGetItem"] = [fault] * 4
    assert harness.create().status == "action-successful"
    assert len(harness.mailed()) == 2
    assert reads(faults) == 5


def test_the_pauses_grow_and_differ(harness: EmailHarness, faults: DynamoFaults) -> None:
    """Each pause is at most twice as long as the one before, and half of it is drawn."""
    faults.inject["BatchGetItem"] = ["unprocessed"] * 4
    harness.create()
    first = list(harness.clock.slept)
    for pause, most in zip(first, (0.05, 0.1, 0.2, 0.4), strict=True):
        assert most / 2 <= pause <= most
    harness.clock.slept.clear()
    faults.inject["BatchGetItem"] = ["unprocessed"] * 4
    harness.create()
    assert harness.clock.slept != first


def test_a_request_ends_in_time(harness: EmailHarness, faults: DynamoFaults) -> None:
    """If there is never enough capacity, the response comes in time, and names the call."""
    faults.inject["BatchGetItem"] = list(FOR_EVER)
    began = harness.clock.now
    answered = harness.create()
    assert (answered.status, answered.body["saved"]) == ("application-crash", False)
    assert answered.body["uuid"] == UUID
    # botocore's own pause after throttling, of at most a second, is not ours.
    assert LIMIT - 9 <= harness.clock.now - began <= LIMIT - 6
    (response,) = harness.lines("response")
    assert response["reason"].startswith("BatchGetItem on ")


def test_a_request_with_little_time_asks_once(harness: EmailHarness, faults: DynamoFaults) -> None:
    """No pause begins that would end after the time for calls."""
    faults.inject["BatchGetItem"] = list(FOR_EVER)
    assert harness.handle({"replay": {}}, 7.0).status == "identify-request-error"
    assert harness.create(seconds=7.0).status == "application-crash"
    assert reads(faults) == 1
    assert harness.clock.slept == []


def test_a_run_reads_the_others_meanwhile(harness: EmailHarness, faults: DynamoFaults) -> None:
    """A run and a worker send what was read, and ask again for the rest, for two seconds."""
    uuids = harness.put_overdue(3)
    faults.inject["BatchGetItem"] = ["unprocessed"] * 6
    assert harness.schedule()["emails"] == 3
    uuids = harness.put_overdue(3)
    faults.inject["BatchGetItem"] = ["unprocessed"] * 3
    assert harness.work({"schedule": "owed", "uuids": uuids})["emails"] == 3


def test_a_run_ends_in_time(harness: EmailHarness, faults: DynamoFaults) -> None:
    """If there is never enough capacity, a run ends in its time, and nothing is lost."""
    uuids = harness.put_overdue(40)
    faults.inject["BatchGetItem"] = list(FOR_EVER)
    began = harness.clock.now
    done = harness.schedule()
    assert done["failed"] == 0
    assert overdue._READ_SECONDS - 1 < harness.clock.now - began < LIMIT
    faults.inject.clear()
    harness.wait(60)
    harness.schedule()
    assert {item["email_status"] for item in harness.aws.items()} == {"sent"}
    assert len(harness.mailed()) == len(uuids)


def test_a_run_stops_to_read_when_its_time_for_that_is_up(
    harness: EmailHarness, faults: DynamoFaults
) -> None:
    """While DynamoDB refuses everything, the plan is given up after five seconds, not per batch."""
    harness.put_overdue(700)
    faults.inject["BatchGetItem"] = ["throttled"] * 1_000
    began = harness.clock.now
    assert harness.schedule()["failed"] == 0
    assert harness.clock.now - began < overdue._READ_SECONDS + 2
    assert len(harness.lines("overdue items not read")) < 4  # of seven batches


def test_a_settle_asks_again(harness: EmailHarness, faults: DynamoFaults) -> None:
    """What people settle is read later, too."""
    uuids = harness.put_overdue(2)
    faults.inject["BatchGetItem"] = ["unprocessed"] * 2
    settled = harness.settle(*uuids)
    assert {state["status"] for state in settled.values()} == {"sent"}
