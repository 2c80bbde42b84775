"""The audit trail, read back: which requests came in, and what has become of each since.

The function writes a `request` and a `response` line, and an `email` line for each try of an email
(specification section 10). One
execution environment has one log stream and one request at a time, so a `response` answers the
`request` before it in its stream, even where hand-made events share one request id.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from appointments.statuses import Status

# CloudWatch's clock and the function's differ: the lines' own time decides.
_MARGIN: Final = timedelta(minutes=5)
_PATTERN: Final = '{ ($.message = "request") || ($.message = "response") || ($.message = "email") }'
# States of an email of which nothing is left to send.
_SETTLED: Final = frozenset({"sent", "skipped"})
_MOST_IN_A_PAGE: Final = 10_000
# Answers that leave a request as it was: a later one of these has settled nothing.
_UNSETTLED: Final = frozenset(status.value for status in Status if status.retryable)


class Truncated(Exception):
    """The log has more lines than it handed out."""


@dataclass(frozen=True)
class Answer:
    """A `response` line; `at` is its place in the log."""

    at: int
    request_id: str
    uuid: str | None
    status: str
    saved: bool | None
    is_replay: bool


@dataclass
class Request:
    """A `request` line, the answer that its caller got (None: never any), and its status now."""

    at: int
    line: dict[str, Any]
    answer: Answer | None = None
    status: str | None = None

    @property
    def id(self) -> str:
        """The request id."""
        return str(self.line["request_id"])

    @property
    def received_at(self) -> datetime:
        """When the function received it."""
        return datetime.fromisoformat(self.line["received_at"]).astimezone(UTC)

    @property
    def is_sensitive(self) -> bool:
        """Whether the log kept none of its parameters, so that it cannot be replayed."""
        return self.line.get("params") is None

    @property
    def uuid(self) -> str | None:
        """The appointment's key, where the log tells it."""
        if self.answer and self.answer.uuid:
            return self.answer.uuid
        try:
            return str(UUID(str((self.line.get("params") or {}).get("uuid")).strip()))
        except ValueError:
            return None

    def event(self) -> dict[str, Any]:
        """Return the event that replays it."""
        return {"replay": self.line | ({"uuid": self.uuid} if self.uuid else {})}

    def content(self) -> str:
        """Return what tells it from another request under the same id."""
        return json.dumps({**self.line, "received_at": None, "timestamp": None}, sort_keys=True)


def read(logs: Any, group: str, since: datetime) -> list[Request]:
    """Return the requests received from `since` on, with what became of them up to now.

    `logs` is a CloudWatch Logs client. Raises Truncated where a reader of the log (the emulator's)
    keeps back what does not fit one page.
    """
    requests: list[Request] = []
    answers: list[Answer] = []
    waiting: dict[tuple[str, str], Request] = {}
    for at, (stream, line) in enumerate(_lines(logs, group, since - _MARGIN)):
        if line["message"] == "request":
            requests.append(Request(at, line))
            waiting[stream, requests[-1].id] = requests[-1]
            continue
        if line["message"] == "email":
            if line["status"] in _SETTLED:  # whoever sent it, the appointment's email is out
                answers.append(_settled(at, line))
            continue
        answer = Answer(
            at,
            str(line["request_id"]),
            line.get("uuid"),
            str(line["status"]),
            line.get("saved"),
            bool(line.get("replay")),
        )
        answers.append(answer)
        if not answer.is_replay and (request := waiting.pop((stream, answer.request_id), None)):
            request.answer = answer
    _tell_status(requests, answers)
    return sorted(
        (request for request in requests if request.received_at >= since),
        key=lambda request: request.received_at,
    )


def _settled(at: int, line: dict[str, Any]) -> Answer:
    """Return what an `email` line of a settled email says of the requests of its appointment."""
    request_id, success = str(line["request_id"]), Status.ACTION_SUCCESSFUL.value
    return Answer(at, request_id, line.get("uuid"), success, saved=True, is_replay=False)


def _lines(logs: Any, group: str, since: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the three kinds of line in the log's order, each with its stream."""
    events: list[dict[str, Any]] = []
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern=_PATTERN
    )
    for page in pages:
        events += page["events"]
        if len(page["events"]) >= _MOST_IN_A_PAGE and "nextToken" not in page:
            raise Truncated
    for event in sorted(events, key=lambda event: event["timestamp"]):
        line = _parsed(event["message"])
        if line is not None:
            yield event["logStreamName"], line


def _parsed(message: str) -> dict[str, Any] | None:
    """Return the line, or None where it is another kind: emulators ignore the pattern."""
    try:
        line = json.loads(message)
        known = {"request": "received_at", "response": "status", "email": "status"}[line["message"]]
        if known == "received_at":
            datetime.fromisoformat(line[known])
    except (ValueError, TypeError, KeyError):
        return None
    return line if "request_id" in line and known in line else None


def _tell_status(requests: Iterable[Request], answers: Iterable[Answer]) -> None:
    """Give each request its status now: the latest answer that settled anything decides."""
    by_uuid: dict[str | None, list[Answer]] = defaultdict(list)
    replays: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.status in _UNSETTLED:
            continue
        by_uuid[answer.uuid].append(answer)
        if answer.is_replay:
            replays[answer.request_id].append(answer)
    known: dict[str, set[str | None]] = defaultdict(set)
    nameless: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        if request.uuid:
            known[request.id].add(request.uuid)
        else:
            nameless[request.id].add(request.content())
    for request in requests:
        if request.answer:
            request.status = request.answer.status
        if request.uuid:
            # A caller's retry may bear another request id: it counts if it saved the appointment.
            later = [
                answer
                for answer in by_uuid[request.uuid]
                if answer.request_id == request.id or answer.saved
            ]
        else:
            later = [
                answer for answer in replays[request.id] if answer.uuid not in known[request.id]
            ]
            if len({answer.uuid for answer in later}) < len(nameless[request.id]):
                continue  # nobody can tell which of them was replayed: replaying again is safe
        request.status = next(
            (answer.status for answer in reversed(later) if answer.at > request.at), request.status
        )
