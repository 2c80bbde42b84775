"""The types of values that several commands take."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click


class _Address(click.ParamType[str]):
    """An address for emails."""

    name = "ADDRESS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value if it has the form of an address; fail otherwise."""
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            self.fail(f"{value!r} is no address such as pat@planomatic.com.", param, ctx)
        return value


ADDRESS: Final = _Address()
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(typed: str) -> datetime:
    """Read a time as operators type it: ISO 8601 (without an offset: UTC), or an age like 2h."""
    try:
        if ago := re.fullmatch(r"(\d+)([smhdw])", typed):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(typed)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{typed!r} is neither like 15m, 2h, 3d nor like 2027-01-05T10:00:00Z."
        ) from None
