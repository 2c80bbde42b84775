"""The stories that pages are reading: each part is read once, when its page asks for it."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

import click

from appointments_operator.story import Part

# A part without entries is no part for a page: it reads on, but not longer than this.
_SECONDS: Final = 0.5
# So many entries a page shows before it asks whether to go on.
MAX_ENTRIES: Final = 500
_MAX_READINGS: Final = 20
_FORGOTTEN: Final = "The console does not know this search any more: search again."


@dataclass(frozen=True)
class Shown:
    """A part as a page shows it.

    `count` is the number of entries up to here, `since` and `until` is what was read up to here.
    """

    part: Part
    number: int
    count: int
    since: datetime
    until: datetime

    @property
    def is_last(self) -> bool:
        """Whether all was read."""
        return self.part.done >= 1

    @property
    def is_full(self) -> bool:
        """Whether the page asks before it goes on."""
        before = self.count - len(self.part.entries)
        return self.count // MAX_ENTRIES > before // MAX_ENTRIES


class Reading:
    """A story that is read part by part; the last part that was read can be had again."""

    def __init__(self, parts: Iterator[Part]) -> None:
        self._parts = parts
        self._turn = threading.Lock()
        self._last: Shown | None = None

    def part(self, number: int) -> Shown:
        """Return a part: the next one, or the last one that was read."""
        with self._turn:
            last = self._last
            if last is None or number == last.number + 1:
                last = self._last = self._read(number, last)
            if number != last.number:
                raise click.ClickException(_FORGOTTEN)
            return last

    def _read(self, number: int, last: Shown | None) -> Shown:
        deadline = monotonic() + _SECONDS
        part = self._next()
        since, until = part.since, part.until
        while not part.entries and part.done < 1 and monotonic() < deadline:
            part = self._next()
            since, until = min(since, part.since), max(until, part.until)
        if last:
            since, until = min(since, last.since), max(until, last.until)
        count = (last.count if last else 0) + len(part.entries)
        return Shown(part, number, count, since, until)

    def _next(self) -> Part:
        part = next(self._parts, None)
        if part is None:  # it ended with a failure
            raise click.ClickException(_FORGOTTEN)
        return part


class Readings:
    """The stories of all pages; the oldest ones are forgotten."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: OrderedDict[str, Reading] = OrderedDict()

    def begin(self, parts: Iterator[Part]) -> str:
        """Take a story; return the key under which its parts are read."""
        key = secrets.token_urlsafe(8)
        with self._turn:
            self._known[key] = Reading(parts)
            while len(self._known) > _MAX_READINGS:
                self._known.popitem(last=False)
        return key

    def part(self, key: str, number: int) -> Shown:
        """Return a part of a story; raises ClickException if it is not known any more."""
        with self._turn:
            reading = self._known.get(key)
        if reading is None:
            raise click.ClickException(_FORGOTTEN)
        return reading.part(number)
