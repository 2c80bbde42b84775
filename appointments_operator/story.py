"""The story of an appointment or a request, from the log and the tables, part by part.

`admin trace` and the console show it. With a uuid the item says where to look first: the four days
from `received_at`. Otherwise the newest part of the log comes first. Each part is in the order of
time.

A *span* of time is any; a *stretch* of it is at most four days, and leads to one or more parts. The
log is read in *windows* of a day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from appointments.email.state import SETTLED_STATUSES, Trigger
from appointments_operator import items, notifications_table
from appointments_operator.deployment import Deployment
from appointments_operator.log_search import LogLine, search
from appointments_operator.story_entries import (
    Entry,
    as_uuid,
    entries_of_notification,
    entry_of_item,
    entry_of_line,
    uuid_of,
)
from appointments_operator.story_search import (
    MARGIN,
    Span,
    StorySearch,
    clause_for_request,
    clauses_for_uuid,
    newest_first,
    oldest_first,
)

FIRST_SPAN: Final = timedelta(days=4)  # longer than an email is tried
# So many requests that name a record are looked up at once.
MAX_REQUESTS: Final = 25
# What people may have done long after a request: a replay, or `admin owed settle`.
_LATE: Final = '($.replay IS TRUE) || ($.trigger = "settle")'


@dataclass(frozen=True)
class Part:
    """The entries to which a stretch of the log leads; `done` is the share that was read so far."""

    entries: list[Entry]
    since: datetime
    until: datetime
    done: float


class Story:
    """What is known so far: the ids that belong to the story, and what was shown of it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._log = StorySearch(deployment)
        self._is_of_reference = False
        # The ids that were asked for. The appointments of such a request belong to the story too.
        self._asked: set[str] = set()
        self._request_ids: set[str] = set()
        self._uuids: set[str] = set()
        # Requests of which the lines are still to be read, each with a moment at which it was seen.
        self._near: list[tuple[str, datetime]] = []
        # The appointments of this part, whose lines are searched.
        self._followed: set[str] = set()
        self._settled: set[str] = set()
        self._late: dict[str, list[LogLine]] = defaultdict(list)
        self._lines: list[LogLine] = []
        self._seen: set[tuple[str, datetime, str]] = set()
        self._sensitive_ids: set[str] = set()
        self._from_tables: set[str] = set()

    def of_id(self, typed: str, since: datetime) -> Iterator[Part]:
        """Yield the parts about a uuid or request id: first where it is likely, then the rest."""
        uuid, end = as_uuid(typed), _end()
        item = self._item(uuid) if uuid else {}
        if uuid:
            self._uuids.add(uuid)
            self._followed.add(uuid)
        if item and not item.get("forgotten_at"):  # then it says where its story begins
            received_at, clauses = entry_of_item("", item).at, []
            self._request_ids.add(str(item.get("request_id")))
            self._near.append((str(item.get("request_id")), received_at))
            first = (received_at - MARGIN, min(received_at + FIRST_SPAN, end))
            spans = [first, *oldest_first(first[1], end), *newest_first(since, first[0])]
        else:
            clauses = [clause_for_request(typed)]
            self._asked.add(typed)
            self._request_ids.add(typed)
            spans = list(newest_first(since, end))
        for number, (begin, until) in enumerate(spans, 1):
            read = spans[:number]
            entries = self._entries(
                min(first for first, _ in read), max(last for _, last in read), clauses
            )
            yield _part(entries, begin, until, number / len(spans))

    def of_reference(self, name: str, number: int, since: datetime) -> Iterator[Part]:
        """Yield the parts about all requests that named a record, such as an order."""
        self._is_of_reference, end = True, _end()
        for stretch in newest_first(since, end):
            requests = self._requests(name, number, stretch)
            for some, (begin, until) in _batches(requests, stretch):
                self._followed = set()
                for line in some:
                    request_id = str(line.entry.get("request_id"))
                    self._asked.add(request_id)
                    self._request_ids.add(request_id)
                    self._accept(line)
                entries = self._entries(begin - MARGIN, min(until + FIRST_SPAN, end))
                yield _part(entries, begin, until, (end - begin) / (end - since))

    def _requests(self, name: str, number: int, stretch: Span) -> list[LogLine]:
        """Return the requests of a stretch that named a record, the newest first.

        The late lines of the stretch go into `_late`.
        """
        path = f"$.params.{name}"
        pattern = f'{{ ({path} = {number}) || ({path} = "{number}") || {_LATE} }}'
        found = []
        for line in search(self._deployment, pattern, *stretch):
            params = line.entry.get("params")
            if line.entry.get("message") == "request" and isinstance(params, dict):
                if _number(params.get(name)) == number:
                    found.append(line)
            elif line.entry.get("replay") is True or line.entry.get("trigger") == "settle":
                for key in filter(None, {line.entry.get("request_id"), uuid_of(line)}):
                    self._late[str(key)].append(line)
        return found[::-1]

    def _entries(
        self, since: datetime, until: datetime, clauses: Iterable[str] = ()
    ) -> list[Entry]:
        """Return what the log has of a span, and what the tables have of what is named there."""
        is_new = True
        while is_new:  # a response names the uuid of a request, and the reverse
            before = len(self._seen)
            near, self._near = self._near, []
            self._accept_all(self._log.near(near))
            self._accept_all(self._late_lines())
            wanted = [each for uuid in sorted(self._followed) for each in self._clauses(uuid)]
            self._accept_all(self._log.lines([*clauses, *wanted], since, until))
            is_new = len(self._seen) > before
        lines, self._lines = self._lines, []
        entries = [*map(entry_of_line, lines), *self._table_entries()]
        return sorted(entries, key=lambda entry: entry.at)

    def _clauses(self, uuid: str) -> list[str]:
        """Return the clauses for an appointment.

        In the story of a record, `_requests` finds the requests, so none is searched by its uuid.
        An appointment whose email its own request settled needs no clause: `_late` has what came
        later.
        """
        if not self._is_of_reference:
            return [*clauses_for_uuid(uuid), f'$.params.uuid = "{uuid}"']
        return [] if uuid in self._settled else clauses_for_uuid(uuid)

    def _late_lines(self) -> Iterator[LogLine]:
        for key in self._late.keys() & (self._asked | self._uuids):
            yield from self._late.pop(key)

    def _accept_all(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            self._accept(line)

    def _accept(self, line: LogLine) -> None:
        """Take a line of this story: hand-made events may share one request id."""
        key = (line.stream, line.at, line.text)
        request_id, uuid = line.entry.get("request_id"), uuid_of(line)
        if key in self._seen or "_aws" in line.entry or not self._is_mine(request_id, uuid):
            return
        self._seen.add(key)
        self._lines.append(line)
        message = line.entry.get("message")
        if message == "request" and line.entry.get("params") is None:
            self._sensitive_ids.add(str(request_id))
        if uuid and request_id in self._asked:
            self._uuids.add(uuid)
        if uuid in self._uuids:
            self._followed.add(str(uuid))
            is_final = message == "email" and line.entry.get("status") in SETTLED_STATUSES
            if is_final and line.entry.get("trigger") == Trigger.REQUEST.value:
                self._settled.add(str(uuid))
        if request_id:
            self._request_ids.add(str(request_id))
            self._near.append((str(request_id), line.at))

    def _is_mine(self, request_id: Any, uuid: Any) -> bool:
        return (
            uuid in self._uuids
            or request_id in self._asked
            or (uuid is None and request_id in self._request_ids)
        )

    def _item(self, uuid: str) -> dict[str, Any]:
        return items.get(self._deployment.table("AppointmentsTable"), {"uuid": uuid})

    def _table_entries(self) -> Iterator[Entry]:
        """Yield the items and the notifications that were not shown yet."""
        for uuid in sorted(self._uuids - self._from_tables):
            if item := self._item(uuid):
                is_sensitive = item.get("request_id") in self._sensitive_ids
                name = self._deployment.output("AppointmentsTable")
                yield entry_of_item(name, item, is_sensitive=is_sensitive)
        notifications = notifications_table.table_of(self._deployment)
        for request_id in sorted(self._request_ids - self._from_tables):
            for item in notifications_table.of_request(notifications, request_id):
                if self._is_mine(request_id, item.get("uuid")):
                    yield from entries_of_notification(
                        self._deployment.output("NotificationsTable"), item
                    )
        self._from_tables |= self._uuids | self._request_ids


def _batches(requests: list[LogLine], stretch: Span) -> Iterator[tuple[list[LogLine], Span]]:
    """Yield the requests of a stretch, not too many at once, with the part where they lie."""
    begin, until = stretch
    while len(requests) > MAX_REQUESTS:
        some, requests = requests[:MAX_REQUESTS], requests[MAX_REQUESTS:]
        yield some, (some[-1].at, until)
        until = some[-1].at
    yield requests, (begin, until)


def _part(entries: list[Entry], since: datetime, until: datetime, done: float) -> Part:
    return Part(entries, since, min(until, datetime.now(UTC)), done)


def _end() -> datetime:
    """Return the end of a search: CloudWatch's clock and this one differ."""
    return datetime.now(UTC) + MARGIN


def _number(value: Any) -> int | None:
    try:
        return int(str(value).strip())
    except ValueError:
        return None
