"""What a recipient reads: the sandbox's own template, filled in with the fields of a message."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_SUBJECT: Final = "Appointment"
# The fields of the subject, in this order, if the message has them.
_IN_SUBJECT: Final = (("on", "date_start_local"), ("at", "time_start_local"))


def render(merge_vars: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return subject and text: the template shows every field under its name."""
    fields = {str(each["name"]): each.get("content") for each in merge_vars}
    subject = " ".join(
        [_SUBJECT, *(f"{word} {fields[name]}" for word, name in _IN_SUBJECT if name in fields)]
    )
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return {"subject": subject, "text": "\n".join(lines)}
