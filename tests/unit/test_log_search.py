"""The search of the log: every entry of a span, whatever a reader of the log leaves out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from appointments_operator import log_search

START: Final = datetime(2027, 1, 5, tzinfo=UTC)
COUNT: Final = 25


@dataclass
class Logs:
    """A log with one entry per minute, of which a reader returns one page at most."""

    page_size: int
    calls: int = 0

    def get_paginator(self, _: str) -> "Logs":
        """Return the reader."""
        return self

    def paginate(self, *, startTime: int, endTime: int, **_: Any) -> Iterator[Any]:  # noqa: N803
        """Yield the one page of a span; both its ends belong to it, as to CloudWatch."""
        self.calls += 1
        events = [
            {"timestamp": at, "message": json.dumps({"n": n}), "logStreamName": "s"}
            for n in range(COUNT)
            if startTime <= (at := int((START + n * timedelta(minutes=1)).timestamp() * 1000))
            and at <= endTime
        ]
        yield {"events": events[: self.page_size]}


def found(logs: Logs, until: datetime) -> list[int]:
    """Return the numbers of the entries that a search finds."""
    deployment: Any = SimpleNamespace(client=lambda _: logs, log_group="g")
    return [line.entry["n"] for line in log_search.search(deployment, "", START, until)]


def test_a_window_that_is_cut_is_read_in_halves(monkeypatch: Any) -> None:
    """A reader that returns one page at most hides nothing, and no entry comes twice."""
    monkeypatch.setattr(log_search, "_MAX_PAGE", 4)
    assert found(Logs(4), START + timedelta(hours=1)) == list(range(COUNT))


def test_a_whole_window_is_read_once() -> None:
    """A window that fits into a page costs one call."""
    logs = Logs(100)
    assert found(logs, START + timedelta(hours=1)) == list(range(COUNT))
    assert logs.calls == 1


def test_windows_do_not_overlap(monkeypatch: Any) -> None:
    """An entry at the border of two windows is found once."""
    monkeypatch.setattr(log_search, "WINDOW", timedelta(minutes=5))
    assert found(Logs(100), START + timedelta(minutes=11)) == list(range(11))
