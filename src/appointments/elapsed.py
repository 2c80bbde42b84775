"""How long ago something was, counting the time that Lambda has the environment frozen.

The monotonic clock may stand still meanwhile, and the time of day may be set back: the clock by
which more time has passed is right.
"""

import time
from dataclasses import dataclass
from typing import Final, Self


@dataclass(frozen=True)
class Moment:
    """A moment by both clocks, in seconds."""

    monotonic: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        """Return this moment."""
        return cls(time.monotonic(), time.time())

    def seconds_ago(self) -> float:
        """Return how long ago it was."""
        return max(time.monotonic() - self.monotonic, time.time() - self.wall)


LONG_AGO: Final = Moment(float("-inf"), float("-inf"))
