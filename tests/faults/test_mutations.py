"""The campaign detects defects: with one part left out it names the promise that breaks."""

import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

import pytest

from appointments.email import batch_search, circuit, mandrill, outbox
from appointments.email.circuit import Circuit
from appointments.tables import appointments
from appointments.tables.appointments import Appointment
from tests.faults.interleavings import PAIRS
from tests.faults.scenarios import Recovery, Run
from tests.faults.schedules import Schedule
from tests.faults.simulation import Simulation, simulation

TWICE = "no recipient is mailed twice"
NEVER = "every recipient is mailed or the email is given up"
FEW_WAIT = "few requests wait in an outage"
PENDING = "nothing is pending for ever"
SAVED_IN_SECRET = "what is reported as not saved is not stored"


@pytest.fixture(scope="module")
def one() -> Iterator[Simulation]:
    """Return this process's simulation."""
    with simulation() as one:
        yield one


def broken_promises(runs: Iterable[list[str]]) -> Counter[str]:
    """Count the runs that broke each promise."""
    return Counter(
        promise for wrong in runs for promise in {each.partition(":")[0] for each in wrong}
    )


def violations(
    one: Simulation, recovery: Recovery, scenario: str = "create"
) -> Iterator[list[str]]:
    """Run every single fault of a scenario; yield what did not hold."""
    faultless = Schedule(scenario, recovery)
    effects, _ = faultless.run(one)
    for schedule in faultless.with_one_more(effects):
        yield schedule.run(one)[1]


def _always_acquire(item: Appointment, attempt_id: str, now: float) -> bool:
    """Take the lease from any sender that has it."""
    del now
    item.update(actions=[Appointment.lease.set(attempt_id)])
    return True


def no_search() -> AbstractContextManager[Any]:
    """Leave the search out."""
    return patch.object(mandrill, "search", lambda *_: [])


def no_schedule() -> AbstractContextManager[Any]:
    """Leave the schedule out."""
    return patch.object(Run, "schedule", lambda _: None)


def no_condition() -> AbstractContextManager[Any]:
    """Write an appointment whether or not there is one."""

    def write(item: Appointment) -> Appointment:
        item.save()
        return item

    return patch.object(appointments, "write", write)


def no_lease() -> AbstractContextManager[Any]:
    """Acquire the lease whether or not another sender has it."""
    return patch.object(outbox, "acquire_lease", _always_acquire)


def no_circuit() -> AbstractContextManager[Any]:
    """Keep the circuit breaker closed."""
    return patch.object(Circuit, "is_open", lambda *_: False)


def no_count() -> AbstractContextManager[Any]:
    """Count no failure for the circuit breaker."""
    return patch.object(circuit, "record_outcome", lambda known, *_: known)


def no_comparison() -> AbstractContextManager[Any]:
    """Write the circuit breaker whatever another sender has written meanwhile."""
    write = circuit._write

    def overwrite(_: Circuit, changed: Circuit) -> Circuit | None:
        stored = circuit._read()
        return write(stored, changed)

    return patch.object(circuit, "_write", overwrite)


def no_batch_limit() -> AbstractContextManager[Any]:
    """Read as many items at once as there are."""
    return patch.object(batch_search, "BATCH_SIZE", 99)


def no_search_limit() -> AbstractContextManager[Any]:
    """Use the longest list that a search returns as if it were complete."""
    return patch.object(mandrill, "SEARCH_LIMIT", _Unreached(5))


class _Unreached(int):
    """A limit that is sent with the search, and that no length reaches."""

    def __le__(self, _: int) -> bool:
        return False


def test_with_all_parts_no_promise_breaks(one: Simulation) -> None:
    """The same runs, with every part in place, break no promise."""
    for recovery in Recovery:
        runs = list(violations(one, recovery))
        assert runs
        assert not broken_promises(runs)


@pytest.mark.parametrize(
    ("off", "recovery", "what"),
    [
        (no_search, Recovery.SCHEDULE, {TWICE}),
        (no_schedule, Recovery.SCHEDULE, {NEVER, PENDING}),
        (no_condition, Recovery.CALLER, {TWICE, SAVED_IN_SECRET}),
    ],
)
def test_without_a_part_a_promise_breaks(
    one: Simulation,
    off: Callable[[], AbstractContextManager[Any]],
    recovery: Recovery,
    what: set[str],
) -> None:
    """Without the search or the condition an email is sent twice, without the schedule never."""
    with off():
        found = broken_promises(violations(one, recovery))
    assert set(found) == what, found


def test_without_the_lease_two_senders_meet(one: Simulation) -> None:
    """Without the lease two schedule runs at once send the same email twice."""
    # Both have read the item when the first acquires the lease, and both acquire it then.
    both_acquire = [0, 0, 0, 1, 1, 1, 0, 1]
    with no_lease():
        *_, wrong = PAIRS["two-schedules"].run(one, both_acquire)
    found = broken_promises([wrong])
    assert TWICE in found, found


@pytest.mark.parametrize(
    ("off", "scenario", "what"),
    [
        (no_circuit, "outage", FEW_WAIT),
        (no_count, "outage", FEW_WAIT),
        (no_search_limit, "search", TWICE),
    ],
)
def test_without_a_limit_a_promise_breaks(
    one: Simulation, off: Callable[[], AbstractContextManager[Any]], scenario: str, what: str
) -> None:
    """Without the circuit breaker requests wait; without a batch's limit nothing is certain."""
    with off():
        _, wrong = Schedule(scenario, Recovery.SCHEDULE).run(one)
    assert what in broken_promises([wrong]), wrong


def test_without_the_limit_of_a_batch_more_runs_are_needed(one: Simulation) -> None:
    """A run searches for many emails, but not if DynamoDB refuses what it reads at once."""
    runs = []
    for part in (nullcontext(), no_batch_limit()):
        with part:
            effects, wrong = Schedule("search", Recovery.SCHEDULE).run(one)
        assert not wrong
        runs.append(effects.count("Query"))
    assert runs[0] < runs[1]


def test_without_a_comparison_a_failure_is_lost(one: Simulation) -> None:
    """Two failures at once are two failures: without the comparison one is overwritten."""
    with no_comparison():
        found = broken_promises(wrong for *_, wrong in PAIRS["two-failures"].orders(one))
    assert FEW_WAIT in found, found


def test_an_effect_unseen_is_no_effect(one: Simulation) -> None:
    """A connection that does not pass through the boundary fails."""
    assert one.boundary
    with socket.socket() as way_out, pytest.raises(AssertionError, match="unseen"):
        way_out.connect(("127.0.0.1", 9))
