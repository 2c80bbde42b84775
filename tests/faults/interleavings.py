"""Two invocations at once: every order in which their effects can happen.

Each invocation runs in a thread of its own and stops before each effect until it is handed the
baton, so one order is one list of choices, and the same choices give the same run. Effects are
numbered by invocation: 0, 1, 2, … and 100, 101, 102, …
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Final

from appointments.email import circuit, mandrill
from appointments.email.circuit import Circuit
from appointments.email.state import EmailState, EmailStatus, Outcome
from tests.faults.invariants import violations
from tests.faults.io_boundary import SEND, Fault, Kind, kinds_of
from tests.faults.limits import FAILURES
from tests.faults.observed import Wait
from tests.faults.scenarios import (
    SCENARIOS,
    UUIDS,
    Recovery,
    Run,
    Scenario,
    fail_to_send,
    maybe_sent,
)
from tests.faults.simulation import Simulation

_APART: Final = 100
_PATIENCE: Final = 30.0


class _Invocation:
    """One of the two, in its thread; `step` lets it go on to its next effect or its end."""

    def __init__(self, number: int, action: Callable[[], object]) -> None:
        self.number, self.effects, self.ended = number * _APART, 0, False
        self._may_go, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, args=(action,), daemon=True)
        self.thread.start()
        self._wait(self._has_stopped)

    def _run(self, action: Callable[[], object]) -> None:
        try:
            self.gate()
            self.effects = 0  # what it waited for was its start
            action()
        finally:
            self.ended = True
            self._has_stopped.release()

    def gate(self) -> int:
        """Wait for the baton; return the number of the effect that comes then."""
        self._has_stopped.release()
        self._wait(self._may_go)
        self.effects += 1
        return self.number + self.effects - 1

    def step(self) -> None:
        """Hand over the baton, and wait until it comes back."""
        self._may_go.release()
        self._wait(self._has_stopped)

    def _wait(self, semaphore: threading.Semaphore) -> None:
        assert semaphore.acquire(timeout=_PATIENCE), "the baton was lost"


@dataclass(frozen=True)
class Pair:
    """Two invocations at once, after `before` and before `after`; written by its name.

    Orders with more than `switches` changes from one to the other are left out.
    """

    name: str
    actions: tuple[Callable[[Run], object], Callable[[Run], object]]
    before: Callable[[Run], object] = lambda _: None
    after: Callable[[Run], object] = lambda _: None
    standing: dict[str, Kind] = field(default_factory=dict)
    switches: int = 1_000

    def run(
        self, simulation: Simulation, choices: Sequence[int], fault: Fault | None = None
    ) -> tuple[list[int], list[list[int]], list[tuple[int, str]], list[str]]:
        """Run one order: `choices`, then the first that can go on.

        Return the choices made, the other choices there were at each, the effects with their
        numbers, and what did not hold.
        """
        # One recipient and nothing to mark beside it: fewer effects, as many ways to meet.
        plain = Scenario(self.name, Run.request, photographer=None, token="fresh-token")
        run = Run(simulation, plain, Recovery.CALLER)
        simulation.begin()
        self.before(run)
        simulation.boundary.standing = self.standing
        simulation.arm([fault] if fault else [])
        made, others, numbers = self._interleave(run, choices)
        effects = list(zip(numbers, simulation.boundary.trace, strict=True))
        simulation.arm(())
        self.after(run)
        run.under()
        run.recover()
        return made, others, effects, violations(run)

    def _interleave(
        self, run: Run, choices: Sequence[int]
    ) -> tuple[list[int], list[list[int]], list[int]]:
        simulation, numbers = run.simulation, []

        def gate() -> int | None:
            for one in both:
                if one.thread is threading.current_thread():
                    numbers.append(one.gate())
                    return numbers[-1]
            return None

        both: list[_Invocation] = []
        simulation.boundary.gate, simulation.is_alone = gate, False
        both += [_Invocation(n, partial(action, run)) for n, action in enumerate(self.actions)]
        for one in both:
            one.step()  # to its first effect
        made: list[int] = []
        others: list[list[int]] = []
        while alive := [n for n, one in enumerate(both) if not one.ended]:
            chosen = choices[len(made)] if len(made) < len(choices) else alive[0]
            made.append(chosen)
            others.append([n for n in alive if n != chosen])
            both[chosen].step()
        simulation.boundary.gate, simulation.is_alone = lambda: None, True
        return made, others, numbers

    def orders(
        self, simulation: Simulation, fault: Fault | None = None
    ) -> Iterator[tuple[list[int], list[tuple[int, str]], list[str]]]:
        """Run every order; yield the choices, the effects and what did not hold."""
        left: list[list[int]] = [[]]
        while left:
            choices = left.pop()
            made, others, effects, wrong = self.run(simulation, choices, fault)
            yield made, effects, wrong
            left += [
                order
                for at in range(len(choices), len(made))
                for other in others[at]
                if self._switches(order := [*made[:at], other]) <= self.switches
            ]

    @staticmethod
    def _switches(choices: Sequence[int]) -> int:
        return sum(one != other for one, other in pairwise(choices))

    def faults(self, simulation: Simulation) -> list[Fault]:
        """Return every fault that can be injected, whatever the order."""
        effects = {effect for _, found, _ in self.orders(simulation) for effect in found}
        return [Fault(number, kind) for number, name in sorted(effects) for kind in kinds_of(name)]


def _make_due(run: Run) -> None:
    fail_to_send(run)
    run.wait(61)


def _warm(run: Run) -> None:
    """Read the API key before the pair, as most environments have."""
    del run
    mandrill.search(["any"], date.min, time.monotonic() + 1)


def _maybe_sent(run: Run) -> None:
    maybe_sent(run, 1, accepted=0)
    _warm(run)


def _count_failure(run: Run, uuid: str) -> None:
    """Count a failure, as a sender does that has read the circuit breaker when it was closed."""
    del run
    failed_state = EmailState(EmailStatus.FAILED, reason="a fault", outcome=Outcome.UNAVAILABLE)
    circuit.record_outcome(Circuit(), failed_state, uuid)


def _request_third(run: Run) -> None:
    """Deliver a request in the outage that two others have met."""
    run.simulation.waits += [Wait("before", is_open=False, is_outage=True)] * FAILURES
    run.request(UUIDS[2])


PAIRS: Final = {
    pair.name: pair
    for pair in (
        Pair("two-deliveries", (Run.request, Run.request), before=_warm),
        Pair("two-schedules", (Run.schedule, Run.schedule), before=_make_due),
        Pair("retry-and-schedule", (Run.request, Run.schedule), before=_make_due),
        Pair("two-workers", (Run.work, Run.work), before=_make_due),
        Pair("schedule-and-worker", (Run.schedule, Run.work), before=_make_due),
        Pair("retry-and-worker", (Run.request, Run.work), before=_make_due),
        Pair("two-searches", (Run.schedule, Run.schedule), before=_maybe_sent, switches=3),
        Pair("retry-and-search", (Run.request, Run.schedule), before=_maybe_sent, switches=3),
        Pair(
            "two-failures",
            (partial(_count_failure, uuid=UUIDS[0]), partial(_count_failure, uuid=UUIDS[1])),
            after=_request_third,
            standing={SEND: Kind.ERROR_BEFORE},
        ),
    )
}
assert not set(PAIRS) & set(SCENARIOS)
