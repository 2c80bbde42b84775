"""Which faults are injected into which effects: every single one, and every pair.

The effects are those of a recorded run: the singles come of a run without faults, the pairs of the
runs with the first fault, so that the recovery has faults too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.faults.invariants import violations
from tests.faults.io_boundary import Fault, kinds_of
from tests.faults.scenarios import SCENARIOS, Recovery, Run
from tests.faults.simulation import Simulation


@dataclass(frozen=True)
class Schedule:
    """One run, written `scenario recovery fault fault`, as `--only` takes it."""

    scenario: str
    recovery: Recovery
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.scenario, self.recovery, *map(str, self.faults)])

    @classmethod
    def read(cls, text: str) -> "Schedule":
        """Read what `str` wrote."""
        scenario, recovery, *faults = text.split()
        return cls(scenario, Recovery(recovery), tuple(map(Fault.read, faults)))

    def run(self, simulation: Simulation) -> tuple[list[str], list[str]]:
        """Run it; return the names of the effects, and what did not hold."""
        run = Run(simulation, SCENARIOS[self.scenario], self.recovery)
        effects = run.perform(self.faults)
        assert all(fault.at < len(effects) for fault in self.faults), f"{self} was not reached"
        return effects, violations(run)

    def with_one_more(self, effects: list[str]) -> Iterator["Schedule"]:
        """Yield this schedule with one more fault, at each later effect of its run."""
        begin = self.faults[-1].at + 1 if self.faults else 0
        for at, effect in enumerate(effects[begin:], begin):
            for kind in kinds_of(effect):
                yield Schedule(self.scenario, self.recovery, (*self.faults, Fault(at, kind)))


FAULTLESS: Final = [Schedule(name, recovery) for name in SCENARIOS for recovery in Recovery]
