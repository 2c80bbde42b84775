"""Section 8.8: the circuit breaker, and what a request does while it is open."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from appointments import clients
from appointments.email import circuit
from appointments.email.circuit import Circuit
from appointments.tables import base
from appointments.tables.keys import CIRCUIT_RECORD
from tests.support.email_harness import PAT, START, UUID, EmailHarness

REASON = "mandrill-unavailable (GeneralError)"
OPEN: dict[str, Any] = {"failures": 5, "open_for": 210, "uuid": "x", "reason": REASON}


def uuid_of(number: int) -> str:
    """Return the uuid of an appointment."""
    return f"{number:08x}-0c5a-4c57-9a3e-5a0f6d9b2c11"


def fail(harness: EmailHarness, number: int, error: str = "GeneralError") -> Any:
    """Create an appointment whose email fails because Mandrill is unavailable."""
    harness.account.refusals = [error] * 3
    answered = harness.create(uuid=uuid_of(number))
    harness.account.refusals = []
    return answered


def test_the_first_failure_is_recorded(harness: EmailHarness) -> None:
    """A failure leaves its number, its time, its appointment and its reason."""
    fail(harness, 1)
    assert harness.circuit() == {
        "failures": 1,
        "failed_at": START,
        "open_until": 0,
        "uuid": uuid_of(1),
        "reason": REASON,
    }


def test_five_failures_open_it(harness: EmailHarness) -> None:
    """Five failures of different appointments open the breaker for 210 seconds, four do not."""
    for number in range(4):
        fail(harness, number)
        harness.wait(270)
    record = harness.circuit()
    assert record is not None
    assert record["open_until"] == 0
    harness.account.calls.clear()
    fail(harness, 4)
    assert harness.account.calls == ["send"]
    record = harness.circuit()
    assert record is not None
    assert record["open_until"] == START + 4 * 270 + 210
    fail(harness, 5)
    assert harness.account.calls == ["send"]


def test_one_appointment_counts_once(harness: EmailHarness) -> None:
    """The same appointment as the last one to fail adds nothing."""
    for _ in range(7):
        fail(harness, 1)
    record = harness.circuit()
    assert record is not None
    assert record["failures"] == 1


def test_two_appointments_in_turn_count_each_time(harness: EmailHarness) -> None:
    """Only the last one to fail is compared."""
    for number in (1, 2, 1, 2):
        fail(harness, number)
    record = harness.circuit()
    assert record is not None
    assert record["failures"] == 4


@pytest.mark.parametrize(("seconds", "failures"), [(270, 5), (271, 1)])
def test_an_old_failure_is_forgotten(harness: EmailHarness, seconds: int, failures: int) -> None:
    """A last failure that is older than 270 seconds does not count any more."""
    harness.put_circuit(4)
    harness.wait(seconds)
    fail(harness, 1)
    record = harness.circuit()
    assert record is not None
    assert record["failures"] == failures


def test_an_old_failure_of_the_same_appointment_counts_anew(harness: EmailHarness) -> None:
    """It is forgotten first, so the same appointment is then the first to fail."""
    fail(harness, 1)
    harness.wait(271)
    fail(harness, 1)
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["failed_at"]) == (1, START + 271)


def test_it_closes_by_itself(harness: EmailHarness) -> None:
    """If no run renews it, the next request calls Mandrill again; one failure opens it again."""
    harness.put_circuit(**OPEN)
    harness.wait(209)
    fail(harness, 1)
    assert harness.account.calls == []
    harness.wait(1)
    fail(harness, 2)
    assert harness.account.calls == ["send"]
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (6, START + 210 + 210)


@pytest.mark.parametrize("address", [PAT, "a@rejected.test"])
def test_an_available_mandrill_closes_it(harness: EmailHarness, address: str) -> None:
    """An outcome "available" sets `failures` to 0 and closes the breaker."""
    harness.put_circuit(4)
    harness.aws.put_record("user#501", email=address)
    harness.create()
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (0, 0)


@pytest.mark.parametrize("failures", [None, 0])
def test_a_healthy_service_writes_nothing(harness: EmailHarness, failures: int | None) -> None:
    """If there is nothing to reset, an email costs no write of the record."""
    if failures == 0:
        harness.put_circuit(0, failed_at=0, open_until=0)
    with patch.object(circuit, "_write", side_effect=AssertionError):
        assert harness.create().status == "action-successful"
    assert harness.count("CircuitFailed") == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"failures": "five"},
        {"open_until": "never"},
        {"uuid": 7},
        {"reason": None},
        {"failed_at": None},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_understood_is_closed(
    harness: EmailHarness, broken: dict[str, Any]
) -> None:
    """The email is sent, and the next failure puts the record right."""
    harness.put_circuit(**OPEN | broken)
    assert harness.create().status == "action-successful"
    fail(harness, 1)
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["uuid"]) == (1, uuid_of(1))


@pytest.mark.parametrize("is_failing", [True, False])
def test_a_failed_write_changes_no_response(harness: EmailHarness, *, is_failing: bool) -> None:
    """A write of the record that fails is counted, and the response is as it would be."""
    harness.put_circuit(2)
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem")
    dynamodb, put = clients.client("dynamodb"), clients.client("dynamodb").put_item

    def refuse(**how: Any) -> Any:
        if how["TableName"] == "records":
            raise denied
        return put(**how)

    if is_failing:
        harness.account.refusals = ["GeneralError"]
    with patch.object(dynamodb, "put_item", refuse):
        answered = harness.create()
    assert answered.status == ("mandrill-email-failed" if is_failing else "action-successful")
    assert harness.item()["email_status"] == ("failed" if is_failing else "sent")
    assert harness.count("CircuitFailed") == 1


def test_failures_at_the_same_time_both_count(harness: EmailHarness) -> None:
    """A failure that was counted since the breaker was read is not lost."""
    harness.put_circuit(3)
    known = Circuit(2, START, START, "x", "r", {"failures": {"N": "1"}, "failed_at": {"N": "0"}})
    with patch.object(Circuit, "from_raw", side_effect=[known, circuit_of(harness)]):
        fail(harness, 1)
    record = harness.circuit()
    assert record is not None
    assert record["failures"] == 4


def circuit_of(harness: EmailHarness) -> Circuit:
    """Return the breaker as a consistent read finds it."""
    record = harness.circuit() or {}
    raw = {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in record.items()
    }
    return Circuit.from_raw(raw)


def test_an_open_breaker_costs_a_new_appointment_no_call(harness: EmailHarness) -> None:
    """It is saved in its one write, to be tried a minute later, with the reason on record."""
    harness.put_circuit(**OPEN)
    with patch("appointments.tables.appointments.Appointment.update", side_effect=AssertionError):
        answered = harness.create()
    assert (answered.status, answered.body["saved"]) == ("mandrill-email-failed", True)
    assert answered.body["data"]["email"]["status"] == "failed"
    assert answered.body["data"]["email"]["reason"] == REASON
    assert harness.account.calls == []
    item = harness.item()
    assert not {"lease", "lease_until"} & set(item)
    assert (item["email_tries"], item["email_status"]) == (0, "failed")
    assert item["email_due"] == item["due"] == START + 60
    assert item["owed_since"] == START
    assert item["email_reason"] == REASON


def test_an_open_breaker_is_notified(harness: EmailHarness) -> None:
    """The response's notification says why, and that the email is tried again."""
    harness.put_circuit(**OPEN)
    harness.create()
    [notification] = harness.published()
    assert notification.facts["reason"] == REASON
    assert "tried again at 2027-01-15T08:01Z" in notification.facts["recovery"]


def test_without_recipients_an_open_breaker_is_of_no_concern(harness: EmailHarness) -> None:
    """An appointment without a recipient is skipped, as ever."""
    harness.put_circuit(**OPEN)
    answered = harness.create(token="application-token", photographer_user_id=503)
    assert answered.body["data"]["email"]["status"] == "skipped"
    assert answered.status == "action-successful"


@pytest.mark.parametrize("address", ["a@rejected.test", "a@empty.test"])
def test_a_repeat_while_it_is_open_writes_nothing(harness: EmailHarness, address: str) -> None:
    """A repeat of a caller neither claims nor marks the item: it gets the stored state."""
    harness.aws.put_record("user#501", email=address)
    first = harness.create()
    harness.put_circuit(**OPEN)
    harness.wait(130)
    before, calls = harness.item(), list(harness.account.calls)
    answered = harness.create()
    assert answered.status == "mandrill-email-failed"
    assert answered.body["data"]["email"] == first.body["data"]["email"]
    assert harness.item() == before
    assert harness.account.calls == calls


@pytest.mark.parametrize("who", ["replay", "settle"])
def test_people_call_mandrill_all_the_same(harness: EmailHarness, who: str) -> None:
    """A replay and a settle call Mandrill while the breaker is open, and their outcome counts."""
    harness.put_circuit(**OPEN)
    harness.create()
    harness.replay() if who == "replay" else harness.settle(UUID)
    assert harness.item()["email_status"] == "sent"
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (0, 0)


def test_the_failure_of_a_replay_counts(harness: EmailHarness) -> None:
    """A replay that finds Mandrill unavailable renews the breaker."""
    harness.put_circuit(**OPEN)
    harness.create()
    harness.wait(60)
    harness.account.refusals = ["GeneralError"]
    harness.replay()
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (6, START + 60 + 210)


def test_a_search_of_a_retry_does_not_count(harness: EmailHarness) -> None:
    """A search counts neither way."""
    harness.aws.put_record("user#501", email="a@empty.test")
    harness.create()
    before = harness.circuit()
    harness.wait(121)
    harness.account.refusals = ["GeneralError"]
    harness.create()
    assert harness.account.calls == ["send", "search"]
    assert harness.circuit() == before


def test_a_search_that_settles_does_not_count_either(harness: EmailHarness) -> None:
    """That Mandrill answers a search does not close the breaker."""
    harness.aws.put_record("user#501", email="a@garbage.test")
    harness.create()
    before = harness.circuit()
    harness.wait(121)
    assert harness.create().status == "action-successful"
    assert harness.account.calls == ["send", "search"]
    assert harness.circuit() == before


@pytest.mark.parametrize(("date", "is_read"), [(None, True), ("never", False)])
def test_it_is_read_with_all_else(
    harness: EmailHarness, date: str | None, *, is_read: bool
) -> None:
    """A request reads the breaker in its one read stage, if its parameters are valid."""
    with patch.object(base, "read_batch", wraps=base.read_batch) as read:
        harness.create(date_start_local=date)
    [call] = read.call_args_list
    assert (CIRCUIT_RECORD in [key for _, key in call.args[0]]) is is_read


def test_a_429_to_a_request_counts(harness: EmailHarness) -> None:
    """To a request, 429 is an outcome as any other that says that Mandrill is unavailable."""
    fail(harness, 1, "RequestLimitExceeded")
    record = harness.circuit()
    assert record is not None
    assert record["failures"] == 1
