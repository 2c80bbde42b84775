"""Which failure begins a storm, so that people are notified once per storm (section 9.4)."""

from typing import Final


class Storms:
    """Which failure is the first of its kind within ten minutes in this execution environment.

    A kind is a status and a declared code. Kinds beyond MAX_KINDS count as one more kind.
    """

    SECONDS: Final = 600
    MAX_KINDS: Final = 100

    def __init__(self) -> None:
        self._first_at: dict[str, float] = {}

    def classify(self, kind: str, now: float) -> str:
        """Return `first` or `more` for a failure of `kind` at `now` (epoch seconds)."""
        if kind not in self._first_at and len(self._first_at) >= self.MAX_KINDS:
            kind = ""
        if 0 <= now - self._first_at.get(kind, float("-inf")) < self.SECONDS:
            return "more"
        self._first_at[kind] = now
        return "first"

    def reset(self) -> None:
        """Know no failure, as in a new execution environment."""
        self._first_at.clear()


storms: Final = Storms()
