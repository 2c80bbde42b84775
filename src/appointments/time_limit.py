"""A limit on the time that a block takes, whatever it waits for (section 8.8).

A response that trickles never meets a time-out, which counts from byte to byte. So the process's
timer interrupts the block: setting it takes a microsecond, and leaves no thread behind.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(BaseException):
    """The time is over. No `except Exception` of a library takes it for a failed call."""


@contextmanager
def time_limit(deadline: float) -> Iterator[None]:
    """Raise OutOfTime within the block at `deadline` (time.monotonic() seconds), once.

    Blocks may be nested; the inner limit must be the earlier one. Python's timer belongs to the
    main thread, which Lambda invokes the handler in. In another thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    began = time.monotonic()
    outer_handler = signal.signal(signal.SIGALRM, _raise)
    outer_left, _ = signal.setitimer(signal.ITIMER_REAL, max(deadline - began, 0.001))
    try:
        yield
    finally:
        outer_left -= time.monotonic() - began if outer_left else 0
        signal.setitimer(signal.ITIMER_REAL, max(outer_left, 0.001) if outer_left else 0)
        signal.signal(signal.SIGALRM, outer_handler)


def _raise(_: int, __: FrameType | None) -> None:
    raise OutOfTime
