"""The request log: which requests came in, and what has become of each since.

The function writes a `request` and a `response` log entry, and an `email` log entry for each try of
an email (specification section 10). One execution environment has one log stream and one request at
a time. So a response belongs to the request before it in its stream, even if hand-made events share
one request id. A response in another stream belongs to a request of the same id that has
none yet.

The entries are in a temporary database on disk, which disappears with its connection. So a log of
any length takes little memory.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from appointments.email.state import SETTLED_STATUSES
from appointments.statuses import Status
from appointments_operator import log_search
from appointments_operator import request_log_sql as sql
from appointments_operator.deployment import Deployment

# CloudWatch's clock and the function's differ: the entry's own time decides.
_MARGIN: Final = timedelta(minutes=5)
_PATTERN: Final = '{ ($.message = "request") || ($.message = "response") || ($.message = "email") }'
_RETRYABLE: Final = frozenset(status.value for status in Status if status.retryable)
# What an entry must have, by its message.
_REQUIRED: Final = {"request": "received_at", "response": "status", "email": "status"}


class Request(NamedTuple):
    """A request log entry, and what has become of it; `place` is its position in the log.

    `received_text` is its `received_at` as logged, `received_epoch` the same in seconds.
    `first_status` and `first_uuid` are those of the response that its caller got. `status` and
    `reason` are the present ones, after replays and retries (None: no response). If `is_sensitive`,
    the log has none of its parameters, so that it cannot be replayed.
    """

    place: int
    id: str
    received_text: str
    received_epoch: float
    uuid: str | None
    first_status: str | None
    first_uuid: str | None
    status: str | None
    reason: str | None
    is_sensitive: bool

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Request":
        """Return the request of a row of `request_status`."""
        return cls._make((*row[:-1], bool(row[-1])))

    @property
    def received_at(self) -> datetime:
        """When the function received it."""
        return datetime.fromtimestamp(self.received_epoch, UTC)


class RequestLog:
    """The requests received from `since` on, in the order of time, as often as it is iterated."""

    def __init__(self, since: datetime) -> None:
        self.database = sqlite3.connect("")  # a temporary file
        self._since = since.timestamp()
        self._entries = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def __iter__(self) -> Iterator[Request]:
        rows = self.database.execute(
            "SELECT * FROM request_status WHERE received_epoch >= ? ORDER BY received_epoch, place",
            (self._since,),
        )
        return map(Request.of, rows)

    def event(self, request: Request) -> dict[str, Any]:
        """Return the event that replays a request."""
        query = "SELECT entry FROM request WHERE place = ?"
        ((text,),) = self.database.execute(query, (request.place,))
        return {"replay": json.loads(text) | ({"uuid": request.uuid} if request.uuid else {})}

    def load(self, entries: Iterable[log_search.LogLine]) -> None:
        """Read the entries of the log into the database. Called once."""
        self.database.executescript(sql.TABLES)
        for line in entries:
            self._add(line)
        self.database.executescript(sql.INDEXES)
        self._pair()
        self.database.execute(sql.LATEST_BY_UUID)
        self.database.execute(sql.LATEST_WITHOUT_UUID)

    def _add(self, line: log_search.LogLine) -> None:
        """Add an entry, unless it has another message: emulators ignore the filter pattern."""
        entry = line.entry
        required = _REQUIRED.get(str(entry.get("message")))
        if required is None or "request_id" not in entry or required not in entry:
            return
        self._entries += 1
        # The entries of one millisecond stay in the order in which they came.
        place = int(line.at.timestamp() * 1000) * 1_000_000 + self._entries % 1_000_000
        request_id = str(entry["request_id"])
        row: tuple[Any, ...]
        match entry["message"]:
            case "request":
                try:
                    epoch = _moment(str(entry["received_at"])).timestamp()
                except ValueError:
                    return
                row = (place, line.stream, request_id, str(entry["received_at"]), epoch)
                is_sensitive = entry.get("params") is None
                row += (_sent_uuid(entry), _content_hash(entry), is_sensitive, line.text)
                self.database.execute(sql.ADD_REQUEST, row)
            case "response":
                status, is_replay = str(entry["status"]), bool(entry.get("replay"))
                row = (
                    place,
                    line.stream,
                    request_id,
                    entry.get("uuid"),
                    status,
                    entry.get("reason"),
                )
                row += (entry.get("saved"), not is_replay, is_replay, status in _RETRYABLE)
                self.database.execute(sql.ADD_RESPONSE, row)
            case "email" if entry["status"] in SETTLED_STATUSES:
                # Nothing is left to send: the request is good now, whatever its response was.
                success = Status.ACTION_SUCCESSFUL.value
                row = (place, line.stream, request_id, entry.get("uuid"), success, None)
                self.database.execute(sql.ADD_RESPONSE, (*row, True, False, False, False))

    def _pair(self) -> None:
        """Give each request the response that its caller got."""
        responses = self.database.execute(
            "SELECT place, stream, request_id, uuid FROM response WHERE is_to_caller ORDER BY place"
        )
        names = ("place", "stream", "request_id", "uuid")
        in_other_streams = []
        for row in responses:
            response = dict(zip(names, row, strict=True))
            if not self.database.execute(sql.PAIR, response).rowcount:
                in_other_streams.append(response)
        self.database.executemany(sql.PAIR_ACROSS_STREAMS, in_other_streams)


def read(deployment: Deployment, since: datetime) -> RequestLog:
    """Return the requests received from `since` on, with what has become of each since."""
    log = RequestLog(since)
    log.load(log_search.search_by_page(deployment, _PATTERN, since - _MARGIN))
    return log


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _sent_uuid(entry: dict[str, Any]) -> str | None:
    """Return the uuid that the caller sent, or None."""
    try:
        return str(UUID(str((entry.get("params") or {}).get("uuid")).strip()))
    except ValueError:
        return None


def _content_hash(entry: dict[str, Any]) -> str:
    """Return a hash of a request without its times: it tells two requests under one id apart."""
    content = {**entry, "received_at": None, "timestamp": None}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
