"""The requests to replay, and what came of each: beside the log, on disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from appointments.statuses import Status
from appointments_operator.layout import Items
from appointments_operator.replay_selection import now
from appointments_operator.request_log import Request, RequestLog

GOOD: Final[str] = Status.ACTION_SUCCESSFUL.value
_TABLE: Final = """
    CREATE TABLE replay (
        at INTEGER PRIMARY KEY, status TEXT, reason TEXT, only_caller INTEGER NOT NULL
    )
"""


class Result(NamedTuple):
    """What came of a replay. `only_caller`: neither a replay nor an operator can repair it."""

    status: str
    reason: str | None = None
    only_caller: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """A selected request, and what came of its replay (`now` is None: not replayed)."""

    request: Request
    now: str | None
    reason: str | None
    only_caller: bool

    @property
    def then(self) -> str:
        """How the request stood before."""
        return now(self.request)

    @property
    def is_good(self) -> bool:
        """Whether the request was processed as its caller wanted."""
        return self.now == GOOD

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "request_id": self.request.id,
            "received_at": self.request.received,
            "uuid": self.request.uuid,
            "then": self.then,
            "now": self.now or "not replayed",
            "reason": self.reason,
            "only_caller": self.only_caller,
        }


class Replays:
    """The selected requests of a log, in the order of time, as often as it is iterated.

    The results are a table beside the log, on disk.
    """

    def __init__(self, log: RequestLog, picked: Iterable[Request]) -> None:
        self._log = log
        log.database.execute(_TABLE)
        rows = ((request.at, request.is_sensitive) for request in picked)
        log.database.executemany("INSERT INTO replay VALUES (?, NULL, NULL, ?)", rows)

    def __len__(self) -> int:
        return self._count("SELECT COUNT(*) FROM replay")

    def __iter__(self) -> Iterator[Replay]:
        rows = self._log.database.execute(
            "SELECT standing.*, replay.status, replay.reason, only_caller "
            "FROM replay JOIN standing USING (at) ORDER BY received_at, at"
        )
        return (Replay(Request.of(row[:-3]), row[-3], row[-2], bool(row[-1])) for row in rows)

    def only_done(self) -> Items:
        """Return those that were replayed, as often as it is iterated."""
        return _Done(self)

    @property
    def done(self) -> int:
        """How many were replayed."""
        return self._count("SELECT COUNT(status) FROM replay")

    @property
    def good(self) -> int:
        """How many are good now."""
        return self._count("SELECT COUNT(*) FROM replay WHERE status = ?", GOOD)

    def unresolved_ids(self) -> set[str]:
        """Return the ids of the requests that are good now and whose notification has no uuid.

        A notification lacks the uuid if the response that it reports did.
        """
        return {
            replay.request.id
            for replay in self
            if replay.is_good and replay.request.first_status and not replay.request.first_uuid
        }

    def waiting(self) -> Iterator[Request]:
        """Yield the requests to replay; what is noted meanwhile does not disturb it."""
        query = "SELECT at FROM replay JOIN standing USING (at) ORDER BY received_at, at"
        for (at,) in self._log.database.execute(query).fetchall():
            (row,) = self._log.database.execute("SELECT * FROM standing WHERE at = ?", (at,))
            yield Request.of(row)

    def event(self, request: Request) -> dict[str, Any] | None:
        """Return the event that replays a request; None if it is sensitive."""
        return None if request.is_sensitive else self._log.event(request)

    def note(self, request: Request, result: Result) -> None:
        """Note what came of a replay."""
        self._log.database.execute(
            "UPDATE replay SET status = ?, reason = ?, only_caller = ? WHERE at = ?",
            (*result, request.at),
        )

    def _count(self, query: str, *values: str) -> int:
        ((count,),) = self._log.database.execute(query, values)
        return int(count)


class _Done:
    """The replays that were made."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays

    def __len__(self) -> int:
        return self._replays.done

    def __iter__(self) -> Iterator[Replay]:
        return (replay for replay in self._replays if replay.now is not None)
