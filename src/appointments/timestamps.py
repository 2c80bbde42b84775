"""Times as texts: ISO 8601 in UTC, as the tables, the log and the responses have them."""

from datetime import UTC, datetime


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    """Return a moment as text, to the millisecond or another `timespec`; texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_from_epoch(seconds: float, timespec: str = "milliseconds") -> str:
    """Return epoch seconds as such a text."""
    return iso(datetime.fromtimestamp(seconds, UTC), timespec)
