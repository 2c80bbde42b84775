"""The health of the service: switches, circuit breaker, what is pending, responses by status."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from appointments.statuses import Status
from appointments.tables.keys import CIRCUIT_RECORD, ROUTE_RECORD, SERVICE_RECORD
from appointments_operator import items, pending
from appointments_operator.deployment import Deployment
from appointments_operator.log_search import AHEAD, LogLine, pages

HOURS: Final = 3
BUCKET: Final = timedelta(minutes=5)
BUCKETS: Final = int(timedelta(hours=HOURS) / BUCKET)
_PATTERN: Final = '{ $.message = "response" }'
# Entries may reach the log some seconds late.
_OVERLAP: Final = timedelta(seconds=30)
_PIECE: Final = (timedelta(hours=HOURS) + AHEAD) / 3
# So many pages of the log, of 1 MB or 1,000 lines each, one look reads at most.
MAX_CALLS: Final = 5
_MAX_PENDING: Final = 500


@dataclass(frozen=True)
class _Span:
    """A span of the log of which not all is read, and its pages that are left."""

    since: datetime
    until: datetime
    pages: Iterator[list[LogLine]]


@dataclass(frozen=True)
class Counts:
    """The responses of each status, the oldest bucket first; `unread` is the span not yet read."""

    by_status: dict[str, list[int]]
    unread: tuple[datetime, datetime] | None


class ResponseCounts:
    """Responses by status, in buckets; the newest part of the log is read first.

    Each look reads what came since the last one, and goes on with what an earlier one left.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._read_to: datetime | None = None
        self._unread: list[_Span] = []
        self._buckets: dict[str, Counter[int]] = defaultdict(Counter)
        self._seen: set[tuple[datetime, str, str]] = set()

    def read(self, deployment: Deployment, now: datetime) -> Counts:
        """Return the counts of the last hours, as far as so many calls reach."""
        with self._turn:
            first = now - timedelta(hours=HOURS)
            self._seen = {key for key in self._seen if key[0] >= first}
            self._unread = [span for span in self._unread if span.until > first]
            since = max(first, (self._read_to or first) - _OVERLAP)
            self._plan(deployment, since, now + AHEAD)
            try:
                self._read(MAX_CALLS)
            except Exception:  # the pages that are left cannot be had any more
                self._clear()
                raise
            self._read_to = now
            return self._counts(now)

    def _plan(self, deployment: Deployment, since: datetime, until: datetime) -> None:
        """Add a span in pieces of an hour, the newest on top."""
        while since < until:
            end = min(since + _PIECE, until)
            self._unread.append(_Span(since, end, pages(deployment, _PATTERN, since, end)))
            since = end

    def _read(self, calls: int) -> None:
        while self._unread and calls:
            lines = next(self._unread[-1].pages, None)
            if lines is None:
                self._unread.pop()
                continue
            calls -= 1
            for line in lines:
                key = (line.at, line.stream, str(line.entry.get("request_id")))
                if line.entry.get("message") == "response" and key not in self._seen:
                    self._seen.add(key)
                    self._buckets[str(line.entry.get("status"))][_bucket(line.at)] += 1

    def _counts(self, now: datetime) -> Counts:
        last = _bucket(now)
        shown = range(last - BUCKETS + 1, last + 1)
        counts = {
            status: [self._buckets[status][bucket] for bucket in shown]
            for status in (status.value for status in Status)
        }
        unread = None
        if self._unread:
            unread = (
                min(span.since for span in self._unread),
                max(span.until for span in self._unread),
            )
        return Counts({name: each for name, each in counts.items() if any(each)}, unread)


def _bucket(at: datetime) -> int:
    return int(at.timestamp() // BUCKET.total_seconds())


def circuit(deployment: Deployment) -> dict[str, Any]:
    """Return what the record of the circuit breaker says; an absent one is closed."""
    record = items.get(deployment.table("RecordsTable"), {"record": CIRCUIT_RECORD})
    until = record.get("open_until")
    try:
        is_open = until is not None and float(until) > time.time()
    except (TypeError, ValueError):
        is_open = False  # what cannot be understood counts as closed
    return {
        "is_open": is_open,
        "until": datetime.fromtimestamp(float(until), UTC) if is_open and until else None,
        "failures": record.get("failures", 0),
        "reason": record.get("reason"),
        "uuid": record.get("uuid"),
    }


def oldest_pending(deployment: Deployment) -> dict[str, Any]:
    """Return how many items are pending, at most 500, and since when the oldest one is."""
    found = list(islice(pending.pending_items(deployment.table("AppointmentsTable")), _MAX_PENDING))
    since = [str(item.get("received_at")) for item in found if item.get("received_at")]
    return {
        "count": len(found),
        "is_more": len(found) == _MAX_PENDING,
        "since": min(since, default=None),
    }


def switches(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return the service record and the route record."""
    table = deployment.table("RecordsTable")
    return {key: items.get(table, {"record": key}) for key in (SERVICE_RECORD, ROUTE_RECORD)}
