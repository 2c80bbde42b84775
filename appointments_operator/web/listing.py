"""The list of notifications: filtered, in pages, a storm as one row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from appointments.statuses import Status
from appointments.tables.keys import NotificationState
from appointments_operator import notifications_table
from appointments_operator.deployment import Deployment
from appointments_operator.web.storms import Row, Rows

PAGE: Final = 100  # rows
STATES: Final = tuple(state.value for state in NotificationState)
STATUSES: Final = tuple(status.value for status in Status if status.notified)
SPANS: Final = {"1h": "hour", "24h": "day", "7d": "week", "30d": "30 days", "365d": "year"}
_HOURS: Final = {"1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24, "365d": 365 * 24}
# A search that finds little reads more, but a page must not take long. Each day costs a call, also
# one without notifications.
MAX_READ: Final = 1_000
MAX_CALLS: Final = 20


@dataclass(frozen=True)
class Filter:
    """What the operator chose; an empty text is no restriction."""

    state: str = "open"
    status: str = ""
    text: str = ""
    stage: str = ""
    span: str = "7d"
    before: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """Return the filter of a query string; what it does not know is the default."""
        state, span = query.get("state", "open"), query.get("span", "7d")
        return cls(
            state=state if state in (*STATES, "") else "open",
            status=query.get("status", ""),
            text=query.get("q", "").strip(),
            stage=query.get("stage", "").strip(),
            span=span if span in _HOURS else "7d",
            before=query.get("before") or None,
        )

    def query(self, **changes: str | None) -> dict[str, str]:
        """Return its query string as a map, with changes."""
        values: dict[str, str | None] = {
            "state": self.state,
            "status": self.status,
            "q": self.text,
            "stage": self.stage,
            "span": self.span,
            "before": self.before,
        } | changes
        return {name: value or "" for name, value in values.items() if value or name == "state"}

    def storm_query(self) -> dict[str, str]:
        """Return what restricts the members of a storm, as a query string's map."""
        values = {"status": self.status, "q": self.text, "stage": self.stage}
        return {name: value for name, value in values.items() if value}

    def matches(self, item: Mapping[str, Any]) -> bool:
        """Return whether a notification is one that the operator wants to see."""
        return notifications_table.is_selected(
            item, status=self.status, text=self.text, state=self.state, stage=self.stage
        )

    @property
    def since(self) -> datetime:
        """When the span begins."""
        return datetime.now(UTC) - timedelta(hours=_HOURS[self.span])


@dataclass(frozen=True)
class Page:
    """The rows of a page, and the position where the next one begins (None: it is the last)."""

    rows: list[Row]
    next_before: str | None

    @property
    def version(self) -> str:
        """A digest of what is shown: if it is the same, nothing has to be sent again."""
        ids = [
            (each["notification_id"], each["state"]) for row in self.rows for each in row.members
        ]
        return sha256(repr((ids, self.next_before)).encode()).hexdigest()[:16]


def read(deployment: Deployment, chosen: Filter) -> Page:
    """Read one page of notifications; a long search ends with what it found so far."""
    rows = Rows(PAGE)
    number_read = 0
    position = chosen.before
    pages = notifications_table.newest_pages(
        notifications_table.table_of(deployment),
        chosen.since,
        chosen.before,
        is_open=chosen.state == NotificationState.OPEN.value,
    )
    for calls, (items, reached) in enumerate(pages, 1):
        for item in items:
            if chosen.matches(item) and not rows.add(item):
                return Page(rows.rows, position)
            position = notifications_table.position(item)
        number_read += len(items)
        if number_read >= MAX_READ or calls >= MAX_CALLS:
            return Page(rows.rows, reached)
    return Page(rows.rows, None)
