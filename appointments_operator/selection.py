"""Which logged requests a replay takes, and why it takes no others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from appointments.statuses import Status
from appointments_operator.layout import counted
from appointments_operator.request_log import Request

UNANSWERED: Final = "unanswered"
_NOTIFIED: Final = tuple(status.value for status in Status if status.notified)
_CLOSED: Final = (Status.ROUTE_NOT_FOUND.value, Status.SERVICE_NOT_FOUND.value)
# A younger request may still be processed (29 s at most), or its entries on their way.
_PROCESSING: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Selection:
    """What was asked for. Without statuses and ids: what failed, and what has no response."""

    since: datetime
    until: datetime
    statuses: frozenset[str]
    ids: frozenset[str]

    @property
    def wanted(self) -> frozenset[str]:
        """The statuses that are selected; empty if the ids alone decide."""
        if self.statuses or self.ids:
            return self.statuses
        return frozenset({*_NOTIFIED, UNANSWERED})

    def pick(self, requests: Sequence[Request]) -> list[Request]:
        """Return the requests to replay, the earliest first."""
        return [
            request
            for request in self._asked_for(requests)
            if (not self.wanted or now(request) in self.wanted) and not _may_be_processed(request)
        ]

    def missing_ids(self, requests: Sequence[Request]) -> list[str]:
        """Return the ids that no request of the time span has."""
        return sorted(self.ids - {request.id for request in self._asked_for(requests)})

    def explain(self, requests: Sequence[Request], picked: Sequence[Request]) -> Iterator[str]:
        """Yield a sentence for each reason why requests are not selected."""
        selected = set(map(id, picked))
        others = [each for each in self._asked_for(requests) if id(each) not in selected]
        for request_id in self.missing_ids(requests):
            yield f"No request {self._span()} has the id {request_id}."
        failed = [request for request in others if _at_first(request) in self.wanted]
        repaired = [request for request in failed if now(request) == Status.ACTION_SUCCESSFUL.value]
        if repaired:
            yield f"{_which(repaired)} failed and {_have(repaired)} been repaired since."
        final = Counter(
            now(request)
            for request in failed
            if request not in repaired and now(request) not in (*self.wanted, *_CLOSED)
        )
        for status, count in final.items():
            yield (
                f"{counted(count, 'request')} ended in {status} since. To replay such a request "
                "anyway, name it: --request-id."
            )
        for status in _CLOSED:
            if status not in self.wanted and (
                closed := [request for request in others if now(request) == status]
            ):
                yield (
                    f"{_which(closed)} met a closed route or service and {_have(closed)} not been "
                    f"selected: add --status {status} once it is open."
                )
        if processed := [request for request in others if _may_be_processed(request)]:
            yield f"{_which(processed)} came within the last minute and may still be processed."
        if self.ids and self.wanted:
            for request in others:
                if request not in failed:
                    yield f"{request.id} is not selected: it is {now(request)}."

    def nothing(self, requests: Sequence[Request]) -> str:
        """Return the sentence for an empty selection."""
        if not self._asked_for(requests):
            return f"There is nothing to replay: the log has no such request {self._span()}."
        if self.wanted:
            return f"There is nothing to replay: no request {self._span()} needs it."
        return "There is nothing to replay."

    def _asked_for(self, requests: Sequence[Request]) -> list[Request]:
        return [
            request
            for request in requests
            if request.received_at <= self.until and (not self.ids or request.id in self.ids)
        ]

    def _span(self) -> str:
        return f"between {self.since:%Y-%m-%d %H:%M:%S} and {self.until:%Y-%m-%d %H:%M:%S} UTC"


def now(request: Request) -> str:
    """Return how a request stands now."""
    return request.status or UNANSWERED


def _at_first(request: Request) -> str:
    return request.response.status if request.response else UNANSWERED


def _may_be_processed(request: Request) -> bool:
    return request.status is None and request.received_at >= datetime.now(UTC) - _PROCESSING


def _which(requests: Sequence[Request]) -> str:
    return requests[0].id if len(requests) == 1 else counted(len(requests), "request")


def _have(requests: Sequence[Request]) -> str:
    return "has" if len(requests) == 1 else "have"
