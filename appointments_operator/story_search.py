"""The search of a story: the lines that name an id, without reading a span for it twice."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from appointments_operator.deployment import Deployment
from appointments_operator.log_search import WINDOW, LogLine, search

# What is read before and after a moment at which a request was seen.
MARGIN: Final = timedelta(minutes=5)
# What of that must be read: the lines of a request lie within half a minute.
_NEEDED: Final = timedelta(minutes=1)
# So many windows are read at the same time.
STRETCH: Final = 4 * WINDOW
_MAX_PATTERN: Final = 1_000  # characters; CloudWatch permits 1,024
Span = tuple[datetime, datetime]


class StorySearch:
    """The function's log, and which span of it was searched for which clause of a pattern."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._searched: dict[str, list[Span]] = defaultdict(list)

    def lines(self, clauses: Iterable[str], since: datetime, until: datetime) -> Iterator[LogLine]:
        """Yield the lines of a span that match a clause, where it was not searched for it yet."""
        by_span: dict[Span, list[str]] = defaultdict(list)
        for clause in clauses:
            for gap in self._gaps(clause, since, until):
                self._searched[clause].append(gap)
                by_span[gap].append(clause)
        for span, group in by_span.items():
            for pattern in patterns(group):
                yield from search(self._deployment, pattern, *span)

    def near(self, places: Iterable[tuple[str, datetime]]) -> Iterator[LogLine]:
        """Yield the lines of requests, each near a moment at which it was seen."""
        near: list[tuple[str, datetime]] = []
        for request_id, at in sorted(places, key=lambda place: place[1]):
            if not self._gaps(clause_for_request(request_id), at - _NEEDED, at + _NEEDED):
                continue
            if near and at - near[0][1] > WINDOW - 2 * MARGIN:
                yield from self._lines_near(near)
                near = []
            near.append((request_id, at))
        if near:
            yield from self._lines_near(near)

    def _lines_near(self, places: Sequence[tuple[str, datetime]]) -> Iterator[LogLine]:
        clauses = [
            clause_for_request(request_id) for request_id in sorted({each for each, _ in places})
        ]
        yield from self.lines(clauses, places[0][1] - MARGIN, places[-1][1] + MARGIN)

    def _gaps(self, clause: str, since: datetime, until: datetime) -> list[Span]:
        """Return the pieces of a span that were not searched."""
        gaps = [(since, until)]
        for begin, end in self._searched[clause]:
            pieces = [
                piece
                for first, last in gaps
                for piece in ((first, min(last, begin)), (max(first, end), last))
            ]
            gaps = [piece for piece in pieces if piece[0] < piece[1]]
        return gaps


def clause_for_request(request_id: str) -> str:
    """Return the clause for the lines of a request."""
    return f"$.request_id = {json.dumps(request_id)}"


def clauses_for_uuid(uuid: str) -> list[str]:
    """Return the clauses for the lines that name an appointment, but for requests."""
    return [f'$.uuid = "{uuid}"', f'$.notification.uuid = "{uuid}"']


def patterns(clauses: Sequence[str]) -> Iterator[str]:
    """Yield filter patterns that together have all clauses, each within CloudWatch's limit."""
    pattern = ""
    for clause in clauses:
        longer = f"{pattern} || ({clause})" if pattern else f"({clause})"
        if len(longer) > _MAX_PATTERN:
            yield f"{{ {pattern} }}"
            longer = f"({clause})"
        pattern = longer
    yield f"{{ {pattern} }}"


def newest_first(since: datetime, until: datetime) -> Iterator[Span]:
    """Yield the stretches of a span: its last day, which shows at once, then four days each."""
    begin = max(since, until - WINDOW)
    while since < until:
        yield begin, until
        begin, until = max(since, begin - STRETCH), begin


def oldest_first(since: datetime, until: datetime) -> Iterator[Span]:
    """Yield the stretches of a span, four days each."""
    while since < until:
        yield since, min(since + STRETCH, until)
        since += STRETCH
