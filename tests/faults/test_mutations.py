"""The harness bites: with a part switched off it names what that part had kept."""

import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from appointments.email import mandrill, outbox
from appointments.tables import appointments
from appointments.tables.appointments import Appointment
from tests.faults.interleavings import PAIRS
from tests.faults.scenarios import Recovery, Run
from tests.faults.schedules import Schedule
from tests.faults.simulation import Simulation, simulation

TWICE = "no recipient is mailed twice"
NEVER = "everybody is mailed or the email is given up"
OWED = "nothing is owed for ever"
SAVED_IN_SECRET = "what is reported as not saved is not stored"


@pytest.fixture(scope="module")
def one() -> Iterator[Simulation]:
    """Return this process's simulation."""
    with simulation() as one:
        yield one


def lost(runs: Iterable[list[str]]) -> Counter[str]:
    """Count the runs that broke each promise."""
    return Counter(
        promise for wrong in runs for promise in {each.partition(":")[0] for each in wrong}
    )


def violations(one: Simulation, recovery: Recovery) -> Iterator[list[str]]:
    """Run every single fault of `create`; yield what did not hold."""
    faultless = Schedule("create", recovery)
    effects, _ = faultless.run(one)
    for schedule in faultless.with_one_more(effects):
        yield schedule.run(one)[1]


def _acquired(item: Appointment, attempt_id: str, now: float) -> bool:
    """Take the lease from any sender that has it."""
    del now
    item.update(actions=[Appointment.lease.set(attempt_id)])
    return True


def no_search() -> AbstractContextManager[Any]:
    """Have Mandrill not be asked."""
    return patch.object(mandrill, "search", lambda *_: [])


def no_schedule() -> AbstractContextManager[Any]:
    """Keep the schedule from coming."""
    return patch.object(Run, "schedule", lambda _: None)


def no_condition() -> AbstractContextManager[Any]:
    """Write an appointment whether or not there is one."""

    def write(item: Appointment) -> Appointment:
        item.save()
        return item

    return patch.object(appointments, "write", write)


def no_lease() -> AbstractContextManager[Any]:
    """Respect no lease."""
    return patch.object(outbox, "acquire_lease", _acquired)


def test_with_all_parts_nothing_is_lost(one: Simulation) -> None:
    """The same runs, with every part in place, break no promise."""
    for recovery in Recovery:
        runs = list(violations(one, recovery))
        assert runs
        assert not lost(runs)


@pytest.mark.parametrize(
    ("off", "recovery", "what"),
    [
        (no_search, Recovery.SCHEDULE, {TWICE}),
        (no_schedule, Recovery.SCHEDULE, {NEVER, OWED}),
        (no_condition, Recovery.CALLER, {TWICE, SAVED_IN_SECRET}),
    ],
)
def test_a_part_switched_off_is_missed(
    one: Simulation,
    off: Callable[[], AbstractContextManager[Any]],
    recovery: Recovery,
    what: set[str],
) -> None:
    """Without the search or the condition people are mailed twice, without the schedule never."""
    with off():
        found = lost(violations(one, recovery))
    assert set(found) == what, found


def test_without_the_lease_two_senders_meet(one: Simulation) -> None:
    """Without the lease two schedules at once mail the same people twice."""
    both_acquire_first = [0] * 4 + [1] * 4
    with no_lease():
        *_, wrong = PAIRS["two-schedules"].run(one, both_acquire_first)
    found = lost([wrong])
    assert TWICE in found, found


def test_an_effect_unseen_is_no_effect(one: Simulation) -> None:
    """What would leave by another way than the boundary does not leave at all."""
    assert one.boundary
    with socket.socket() as way_out, pytest.raises(AssertionError, match="unseen"):
        way_out.connect(("127.0.0.1", 9))
