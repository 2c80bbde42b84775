"""Which logged requests are selected for a replay, and why others are not."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from appointments.statuses import Status
from appointments_operator.layout import counted
from appointments_operator.request_log import Request

UNANSWERED: Final = "unanswered"
FAILED_STATUSES: Final = frozenset(
    {*(status.value for status in Status if status.notified), UNANSWERED}
)
CLOSED_STATUSES: Final = (Status.ROUTE_NOT_FOUND.value, Status.SERVICE_NOT_FOUND.value)
# A younger request may still be processed (29 s at most), or its entries are not listed yet.
_MIN_AGE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Selection:
    """What the operator selects. Without statuses and ids: what failed or has no response.

    `asked_at` decides which requests are too young. It is one time for all methods, so that all
    speak of the same requests.
    """

    since: datetime
    until: datetime
    statuses: frozenset[str]
    ids: frozenset[str]
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def wanted_statuses(self) -> frozenset[str]:
        """The statuses that are selected; empty if only the ids count."""
        if self.statuses or self.ids:
            return self.statuses
        return FAILED_STATUSES

    def select(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Yield the requests to replay, the earliest first."""
        return filter(self._is_selected, self._candidates(requests))

    def missing_ids(self, requests: Iterable[Request]) -> list[str]:
        """Return the ids that no request of the time span has."""
        if not self.ids:
            return []
        return sorted(self.ids - {request.id for request in self._candidates(requests)})

    def explain(self, requests: Iterable[Request]) -> Iterator[str]:
        """Yield a sentence for each reason why requests are not selected."""
        repaired, too_young = _Group(), _Group()
        closed = {
            status: _Group() for status in CLOSED_STATUSES if status not in self.wanted_statuses
        }
        ended_otherwise: Counter[str] = Counter()
        for request in self._candidates(requests):
            if self._is_selected(request):
                continue
            status = status_of(request)
            had_wanted_status = _first_status_of(request) in self.wanted_statuses
            if status in closed:
                closed[status].add(request)
            if had_wanted_status and status == Status.ACTION_SUCCESSFUL.value:
                repaired.add(request)
            elif had_wanted_status and status not in (*self.wanted_statuses, *CLOSED_STATUSES):
                ended_otherwise[status] += 1
            if self._is_too_young(request):
                too_young.add(request)
        for request_id in self.missing_ids(requests):
            yield f"No request {self._span()} has the id {request_id}."
        if repaired:
            yield f"{repaired} failed and {repaired.has_or_have} been repaired since."
        for status, count in ended_otherwise.items():
            yield (
                f"{counted(count, 'request')} ended in {status} since. To replay such a request "
                "anyway, name it: --request-id."
            )
        for status, group in closed.items():
            if group:
                yield (
                    f"{group} met a closed route or service and {group.has_or_have} not been "
                    f"selected: add --status {status} once it is open."
                )
        if too_young:
            yield f"{too_young} came within the last minute and may still be processed."
        yield from self._explain_ids(requests)

    def _explain_ids(self, requests: Iterable[Request]) -> Iterator[str]:
        """Yield a sentence for each request whose id was given and whose status was not."""
        if not (self.ids and self.wanted_statuses):
            return
        for request in self._candidates(requests):
            had_wanted_status = _first_status_of(request) in self.wanted_statuses
            if not (had_wanted_status or self._is_selected(request)):
                yield f"{request.id} is not selected: it is {status_of(request)}."

    def explain_none(self, requests: Iterable[Request]) -> str:
        """Return the sentence for an empty selection."""
        if next(self._candidates(requests), None) is None:
            return f"There is nothing to replay: the log has no such request {self._span()}."
        if self.wanted_statuses:
            return f"There is nothing to replay: no request {self._span()} needs it."
        return "There is nothing to replay."

    def _candidates(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Return the requests up to `until`; if ids are given, only those that have one of them."""
        return (
            request
            for request in requests
            if request.received_at <= self.until and (not self.ids or request.id in self.ids)
        )

    def _is_selected(self, request: Request) -> bool:
        is_wanted = not self.wanted_statuses or status_of(request) in self.wanted_statuses
        return is_wanted and not self._is_too_young(request)

    def _is_too_young(self, request: Request) -> bool:
        return request.status is None and request.received_at >= self.asked_at - _MIN_AGE

    def _span(self) -> str:
        return f"between {self.since:%Y-%m-%d %H:%M:%S} and {self.until:%Y-%m-%d %H:%M:%S} UTC"


class _Group:
    """The requests of a sentence: a single one is named by its id, several by their number."""

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
    def has_or_have(self) -> str:
        """The verb that fits the number."""
        return "has" if self._count == 1 else "have"


def status_of(request: Request) -> str:
    """Return the present status of a request, or `unanswered`."""
    return request.status or UNANSWERED


def _first_status_of(request: Request) -> str:
    return request.first_status or UNANSWERED
