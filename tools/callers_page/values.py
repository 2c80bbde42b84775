"""How a value is read: what would be stored, or why it is refused, by the function's own parsers.

The rules are those of specification section 3. Each type is read through a parameter of that type.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from appointments import validation
from appointments.errors import ApiError

# Each type that a caller can choose → a parameter that has it.
TYPES: Final = {
    "date": "date_start_local",
    "time": "time_start_local",
    "datetime": "confirmed_at",
    "boolean": "confirmed",
    "integer": "time_duration_s",
    "id": "order_id",
    "string": "notes",
    "uuid": "uuid",
    "application": "application",
    "session_view": "session_view",
}
_REQUIRED: Final = {"token": "a-token-that-is-no-value", "updated_at_mt": "now"}

# What callers send, by type: as JSON, and whether `month_first` is set.
CASES: Final = (
    ("date", '"1/5/2027"', True),
    ("date", '"1/5/2027"', False),
    ("date", '"2027-1-5"', False),
    ("date", '"2027-01-05"', True),
    ("date", '"13/45/2026"', True),
    ("date", '"1/5/27"', True),
    ("time", '"7:30 PM"', False),
    ("time", '"19:30"', False),
    ("time", '"9:05:07,25"', False),
    ("time", '"7 PM"', False),
    ("time", '"19:30:00Z"', False),
    ("datetime", '"1/5/2027 7:30:00 PM"', True),
    ("datetime", '"2027-01-05T19:30:00-07:00"', False),
    ("boolean", '"1"', False),
    ("boolean", '"Yes"', False),
    ("boolean", '"X"', False),
    ("integer", '"90"', False),
    ("integer", "12.0", False),
    ("integer", '"1,200"', False),
    ("id", "0", False),
    ("string", "1.50", False),
    ("string", r'"two\rlines"', False),
    ("string", "true", False),
    ("string", '""', False),
    ("uuid", '"{7F0C0F4E-6A57-4B38-9D3C-2F4A1F5D9C10}"', False),
    ("uuid", '"00000000-0000-0000-0000-000000000000"', False),
    ("application", '" planoorder "', False),
    ("application", '"PlanoOrder"', False),
    ("session_view", '"full"', False),
)


@dataclass(frozen=True)
class Reading:
    """What becomes of a value: `stored`, or `error` if it is refused; and any `warning`.

    `stored` is None if the value means *not passed*.
    """

    stored: Any = None
    error: str | None = None
    warning: str | None = None

    @property
    def sentence(self) -> str:
        """The reading as one sentence, with values in code font."""
        if self.error:
            return f"refused: {self.error}"
        became = "not passed" if self.stored is None else f"`{as_json(self.stored)}`"
        return f"{became}; warning: {self.warning}" if self.warning else became


def read(kind: str, value: Any, *, month_first: bool) -> Reading:
    """Read a JSON value as the function reads a parameter of this type.

    Raises KeyError if there is no such type.
    """
    name = TYPES[kind]
    values = {**_REQUIRED, name: value, "month_first": month_first}
    try:
        parameters, warnings = validation.read(values)
    except ApiError as refused:
        return Reading(error=refused.errors[0].message)
    warning = next((each.message for each in warnings if each.param == name), None)
    return Reading(stored=getattr(parameters, name), warning=warning)


def as_json(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def table() -> Iterator[str]:
    """Yield the lines of a Markdown table of `CASES`."""
    yield "| type | you send | `month_first` | what is stored, or why not |"
    yield "|---|---|---|---|"
    for kind, sent, month_first in CASES:
        reading = read(kind, json.loads(sent), month_first=month_first)
        yield f"| {kind} | `{sent}` | {'1' if month_first else ''} | {reading.sentence} |"
