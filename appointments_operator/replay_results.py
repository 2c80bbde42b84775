"""The requests to replay, and the result of each: a table in the temporary database of the log."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from appointments.statuses import Status
from appointments_operator.layout import Listed
from appointments_operator.replay_selection import status_of
from appointments_operator.request_log import Request, RequestLog

GOOD: Final[str] = Status.ACTION_SUCCESSFUL.value
_TABLE: Final = """
    CREATE TABLE replay (
        place INTEGER PRIMARY KEY, status TEXT, reason TEXT, only_caller INTEGER NOT NULL
    )
"""


class ReplayResult(NamedTuple):
    """The result of a replay. `only_caller`: neither a replay nor an operator can repair it."""

    status: str
    reason: str | None = None
    only_caller: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """A selected request and the result of its replay; without one, `status_after` is None."""

    request: Request
    status_after: str | None
    reason: str | None
    only_caller: bool

    @property
    def status_before(self) -> str:
        """The status of the request before the replay."""
        return status_of(self.request)

    @property
    def is_good(self) -> bool:
        """Whether the request was processed as its caller wanted."""
        return self.status_after == GOOD

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "request_id": self.request.id,
            "received_at": self.request.received_text,
            "uuid": self.request.uuid,
            "then": self.status_before,
            "now": self.status_after or "not replayed",
            "reason": self.reason,
            "only_caller": self.only_caller,
        }


class Replays:
    """The selected requests with their results, in the order of time, as often as it is iterated.

    They are read from disk one by one, so that any number takes little memory.
    """

    def __init__(self, log: RequestLog, selected: Iterable[Request]) -> None:
        self._log = log
        log.database.execute(_TABLE)
        rows = ((request.place, request.is_sensitive) for request in selected)
        log.database.executemany("INSERT INTO replay VALUES (?, NULL, NULL, ?)", rows)

    def __len__(self) -> int:
        return self._count("SELECT COUNT(*) FROM replay")

    def __iter__(self) -> Iterator[Replay]:
        rows = self._log.database.execute(
            "SELECT request_status.*, replay.status, replay.reason, only_caller "
            "FROM replay JOIN request_status USING (place) ORDER BY received_epoch, place"
        )
        return (Replay(Request.of(row[:-3]), row[-3], row[-2], bool(row[-1])) for row in rows)

    def with_result(self) -> Listed:
        """Return those that have a result."""
        return _WithResult(self)

    @property
    def result_count(self) -> int:
        """How many have a result."""
        return self._count("SELECT COUNT(status) FROM replay")

    @property
    def good_count(self) -> int:
        """How many are good now."""
        return self._count("SELECT COUNT(*) FROM replay WHERE status = ?", GOOD)

    def request_ids_to_resolve(self) -> set[str]:
        """Return the ids of the requests that are good now and whose notification has no uuid.

        A notification has no uuid if the response that it reports had none.
        """
        return {
            replay.request.id
            for replay in self
            if replay.is_good and replay.request.first_status and not replay.request.first_uuid
        }

    def requests(self) -> Iterator[Request]:
        """Yield the requests to replay. Results may be saved meanwhile."""
        query = (
            "SELECT place FROM replay JOIN request_status USING (place) "
            "ORDER BY received_epoch, place"
        )
        for key in self._log.database.execute(query).fetchall():
            (row,) = self._log.database.execute("SELECT * FROM request_status WHERE place = ?", key)
            yield Request.of(row)

    def event(self, request: Request) -> dict[str, Any] | None:
        """Return the event that replays a request; None if it is sensitive."""
        return None if request.is_sensitive else self._log.event(request)

    def save_result(self, request: Request, result: ReplayResult) -> None:
        """Save the result of the replay of a request."""
        self._log.database.execute(
            "UPDATE replay SET status = ?, reason = ?, only_caller = ? WHERE place = ?",
            (*result, request.place),
        )

    def _count(self, query: str, *values: str) -> int:
        ((count,),) = self._log.database.execute(query, values)
        return int(count)


class _WithResult:
    """The replays that have a result, in the order of time, as often as it is iterated."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays

    def __len__(self) -> int:
        return self._replays.result_count

    def __iter__(self) -> Iterator[Replay]:
        return (replay for replay in self._replays if replay.status_after is not None)
