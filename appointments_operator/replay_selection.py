"""Which logged requests a replay takes, and why it takes no others."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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
    """What was asked for. Without statuses and ids: what failed, and what has no response.

    `asked_at` is when, so that every answer is about the same requests.
    """

    since: datetime
    until: datetime
    statuses: frozenset[str]
    ids: frozenset[str]
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def wanted(self) -> frozenset[str]:
        """The statuses that are selected; empty if the ids alone decide."""
        if self.statuses or self.ids:
            return self.statuses
        return frozenset({*_NOTIFIED, UNANSWERED})

    def pick(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Yield the requests to replay, the earliest first."""
        return filter(self._is_picked, self._asked_for(requests))

    def missing_ids(self, requests: Iterable[Request]) -> list[str]:
        """Return the ids that no request of the time span has."""
        if not self.ids:
            return []
        return sorted(self.ids - {request.id for request in self._asked_for(requests)})

    def explain(self, requests: Iterable[Request]) -> Iterator[str]:
        """Yield a sentence for each reason why requests are not selected."""
        repaired, processed = _Group(), _Group()
        closed = {status: _Group() for status in _CLOSED if status not in self.wanted}
        final: Counter[str] = Counter()
        for request in self._asked_for(requests):
            if self._is_picked(request):
                continue
            status, has_failed = now(request), _at_first(request) in self.wanted
            if status in closed:
                closed[status].add(request)
            if has_failed and status == Status.ACTION_SUCCESSFUL.value:
                repaired.add(request)
            elif has_failed and status not in (*self.wanted, *_CLOSED):
                final[status] += 1
            if self._may_be_processed(request):
                processed.add(request)
        for request_id in self.missing_ids(requests):
            yield f"No request {self._span()} has the id {request_id}."
        if repaired:
            yield f"{repaired} failed and {repaired.have} been repaired since."
        for status, count in final.items():
            yield (
                f"{counted(count, 'request')} ended in {status} since. To replay such a request "
                "anyway, name it: --request-id."
            )
        for status, group in closed.items():
            if group:
                yield (
                    f"{group} met a closed route or service and {group.have} not been "
                    f"selected: add --status {status} once it is open."
                )
        if processed:
            yield f"{processed} came within the last minute and may still be processed."
        yield from self._explain_named(requests)

    def _explain_named(self, requests: Iterable[Request]) -> Iterator[str]:
        """Yield a sentence for each request whose id was given and whose status was not."""
        if not (self.ids and self.wanted):
            return
        for request in self._asked_for(requests):
            if not self._is_picked(request) and _at_first(request) not in self.wanted:
                yield f"{request.id} is not selected: it is {now(request)}."

    def nothing(self, requests: Iterable[Request]) -> str:
        """Return the sentence for an empty selection."""
        if next(self._asked_for(requests), None) is None:
            return f"There is nothing to replay: the log has no such request {self._span()}."
        if self.wanted:
            return f"There is nothing to replay: no request {self._span()} needs it."
        return "There is nothing to replay."

    def _asked_for(self, requests: Iterable[Request]) -> Iterator[Request]:
        return (
            request
            for request in requests
            if request.received_at <= self.until and (not self.ids or request.id in self.ids)
        )

    def _is_picked(self, request: Request) -> bool:
        is_wanted = not self.wanted or now(request) in self.wanted
        return is_wanted and not self._may_be_processed(request)

    def _may_be_processed(self, request: Request) -> bool:
        return request.status is None and request.received_at >= self.asked_at - _PROCESSING

    def _span(self) -> str:
        return f"between {self.since:%Y-%m-%d %H:%M:%S} and {self.until:%Y-%m-%d %H:%M:%S} UTC"


class _Group:
    """Requests of which a sentence speaks: the only one by its id, more by their number."""

    def __init__(self) -> None:
        self._first_id = ""
        self._count = 0

    def add(self, request: Request) -> None:
        """Count a request."""
        self._first_id = self._first_id or request.id
        self._count += 1

    def __bool__(self) -> bool:
        return self._count > 0

    def __str__(self) -> str:
        return self._first_id if self._count == 1 else counted(self._count, "request")

    @property
    def have(self) -> str:
        """The verb that fits the number."""
        return "has" if self._count == 1 else "have"


def now(request: Request) -> str:
    """Return how a request stands now."""
    return request.status or UNANSWERED


def _at_first(request: Request) -> str:
    return request.first_status or UNANSWERED
