"""The audit trail, read back: which requests came in, and what has become of each since.

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
from appointments_operator.deployment import Deployment

# CloudWatch's clock and the function's differ: the entry's own time decides.
_MARGIN: Final = timedelta(minutes=5)
_PATTERN: Final = '{ ($.message = "request") || ($.message = "response") || ($.message = "email") }'
# Responses that leave a request as it was: a later one of these has settled nothing.
_UNSETTLED: Final = frozenset(status.value for status in Status if status.retryable)
# What an entry must have, by its message.
_REQUIRED: Final = {"request": "received_at", "response": "status", "email": "status"}

# `at` is an entry's place in the log. A response `settles` if it is not retryable. It is `own` if
# it is neither a replay's nor an email's, so that it belongs to the request in the log. `standing`
# says of each request what its caller got, and how it stands now.
_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE request (
        at INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, received TEXT, received_at REAL,
        uuid TEXT, content TEXT, is_sensitive INTEGER, entry TEXT,
        response_at INTEGER, latest_at INTEGER
    );
    CREATE TABLE response (
        at INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, uuid TEXT, status TEXT, reason TEXT,
        is_saved INTEGER, is_own INTEGER, is_replay INTEGER, settles INTEGER
    );
    CREATE VIEW standing AS
    SELECT request.at, request.request_id, request.received, request.received_at, request.uuid,
        first.status AS first_status, first.uuid AS first_uuid,
        COALESCE(latest.status, first.status) AS status,
        COALESCE(latest.reason, CASE WHEN latest.at IS NULL THEN first.reason END) AS reason,
        request.is_sensitive
    FROM request
    LEFT JOIN response AS first ON first.at = request.response_at
    LEFT JOIN response AS latest ON latest.at = request.latest_at;
"""
_INDEXES: Final = """
    CREATE INDEX request_by_id ON request (request_id, at);
    CREATE INDEX request_by_time ON request (received_at, at);
    CREATE INDEX response_by_id ON response (request_id, at) WHERE is_replay;
    CREATE INDEX response_by_uuid ON response (uuid, at) WHERE settles;
"""
_ADD_REQUEST: Final = "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
_ADD_RESPONSE: Final = "INSERT INTO response VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAIR: Final = """
    UPDATE request SET response_at = :at, uuid = COALESCE(:uuid, uuid) WHERE at = (
        SELECT at FROM request
        WHERE request_id = :request_id AND response_at IS NULL AND stream = :stream AND at < :at
        ORDER BY at DESC LIMIT 1
    )
"""
# Its place says nothing: entries of two streams with the same time may come in either order.
_PAIR_ACROSS_STREAMS: Final = """
    UPDATE request SET response_at = :at, uuid = COALESCE(:uuid, uuid) WHERE at = (
        SELECT at FROM request WHERE request_id = :request_id AND response_at IS NULL
        ORDER BY at LIMIT 1
    )
"""
# A caller's retry may have another request id: it counts if it saved the appointment.
_LATEST_BY_UUID: Final = """
    UPDATE request SET latest_at = (
        SELECT MAX(later.at) FROM response AS later
        WHERE later.settles AND later.uuid = request.uuid AND later.at > request.at
        AND (later.request_id = request.request_id OR later.is_saved)
    ) WHERE uuid IS NOT NULL
"""
# Requests without a uuid that share an id: if fewer replays than requests are there, which of them
# was replayed is unknown, and replaying again is safe.
_LATEST_WITHOUT_UUID: Final = """
    WITH replayed AS (
        SELECT request_id, COALESCE(uuid, '') AS uuid, at FROM response
        WHERE is_replay AND settles AND COALESCE(uuid, '') NOT IN (
            SELECT known.uuid FROM request AS known
            WHERE known.request_id = response.request_id AND known.uuid IS NOT NULL
        )
    )
    UPDATE request SET latest_at = (
        SELECT MAX(at) FROM replayed
        WHERE replayed.request_id = request.request_id AND replayed.at > request.at
    ) WHERE uuid IS NULL AND (
        SELECT COUNT(DISTINCT uuid) FROM replayed WHERE replayed.request_id = request.request_id
    ) >= (
        SELECT COUNT(DISTINCT content) FROM request AS same
        WHERE same.request_id = request.request_id AND same.uuid IS NULL
    )
"""


class Request(NamedTuple):
    """A request log entry, and what has become of it; `at` is its place in the log.

    `received` is its `received_at` as logged, and `received_epoch` the same in seconds.
    `first_status` and `first_uuid` are those of the response that its caller got, `status` and
    `reason` say how it stands now (None: no response). `is_sensitive` says that the log has none
    of its parameters, so that it cannot be replayed.
    """

    at: int
    id: str
    received: str
    received_epoch: float
    uuid: str | None
    first_status: str | None
    first_uuid: str | None
    status: str | None
    reason: str | None
    is_sensitive: bool

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Request":
        """Return the request of a row of `standing`."""
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
            "SELECT * FROM standing WHERE received_at >= ? ORDER BY received_at, at", (self._since,)
        )
        return map(Request.of, rows)

    def event(self, request: Request) -> dict[str, Any]:
        """Return the event that replays a request."""
        ((text,),) = self.database.execute("SELECT entry FROM request WHERE at = ?", (request.at,))
        return {"replay": json.loads(text) | ({"uuid": request.uuid} if request.uuid else {})}

    def load(self, entries: Iterable[log_search.LogLine]) -> None:
        """Take the entries of the log, once."""
        self.database.executescript(_TABLES)
        for line in entries:
            self._add(line)
        self.database.executescript(_INDEXES)
        self._pair()
        self.database.execute(_LATEST_BY_UUID)
        self.database.execute(_LATEST_WITHOUT_UUID)

    def _add(self, line: log_search.LogLine) -> None:
        """Add an entry; leave out those of another kind: emulators ignore the pattern."""
        entry = line.entry
        required = _REQUIRED.get(str(entry.get("message")))
        if required is None or "request_id" not in entry or required not in entry:
            return
        self._entries += 1
        # The entries of one millisecond stay in the order in which they came.
        at = int(line.at.timestamp() * 1000) * 1_000_000 + self._entries % 1_000_000
        request_id = str(entry["request_id"])
        row: tuple[Any, ...]
        match entry["message"]:
            case "request":
                try:
                    received_at = _moment(str(entry["received_at"])).timestamp()
                except ValueError:
                    return
                row = (at, line.stream, request_id, str(entry["received_at"]), received_at)
                is_sensitive = entry.get("params") is None
                row += (_own_uuid(entry), _content(entry), is_sensitive, line.text)
                self.database.execute(_ADD_REQUEST, row)
            case "response":
                status, is_replay = str(entry["status"]), bool(entry.get("replay"))
                row = (at, line.stream, request_id, entry.get("uuid"), status, entry.get("reason"))
                row += (entry.get("saved"), not is_replay, is_replay, status not in _UNSETTLED)
                self.database.execute(_ADD_RESPONSE, row)
            case "email" if entry["status"] in SETTLED_STATUSES:
                # Whatever sent it, the email of the appointment is out.
                success = Status.ACTION_SUCCESSFUL.value
                row = (at, line.stream, request_id, entry.get("uuid"), success, None)
                self.database.execute(_ADD_RESPONSE, (*row, True, False, False, True))

    def _pair(self) -> None:
        """Give each request the response that its caller got."""
        responses = self.database.execute(
            "SELECT at, stream, request_id, uuid FROM response WHERE is_own ORDER BY at"
        )
        names = ("at", "stream", "request_id", "uuid")
        elsewhere = []
        for row in responses:
            response = dict(zip(names, row, strict=True))
            if not self.database.execute(_PAIR, response).rowcount:
                elsewhere.append(response)
        self.database.executemany(_PAIR_ACROSS_STREAMS, elsewhere)


def read(deployment: Deployment, since: datetime) -> RequestLog:
    """Return the requests received from `since` on, with what became of them up to now."""
    log = RequestLog(since)
    log.load(log_search.stream(deployment, _PATTERN, since - _MARGIN))
    return log


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _own_uuid(entry: dict[str, Any]) -> str | None:
    """Return the uuid that the caller sent, or None."""
    try:
        return str(UUID(str((entry.get("params") or {}).get("uuid")).strip()))
    except ValueError:
        return None


def _content(entry: dict[str, Any]) -> str:
    """Return what distinguishes it from another request under the same id."""
    content = {**entry, "received_at": None, "timestamp": None}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
