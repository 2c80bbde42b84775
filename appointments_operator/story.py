"""The story of an appointment or a request, from the log and the tables, in the order of time.

`admin trace` and the console show it. With a uuid the item says where to look first: the four days
from `received_at`. The rest of the log follows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from appointments_operator import items, notifications_table
from appointments_operator.deployment import Deployment
from appointments_operator.log_search import LogLine, search
from appointments_operator.story_entries import Entry, of_item, of_line, of_notification

FIRST_SPAN: Final = timedelta(days=4)  # longer than an email is tried
_MARGIN: Final = timedelta(minutes=5)
_MAX_PATTERN: Final = 1_000  # characters; CloudWatch permits 1,024
_MAX_ROUNDS: Final = 4
MAX_REQUESTS: Final = 100
Progress = Callable[[int, int], None]


class Story:
    """What is known so far: the ids that belong to the story, and its entries."""

    def __init__(self, deployment: Deployment, on_window: Progress | None = None) -> None:
        self._deployment = deployment
        self._on_window = on_window
        self._lines: dict[tuple[str, datetime, str], LogLine] = {}
        self._searched: set[tuple[str, datetime, datetime]] = set()
        # The ids that were asked for; a request that was asked for brings its appointments.
        self._asked: set[str] = set()
        self.request_ids: set[str] = set()
        self.uuids: set[str] = set()
        self.is_cut = False

    def of_id(self, typed: str, since: datetime) -> Iterator[list[Entry]]:
        """Yield the entries about a uuid or request id: first where it is likely, then the rest."""
        uuid = as_uuid(typed)
        item = self._item(uuid) if uuid else {}
        if item.get("forgotten_at"):
            item = {}  # it does not say any more where in the log its story begins
        now = _end()
        start = since
        if not item:
            self._asked.add(typed)
            self.request_ids.add(typed)
        if uuid:
            self.uuids.add(uuid)
        if item:
            self.request_ids.add(str(item.get("request_id")))
            entry = of_item("", item)
            end = min(entry.at + FIRST_SPAN, now)
            yield self._entries(entry.at - _MARGIN, end)
            start = max(since, end)
        if start < now:
            yield self._entries(start, now)

    def of_reference(self, name: str, number: int, since: datetime) -> Iterator[list[Entry]]:
        """Yield the entries about all requests that named a record, such as an order."""
        path = f"$.params.{name}"
        pattern = f'{{ ({path} = {number}) || ({path} = "{number}") }}'
        earliest: datetime | None = None
        for line in search(self._deployment, pattern, since, on_window=self._on_window):
            params = line.entry.get("params")
            if line.entry.get("message") == "request" and isinstance(params, dict):
                if _number(params.get(name)) != number:
                    continue
                if len(self.request_ids) >= MAX_REQUESTS:
                    self.is_cut = True
                    break
                self.request_ids.add(str(line.entry.get("request_id")))
                earliest = earliest or line.at
        self._asked |= self.request_ids
        if earliest:
            yield self._entries(earliest - _MARGIN, _end())

    def _entries(self, since: datetime, until: datetime) -> list[Entry]:
        """Return what the log has of a span, and what the tables have of what is named there."""
        before = set(self._lines)
        for _ in range(_MAX_ROUNDS):  # a response names the uuid of a request, and the reverse
            clauses = [
                clause for clause in self._clauses() if (clause, since, until) not in self._searched
            ]
            if not clauses:
                break
            self._searched |= {(clause, since, until) for clause in clauses}
            for pattern in _patterns(clauses):
                self._search(pattern, since, until)
        entries = [of_line(line) for key, line in self._lines.items() if key not in before]
        entries += self._table_entries()
        return sorted(entries, key=lambda entry: entry.at)

    def _clauses(self) -> Iterator[str]:
        for request_id in sorted(self.request_ids):
            yield f"$.request_id = {json.dumps(request_id)}"
        for uuid in sorted(self.uuids):
            yield f'$.uuid = "{uuid}"'
            yield f'$.params.uuid = "{uuid}"'
            yield f'$.notification.uuid = "{uuid}"'

    def _search(self, pattern: str, since: datetime, until: datetime) -> None:
        for line in search(self._deployment, pattern, since, until, self._on_window):
            if "_aws" in line.entry or not self._belongs(line):
                continue
            self._lines[line.stream, line.at, line.text] = line
            request_id, uuid = line.entry.get("request_id"), _uuid_of(line)
            if uuid and request_id in self._asked:
                self.uuids.add(uuid)
            if uuid in self.uuids and request_id:
                self.request_ids.add(str(request_id))

    def _belongs(self, line: LogLine) -> bool:
        """Return whether a line is of this story: hand-made events may share one request id."""
        return self._is_mine(line.entry.get("request_id"), _uuid_of(line))

    def _is_mine(self, request_id: Any, uuid: Any) -> bool:
        return (
            uuid in self.uuids
            or request_id in self._asked
            or (uuid is None and request_id in self.request_ids)
        )

    def _item(self, uuid: str) -> dict[str, Any]:
        return items.get(self._deployment.table("AppointmentsTable"), {"uuid": uuid})

    def _is_sensitive(self, item: dict[str, Any]) -> bool:
        """Return whether the log has the item's request without its parameters."""
        return any(
            line.entry.get("message") == "request" and line.entry.get("params") is None
            for line in self._lines.values()
            if line.entry.get("request_id") == item.get("request_id")
        )

    def _table_entries(self) -> Iterator[Entry]:
        """Yield the items and the notifications that were not shown yet."""
        name = self._deployment.name("AppointmentsTable")
        for uuid in sorted(self.uuids):
            key = ("", datetime.min.replace(tzinfo=UTC), uuid)
            if key not in self._lines and (item := self._item(uuid)):
                self._lines[key] = LogLine(key[1], "", {}, uuid)
                yield of_item(name, item, is_sensitive=self._is_sensitive(item))
        notifications = notifications_table.table(self._deployment)
        for request_id in sorted(self.request_ids)[:MAX_REQUESTS]:
            for item in notifications_table.of_request(notifications, request_id):
                key = ("", datetime.max.replace(tzinfo=UTC), str(item["notification_id"]))
                if key in self._lines or not self._is_mine(request_id, item.get("uuid")):
                    continue
                self._lines[key] = LogLine(key[1], "", {}, key[2])
                yield from of_notification(self._deployment.name("NotificationsTable"), item)


def _end() -> datetime:
    """Return the end of a search: CloudWatch's clock and this one differ."""
    return datetime.now(UTC) + _MARGIN


def as_uuid(typed: str) -> str | None:
    """Return a uuid as the tables have it; None if the text is none."""
    try:
        return str(UUID(typed.strip()))
    except ValueError:
        return None


def _number(value: Any) -> int | None:
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def _patterns(clauses: Sequence[str]) -> Iterator[str]:
    """Yield filter patterns that together have all clauses, each within CloudWatch's limit."""
    pattern = ""
    for clause in clauses:
        longer = f"{pattern} || ({clause})" if pattern else f"({clause})"
        if len(longer) > _MAX_PATTERN:
            yield f"{{ {pattern} }}"
            longer = f"({clause})"
        pattern = longer
    yield f"{{ {pattern} }}"


def _uuid_of(line: LogLine) -> str | None:
    """Return the appointment that a line names, if it does."""
    for holder in (line.entry, line.entry.get("params"), line.entry.get("notification")):
        if isinstance(holder, dict) and holder.get("uuid"):
            return as_uuid(str(holder["uuid"]))
    return None
