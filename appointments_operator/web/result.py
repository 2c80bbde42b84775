"""The preview of an action of the console, or its result."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

# How many lines are shown.
_MAX_LINES: Final = 50


@dataclass
class Result:
    """What an action will do, or did: sentences, and whether all is good."""

    title: str
    lines: list[str] = field(default_factory=list)
    is_good: bool = True
    is_done: bool = False
    can_run: bool = True


def first_lines(lines: Iterable[str]) -> list[str]:
    """Return the first fifty lines, and how many others there are."""
    rest = iter(lines)
    shown = list(islice(rest, _MAX_LINES))
    more = sum(1 for _ in rest)
    return [*shown, f"And {more} more."] if more else shown


def status_counts(statuses: Iterable[str]) -> list[str]:
    """Return a line that says how many there are of each status, if there are several."""
    counts = Counter(statuses)
    if counts.total() <= 1:
        return []
    return [", ".join(f"{count} {status}" for status, count in counts.most_common())]
