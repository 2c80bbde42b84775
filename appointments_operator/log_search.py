"""Search the function's log in windows of time, each bounded, several at once.

CloudWatch Logs reads a long span slowly, and an emulator returns at most one page of it. So the
span is read in windows; one that is too full is read again in halves.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from appointments_operator.deployment import Deployment

WINDOW: Final = timedelta(days=1)
# What is searched beyond this moment: CloudWatch's clock and this one differ.
AHEAD: Final = timedelta(minutes=1)
# CloudWatch Logs permits ten of these calls per second.
_AT_ONCE: Final = 4
_MAX_PAGE: Final = 10_000
# A page of about 1 MB: what CloudWatch returns at most, and an emulator does not limit.
_MAX_STREAM_PAGE: Final = 1_000
_MIN_WINDOW: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class LogLine:
    """One JSON entry of the log, and where it is: its stream and CloudWatch's own time."""

    at: datetime
    stream: str
    entry: dict[str, Any]
    text: str


def search(
    deployment: Deployment,
    pattern: str,
    since: datetime,
    until: datetime | None = None,
) -> Iterator[LogLine]:
    """Yield the JSON entries of a span that match a filter pattern, in the order of time.

    An emulator ignores the pattern, so the caller must check each entry itself.
    """
    end = until or datetime.now(UTC) + AHEAD
    logs, group = deployment.client("logs"), deployment.log_group
    windows = list(_windows(since, end))

    def read(window: tuple[datetime, datetime]) -> list[LogLine]:
        return _read(logs, group, pattern, *window)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for lines in pool.map(read, windows):
            yield from lines


def search_by_page(deployment: Deployment, pattern: str, since: datetime) -> Iterator[LogLine]:
    """Yield the entries from `since` up to now, page by page: a long span takes no more memory.

    The lines of a page are in the order of time.
    """
    for page in pages(deployment, pattern, since, datetime.now(UTC) + AHEAD):
        yield from page


def pages(
    deployment: Deployment, pattern: str, since: datetime, until: datetime
) -> Iterator[list[LogLine]]:
    """Yield the entries of a span, one list per call: the caller can stop after any call."""
    logs, group = deployment.client("logs"), deployment.log_group
    yield from _pages(logs, group, pattern, since, until, max_page=_MAX_STREAM_PAGE)


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        end = min(since + WINDOW, until)
        yield since, end
        since = end


def _read(logs: Any, group: str, pattern: str, since: datetime, until: datetime) -> list[LogLine]:
    lines = [
        line
        for page in _pages(logs, group, pattern, since, until, max_page=_MAX_PAGE)
        for line in page
    ]
    return sorted(lines, key=lambda line: line.at)


def _pages(
    logs: Any, group: str, pattern: str, since: datetime, until: datetime, *, max_page: int
) -> Iterator[list[LogLine]]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=_milliseconds(since),
        endTime=_milliseconds(until) - 1,  # inclusive, to CloudWatch
        filterPattern=pattern,
        PaginationConfig={"PageSize": max_page},
    )
    for number, page in enumerate(pages):
        # An emulator returns one page alone. CloudWatch returns a token if there are more.
        is_cut = number == 0 and len(page["events"]) >= max_page and "nextToken" not in page
        if is_cut and until - since > _MIN_WINDOW:
            half = since + (until - since) / 2
            yield from _pages(logs, group, pattern, since, half, max_page=max_page)
            yield from _pages(logs, group, pattern, half, until, max_page=max_page)
            return
        lines = [line for event in page["events"] if (line := _line(event)) is not None]
        yield sorted(lines, key=lambda line: line.at)


def _line(event: dict[str, Any]) -> LogLine | None:
    try:
        entry = json.loads(event["message"])
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(at, event["logStreamName"], entry, event["message"])


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
