"""What the pages say: one sentence for each notification, and how times and values are shown."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from appointments_operator.layout import relative

_WORDS_FOR_STATUS: Final = {
    "mandrill-email-failed": "The appointment is saved, but its email did not reach everyone",
    "application-crash": "A request crashed",
    "identify-request-error": "The function was invoked with an event that is no request",
}
_WORDS_FOR_SAVED: Final = {
    True: "the appointment is saved",
    False: "nothing was saved",
    None: "it is unknown whether it is saved",
}
# The records that a notification names, such as user#502 or route#appointments/create.
_RECORD: Final = re.compile(r"\b(?:user|route|service)#[\w/]+")


def sentence(item: Mapping[str, Any]) -> str:
    """Return one sentence that says what failed."""
    status = str(item.get("status"))
    what = _WORDS_FOR_STATUS.get(status, status)
    if status == "application-crash":
        saved = item.get("saved")
        what = f"{what}, {_WORDS_FOR_SAVED[saved if isinstance(saved, bool) else None]}"
    return f"{what}: {item.get('reason')}"


def records_of(item: Mapping[str, Any]) -> list[str]:
    """Return the records that the notification names as the cause."""
    text = f"{item.get('repair', '')} {item.get('reason', '')}"
    return list(dict.fromkeys(_RECORD.findall(text)))


def ago(text: Any) -> str:
    """Return a stored moment as people say it."""
    try:
        return relative(datetime.fromisoformat(str(text)))
    except ValueError:
        return str(text or "")


def clock(moment: datetime) -> str:
    """Return a moment as the timeline shows it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def minute(moment: datetime) -> str:
    """Return a moment to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def shown(value: Any) -> str:
    """Return a value of an item as text."""
    if isinstance(value, list | tuple | set):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
