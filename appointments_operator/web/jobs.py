"""Repairs that take longer than a page may wait: each runs on while its page shows the progress."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

import click

from appointments_operator.web.result import Result

MAX_SECONDS: Final = 15 * 60
_MAX_JOBS: Final = 20
RUNNING: Final = "Another repair is running: wait until it ends, or stop it."
_GOES_ON: Final = "Start it again: it goes on with what is left."


class Stopped(click.ClickException):
    """A repair ends before all is done: a person stopped it, or its time is up."""


class Progress(Protocol):
    """Where a repair says how far it is."""

    def begin(self, total: int) -> None:
        """Say how many there are."""

    def advance(self) -> None:
        """Say that one more is done; raises Stopped if it is to end although some are left."""


class NoProgress:
    """The progress of a repair that no page follows."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def advance(self) -> None:
        """Say nothing."""


class Job:
    """A repair in a thread of its own. `result` is there when it has ended."""

    def __init__(self, title: str, run: Callable[[Progress], Result]) -> None:
        self.key = secrets.token_urlsafe(8)
        self.title = title
        self.total: int | None = None
        self.done = 0
        self.result: Result | None = None
        self._run = run
        self._is_stopped = False
        self._deadline = monotonic() + MAX_SECONDS
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """End it when the one that is being repaired is done."""
        self._is_stopped = True

    def begin(self, total: int) -> None:
        """Say how many there are."""
        self.total = total

    def advance(self) -> None:
        """Say that one more is done; raises Stopped if it is to end although some are left."""
        self.done += 1
        if self.done == self.total:
            return
        if self._is_stopped:
            raise Stopped(f"You stopped it. {_GOES_ON}")
        if monotonic() > self._deadline:
            raise Stopped(f"It stopped after {MAX_SECONDS // 60} minutes. {_GOES_ON}")

    def _work(self) -> None:
        try:
            self.result = self._run(self)
        except click.ClickException as failed:
            self.result = _failure(failed.format_message())
        except Exception as failed:  # noqa: BLE001 - the page shows it
            self.result = _failure(f"{type(failed).__name__}: {failed}")


def _failure(sentence: str) -> Result:
    return Result("It did not work", [sentence], is_good=False, is_done=True)


class Jobs:
    """The repairs of this console: one runs at a time, and the last ones can be looked at."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: OrderedDict[str, Job] = OrderedDict()

    def start(self, title: str, run: Callable[[Progress], Result]) -> Job:
        """Start a repair; raises ClickException if one is running."""
        with self._turn:
            if any(job.result is None for job in self._known.values()):
                raise click.ClickException(RUNNING)
            job = Job(title, run)
            self._known[job.key] = job
            while len(self._known) > _MAX_JOBS:
                self._known.popitem(last=False)
            job.start()
        return job

    def get(self, key: str) -> Job:
        """Return a repair; raises ClickException if it is not known any more."""
        with self._turn:
            if job := self._known.get(key):
                return job
        raise click.ClickException("The console does not know this repair any more.")
