"""Virtual time: many invocations at once, each in its own thread, of which one runs at a time.

An invocation runs until it waits for something. Then the clock moves to the next event. The time
limits of the function (`appointments.time_limit`) are those of this clock too: each invocation has
its own timer, as each execution environment has.
"""

import heapq
import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import time_machine

from appointments import time_limit

FOREVER: Final = float("inf")


@dataclass
class Process:
    """One invocation. `kind` says what it is; `on_enter` and `on_leave` see it run and wait."""

    kind: str
    on_enter: Callable[[], None] = lambda: None
    on_leave: Callable[[], None] = lambda: None
    alarm_at: float = FOREVER
    on_alarm: Any = signal.SIG_DFL
    may_go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class VirtualTime:
    """The clock and the events that are to come; `running` is the invocation that runs now."""

    def __init__(self, clock: time_machine.Traveller, start: float) -> None:
        self._clock, self.now = clock, start
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._has_stopped = threading.Semaphore(0)
        self._until = start
        self._broken: BaseException | None = None
        self.running: Process | None = None

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time; it must not wait itself."""
        heapq.heappush(self._events, (max(when, self.now), next(self._number), action))

    def start(self, process: Process, action: Callable[[], None]) -> None:
        """Start an invocation now, from an event."""

        def run() -> None:
            process.may_go.acquire()
            try:
                action()
            except BaseException as broken:  # noqa: BLE001 - raised again by `run_until`
                self._broken = broken
            self._has_stopped.release()

        # A thread that still waits when the simulation ends must not keep the process.
        threading.Thread(target=run, daemon=True).start()
        self._resume(process)

    def run_until(self, when: float) -> None:
        """Let everything happen until a time."""
        self._until = when
        while self._events and self._events[0][0] <= when:
            at, _, action = heapq.heappop(self._events)
            self._move(at)
            action()
            if self._broken:
                raise self._broken
        self._move(when)

    def wait(self, seconds: float) -> None:
        """Let time pass for the invocation that runs; its alarm may interrupt it."""
        process = self.running
        if process is None:
            return  # what prepares a simulation takes no time
        wakes_at = min(self.now + seconds, process.alarm_at)
        assert wakes_at < FOREVER, "this would wait for ever"
        if wakes_at > self._until or (self._events and self._events[0][0] <= wakes_at):
            self.at(wakes_at, lambda: self._resume(process))
            process.on_leave()
            self.running = None
            self._has_stopped.release()
            process.may_go.acquire()
        else:
            self._move(wakes_at)
        if process.alarm_at <= self.now:
            process.alarm_at = FOREVER
            process.on_alarm(signal.SIGALRM, None)

    def _resume(self, process: Process) -> None:
        self.running = process
        process.on_enter()
        process.may_go.release()
        self._has_stopped.acquire()
        self.running = None

    def _move(self, when: float) -> None:
        self.now = max(when, self.now)
        self._clock.move_to(self.now)

    def _set_handler(self, _: int, handler: Any) -> Any:
        assert self.running
        before, self.running.on_alarm = self.running.on_alarm, handler
        return before

    def _set_timer(self, _: int, seconds: float) -> tuple[float, float]:
        assert self.running
        before = self.running.alarm_at
        self.running.alarm_at = self.now + seconds if seconds else FOREVER
        return (0.0 if before == FOREVER else max(before - self.now, 1e-6)), 0.0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Give the function this clock and these timers."""
        timers = SimpleNamespace(
            signal=self._set_handler,
            setitimer=self._set_timer,
            SIGALRM=signal.SIGALRM,
            ITIMER_REAL=signal.ITIMER_REAL,
        )
        # Each invocation's thread stands for its process's main thread.
        main = SimpleNamespace(current_thread=lambda: None, main_thread=lambda: None)
        with (
            patch.object(time_limit, "signal", timers),
            patch.object(time_limit, "threading", main),
            patch("time.monotonic", lambda: self.now),
            patch("time.perf_counter", lambda: self.now),
            patch("time.sleep", self.wait),
        ):
            yield
