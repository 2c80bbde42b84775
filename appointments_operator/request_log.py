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
from appointments_operator.deployment import Deployment

# CloudWatch's clock and the function's differ: the entry's own time decides.
_MARGIN: Final = timedelta(minutes=5)
_PATTERN: Final = '{ ($.message = "request") || ($.message = "response") || ($.message = "email") }'
_RETRYABLE: Final = frozenset(status.value for status in Status if status.retryable)
# What an entry must have, by its message.
_REQUIRED: Final = {"request": "received_at", "response": "status", "email": "status"}

# `place` is an entry's position in the log: a number that grows with the time and the order of the
# entries. A row of `response` is a response log entry, or the email log entry of an email that is
# settled. `is_to_caller` is false for an email, and for the response of a replay.
# `response_place` is that of the response that the caller got. `latest_place` is that of the latest
# later one that changes the status: a retryable response leaves a request as it was.
# The view `request_status` has the first status of each request, and the present one.
_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE request (
        place INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, received TEXT, received_at REAL,
        uuid TEXT, content_hash TEXT, is_sensitive INTEGER, entry TEXT,
        response_place INTEGER, latest_place INTEGER
    );
    CREATE TABLE response (
        place INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, uuid TEXT, status TEXT,
        reason TEXT, is_saved INTEGER, is_to_caller INTEGER, is_replay INTEGER, is_retryable INTEGER
    );
    CREATE VIEW request_status AS
    SELECT request.place, request.request_id, request.received, request.received_at, request.uuid,
        first.status AS first_status, first.uuid AS first_uuid,
        COALESCE(latest.status, first.status) AS status,
        COALESCE(latest.reason, CASE WHEN latest.place IS NULL THEN first.reason END) AS reason,
        request.is_sensitive
    FROM request
    LEFT JOIN response AS first ON first.place = request.response_place
    LEFT JOIN response AS latest ON latest.place = request.latest_place;
"""
_INDEXES: Final = """
    CREATE INDEX request_by_id ON request (request_id, place);
    CREATE INDEX request_by_time ON request (received_at, place);
    CREATE INDEX response_by_id ON response (request_id, place) WHERE is_replay;
    CREATE INDEX response_by_uuid ON response (uuid, place) WHERE NOT is_retryable;
"""
_ADD_REQUEST: Final = "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
_ADD_RESPONSE: Final = "INSERT INTO response VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAIR: Final = """
    UPDATE request SET response_place = :place, uuid = COALESCE(:uuid, uuid) WHERE place = (
        SELECT place FROM request
        WHERE request_id = :request_id AND response_place IS NULL
        AND stream = :stream AND place < :place
        ORDER BY place DESC LIMIT 1
    )
"""
# The place of such a response does not count: entries of two streams with the same time may come
# in either order.
_PAIR_ACROSS_STREAMS: Final = """
    UPDATE request SET response_place = :place, uuid = COALESCE(:uuid, uuid) WHERE place = (
        SELECT place FROM request WHERE request_id = :request_id AND response_place IS NULL
        ORDER BY place LIMIT 1
    )
"""
# A caller's retry may have another request id: its response counts if it says `saved`.
_LATEST_BY_UUID: Final = """
    UPDATE request SET latest_place = (
        SELECT MAX(later.place) FROM response AS later
        WHERE NOT later.is_retryable AND later.uuid = request.uuid AND later.place > request.place
        AND (later.request_id = request.request_id OR later.is_saved)
    ) WHERE uuid IS NOT NULL
"""
# Requests without a uuid may share an id. If there are fewer replays than such requests, it is
# unknown which of them were replayed: then none counts as replayed. To replay one again is safe.
_LATEST_WITHOUT_UUID: Final = """
    WITH replayed AS (
        SELECT request_id, COALESCE(uuid, '') AS uuid, place FROM response
        WHERE is_replay AND NOT is_retryable AND COALESCE(uuid, '') NOT IN (
            SELECT known.uuid FROM request AS known
            WHERE known.request_id = response.request_id AND known.uuid IS NOT NULL
        )
    )
    UPDATE request SET latest_place = (
        SELECT MAX(place) FROM replayed
        WHERE replayed.request_id = request.request_id AND replayed.place > request.place
    ) WHERE uuid IS NULL AND (
        SELECT COUNT(DISTINCT uuid) FROM replayed WHERE replayed.request_id = request.request_id
    ) >= (
        SELECT COUNT(DISTINCT content_hash) FROM request AS same
        WHERE same.request_id = request.request_id AND same.uuid IS NULL
    )
"""


class Request(NamedTuple):
    """A request log entry, and what has become of it; `place` is its position in the log.

    `received` is its `received_at` as logged, and `received_epoch` the same in seconds.
    `first_status` and `first_uuid` are those of the response that its caller got. `status` and
    `reason` are the present ones, after replays and retries (None: no response). If `is_sensitive`,
    the log has none of its parameters, so that it cannot be replayed.
    """

    place: int
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
            "SELECT * FROM request_status WHERE received_at >= ? ORDER BY received_at, place",
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
        self.database.executescript(_TABLES)
        for line in entries:
            self._add(line)
        self.database.executescript(_INDEXES)
        self._pair()
        self.database.execute(_LATEST_BY_UUID)
        self.database.execute(_LATEST_WITHOUT_UUID)

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
                    received_at = _moment(str(entry["received_at"])).timestamp()
                except ValueError:
                    return
                row = (place, line.stream, request_id, str(entry["received_at"]), received_at)
                is_sensitive = entry.get("params") is None
                row += (_sent_uuid(entry), _content_hash(entry), is_sensitive, line.text)
                self.database.execute(_ADD_REQUEST, row)
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
                self.database.execute(_ADD_RESPONSE, row)
            case "email" if entry["status"] in SETTLED_STATUSES:
                # Nothing is left to send: the request is good now, whatever its response was.
                success = Status.ACTION_SUCCESSFUL.value
                row = (place, line.stream, request_id, entry.get("uuid"), success, None)
                self.database.execute(_ADD_RESPONSE, (*row, True, False, False, False))

    def _pair(self) -> None:
        """Give each request the response that its caller got."""
        responses = self.database.execute(
            "SELECT place, stream, request_id, uuid FROM response WHERE is_to_caller ORDER BY place"
        )
        names = ("place", "stream", "request_id", "uuid")
        in_other_streams = []
        for row in responses:
            response = dict(zip(names, row, strict=True))
            if not self.database.execute(_PAIR, response).rowcount:
                in_other_streams.append(response)
        self.database.executemany(_PAIR_ACROSS_STREAMS, in_other_streams)


def read(deployment: Deployment, since: datetime) -> RequestLog:
    """Return the requests received from `since` on, with what has become of each since."""
    log = RequestLog(since)
    log.load(log_search.stream(deployment, _PATTERN, since - _MARGIN))
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
