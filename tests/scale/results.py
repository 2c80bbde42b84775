"""What a scenario showed: each goal with what was measured, and the figures for a plot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Points = list[tuple[float, float]]


@dataclass
class Goal:
    """One goal: what was to be reached, what was measured, and whether it is met."""

    what: str
    measured: str
    is_met: bool


@dataclass
class Result:
    """What one scenario showed; `lines` are for its plot, `figures` for the tables."""

    name: str
    goals: list[Goal] = field(default_factory=list)
    lines: dict[str, Points] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def expect(self, what: str, measured: str, *, is_met: bool) -> None:
        """Add a goal."""
        self.goals.append(Goal(what, measured, bool(is_met)))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else 0.0
