"""The audit trail, read back: which requests came in, and what has become of each since.

The function writes a `request` and a `response` log entry, and an `email` log entry for each try of
an email (specification section 10). One execution environment has one log stream and one request at
a time. So a response belongs to the request before it in its stream, even if hand-made events share
one request id. A response that lies in another stream belongs to a request of the same id that has
none yet.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from appointments.statuses import Status

# CloudWatch's clock and the function's differ: the entry's own time decides.
_MARGIN: Final = timedelta(minutes=5)
_PATTERN: Final = '{ ($.message = "request") || ($.message = "response") || ($.message = "email") }'
# States of an email of which nothing is left to send.
_SETTLED: Final = frozenset({"sent", "skipped"})
_MAX_PAGE: Final = 10_000
# Responses that leave a request as it was: a later one of these has settled nothing.
_UNSETTLED: Final = frozenset(status.value for status in Status if status.retryable)


class Truncated(Exception):
    """The log has more entries than it returned."""


@dataclass(frozen=True)
class Response:
    """A response log entry; `at` is its place in the log."""

    at: int
    request_id: str
    uuid: str | None
    status: str
    saved: bool | None
    is_replay: bool
    reason: str | None


@dataclass
class Request:
    """A request log entry, and the response that its caller got (None: none).

    `latest` is the response that says how the request stands now.
    """

    at: int
    entry: dict[str, Any]
    response: Response | None = None
    latest: Response | None = None

    @property
    def id(self) -> str:
        """The request id."""
        return str(self.entry["request_id"])

    @property
    def status(self) -> str | None:
        """How the request stands now; None if it has no response."""
        return self.latest.status if self.latest else None

    @property
    def received_at(self) -> datetime:
        """When the function received it."""
        return datetime.fromisoformat(self.entry["received_at"]).astimezone(UTC)

    @property
    def is_sensitive(self) -> bool:
        """Whether the log has none of its parameters, so that it cannot be replayed."""
        return self.entry.get("params") is None

    @property
    def uuid(self) -> str | None:
        """The appointment's key, if the log has it."""
        return self.response.uuid if self.response and self.response.uuid else self._own_uuid

    @property
    def _own_uuid(self) -> str | None:
        try:
            return str(UUID(str((self.entry.get("params") or {}).get("uuid")).strip()))
        except ValueError:
            return None

    def event(self) -> dict[str, Any]:
        """Return the event that replays it."""
        return {"replay": self.entry | ({"uuid": self.uuid} if self.uuid else {})}

    def content(self) -> str:
        """Return what distinguishes it from another request under the same id."""
        return json.dumps({**self.entry, "received_at": None, "timestamp": None}, sort_keys=True)


def read(logs: Any, group: str, since: datetime) -> list[Request]:
    """Return the requests received from `since` on, with what became of them up to now.

    `logs` is a CloudWatch Logs client. Raises Truncated if a reader of the log (the emulator's)
    leaves out what does not fit one page.
    """
    requests: list[Request] = []
    responses: list[Response] = []
    waiting: dict[tuple[str, str], Request] = {}
    elsewhere: list[Response] = []
    for at, (stream, entry) in enumerate(_entries(logs, group, since - _MARGIN)):
        if entry["message"] == "request":
            requests.append(Request(at, entry))
            waiting[stream, requests[-1].id] = requests[-1]
            continue
        if entry["message"] == "email":
            if entry["status"] in _SETTLED:  # whatever sent it, the appointment's email is out
                responses.append(_settled(at, entry))
            continue
        response = _response(at, entry)
        responses.append(response)
        if response.is_replay:
            continue
        if request := waiting.pop((stream, response.request_id), None):
            request.response = response
        else:
            elsewhere.append(response)
    _pair(requests, elsewhere)
    _set_latest(requests, responses)
    return sorted(
        (request for request in requests if request.received_at >= since),
        key=lambda request: request.received_at,
    )


def _response(at: int, entry: dict[str, Any]) -> Response:
    return Response(
        at,
        str(entry["request_id"]),
        entry.get("uuid"),
        str(entry["status"]),
        entry.get("saved"),
        bool(entry.get("replay")),
        entry.get("reason"),
    )


def _settled(at: int, entry: dict[str, Any]) -> Response:
    """Return what an entry of a settled email means for the requests of its appointment."""
    request_id, success = str(entry["request_id"]), Status.ACTION_SUCCESSFUL.value
    return Response(
        at, request_id, entry.get("uuid"), success, saved=True, is_replay=False, reason=None
    )


def _entries(logs: Any, group: str, since: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the three kinds of entry in the log's order, each with its stream."""
    events: list[dict[str, Any]] = []
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern=_PATTERN
    )
    for page in pages:
        events += page["events"]
        if len(page["events"]) >= _MAX_PAGE and "nextToken" not in page:
            raise Truncated
    for event in sorted(events, key=lambda event: event["timestamp"]):
        entry = _parsed(event["message"])
        if entry is not None:
            yield event["logStreamName"], entry


def _parsed(message: str) -> dict[str, Any] | None:
    """Return the entry, or None if it is of another kind: emulators ignore the pattern."""
    try:
        entry = json.loads(message)
        known = {"request": "received_at", "response": "status", "email": "status"}[
            entry["message"]
        ]
        if known == "received_at":
            datetime.fromisoformat(entry[known])
    except (ValueError, TypeError, KeyError):
        return None
    return entry if "request_id" in entry and known in entry else None


def _pair(requests: Iterable[Request], elsewhere: Iterable[Response]) -> None:
    """Give each request without a response the one of its id that lies in another stream.

    Its place says nothing: entries of two streams with the same time may come in either order.
    """
    unpaired: dict[str, list[Response]] = defaultdict(list)
    for response in elsewhere:
        unpaired[response.request_id].append(response)
    for request in requests:
        if request.response is None and unpaired[request.id]:
            request.response = unpaired[request.id].pop(0)


def _set_latest(requests: Iterable[Request], responses: Iterable[Response]) -> None:
    """Say how each request stands now: the latest response that settled anything decides."""
    by_uuid: dict[str | None, list[Response]] = defaultdict(list)
    replays: dict[str, list[Response]] = defaultdict(list)
    for response in responses:
        if response.status in _UNSETTLED:
            continue
        by_uuid[response.uuid].append(response)
        if response.is_replay:
            replays[response.request_id].append(response)
    known: dict[str, set[str | None]] = defaultdict(set)
    without_uuid: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        if request.uuid:
            known[request.id].add(request.uuid)
        else:
            without_uuid[request.id].add(request.content())
    for request in requests:
        request.latest = request.response
        if request.uuid:
            # A caller's retry may have another request id: it counts if it saved the appointment.
            later = [
                response
                for response in by_uuid[request.uuid]
                if response.request_id == request.id or response.saved
            ]
        else:
            later = [
                response
                for response in replays[request.id]
                if response.uuid not in known[request.id]
            ]
            if len({response.uuid for response in later}) < len(without_uuid[request.id]):
                continue  # which of them was replayed is unknown: replaying again is safe
        request.latest = next(
            (response for response in reversed(later) if response.at > request.at), request.latest
        )
