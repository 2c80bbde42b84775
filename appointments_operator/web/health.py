"""The health of the service: switches, circuit breaker, what is pending, responses by status."""

import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from appointments.statuses import Status
from appointments.tables.keys import CIRCUIT_RECORD, ROUTE_RECORD, SERVICE_RECORD
from appointments_operator import items, pending
from appointments_operator.deployment import Deployment
from appointments_operator.log_search import search

HOURS: Final = 3
BUCKET: Final = timedelta(minutes=5)
BUCKETS: Final = int(timedelta(hours=HOURS) / BUCKET)
_PATTERN: Final = '{ $.message = "response" }'
# Entries may reach the log some seconds late.
_OVERLAP: Final = timedelta(seconds=30)
_MAX_PENDING: Final = 500


class ResponseCounts:
    """Responses by status, in buckets; each look reads only what came since the last one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._read_to: datetime | None = None
        self._buckets: dict[str, Counter[int]] = defaultdict(Counter)
        self._seen: set[tuple[str, datetime, str]] = set()

    def read(self, deployment: Deployment, now: datetime) -> dict[str, list[int]]:
        """Return the counts of each status over the last hours, the oldest bucket first."""
        with self._turn:
            first = now - timedelta(hours=HOURS)
            since = max(first, (self._read_to or first) - _OVERLAP)
            for line in search(deployment, _PATTERN, since):
                key = (line.stream, line.at, str(line.entry.get("request_id")))
                if line.entry.get("message") == "response" and key not in self._seen:
                    self._seen.add(key)
                    self._buckets[str(line.entry.get("status"))][_bucket(line.at)] += 1
            self._read_to = now
            self._seen = {key for key in self._seen if key[1] >= now - 2 * _OVERLAP}
            last = _bucket(now)
            shown = range(last - BUCKETS + 1, last + 1)
            counts = {
                status: [self._buckets[status][bucket] for bucket in shown]
                for status in (status.value for status in Status)
            }
        return {status: numbers for status, numbers in counts.items() if any(numbers)}


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
    found = list(islice(pending.pending(deployment.table("AppointmentsTable")), _MAX_PENDING))
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
