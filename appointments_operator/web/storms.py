"""Storms: notifications that are alike and came within minutes are one row, and one repair."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from appointments.tables.keys import NotificationState
from appointments_operator import notifications_table
from appointments_operator.deployment import Deployment

# Members of a storm come within this time of each other (specification section 9.4).
INTERVAL: Final = timedelta(minutes=10)
# So many members one repair takes. What is left is a storm for the next one.
MAX_MEMBERS: Final = 5_000
_RETENTION: Final = timedelta(days=366)
# What differs between the members of a storm: addresses, ids and numbers.
_VALUES: Final = re.compile(r"\S+@\S+|[0-9a-f-]{36}|\d+")
Matches = Callable[[Mapping[str, Any]], bool]


@dataclass
class Row:
    """A notification, or the members of a storm, the newest first."""

    members: list[dict[str, Any]] = field(default_factory=list)

    @property
    def newest(self) -> dict[str, Any]:
        """The member that came last."""
        return self.members[0]

    def is_cut(self, position: str | None) -> bool:
        """Return whether older members may lie beyond `position`, where the reading ended."""
        if position is None:
            return False
        reached = datetime.fromisoformat(position.partition(" ")[0])
        return _time(self.members[-1]) - reached <= INTERVAL


class Rows:
    """The rows of notifications, which are added from the newest on."""

    def __init__(self, max_rows: int) -> None:
        self.rows: list[Row] = []
        self._max_rows = max_rows
        self._latest: dict[Any, Row] = {}

    def add(self, item: dict[str, Any]) -> bool:
        """Add a notification; False if it would need one row too many."""
        key = (item.get("state"), *_storm_key(item))
        row = self._latest.get(key)
        if row is None or _time(row.members[-1]) - _time(item) > INTERVAL:
            if len(self.rows) >= self._max_rows:
                return False
            self._latest[key] = row = Row()
            self.rows.append(row)
        row.members.append(item)
        return True


def members(
    deployment: Deployment, newest: Mapping[str, Any], matches: Matches
) -> list[dict[str, Any]]:
    """Return the open notifications of a storm that match a filter, from a member on.

    That member may be resolved by now: what is left of the storm is found all the same.
    """
    table = notifications_table.table_of(deployment)
    is_open = newest.get("state") == NotificationState.OPEN.value
    found = [dict(newest)] if is_open else []
    last = _time(newest)
    pages = notifications_table.newest_pages(
        table,
        datetime.now(UTC) - _RETENTION,
        notifications_table.position(newest),
        is_open=True,
    )
    for items, _ in pages:
        for item in items:
            if last - _time(item) > INTERVAL or len(found) >= MAX_MEMBERS:
                return found
            if _storm_key(item) == _storm_key(newest) and matches(item):
                found.append(item)
                last = _time(item)
    return found


def _storm_key(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the members of a storm have in common: three facts, and words of the reason."""
    words = _VALUES.sub("…", str(item.get("reason")))
    return (*(str(item.get(name)) for name in ("stage", "status", "chapter")), words)


def _time(item: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(item["came_at"])
