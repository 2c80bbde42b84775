"""What a recipient reads: the sandbox's own template, filled in with the fields of a message."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import chevron

_SUBJECT: Final = "Appointment"
# The fields of the subject, in this order, if the message has them.
_IN_SUBJECT: Final = (("on", "date_start_local"), ("at", "time_start_local"))
_TEMPLATE: Final = (Path(__file__).parent / "appointment-created.html").read_text()


def render(message: Mapping[str, Any]) -> dict[str, str]:
    """Return the subject, a text that shows every field under its name, and the HTML.

    As at Mandrill, the HTML is filled in, and each field escaped, only if the message says that the
    template is written in Handlebars. Otherwise Mailchimp's language counts, which has no `{{…}}`.
    """
    fields = {str(each["name"]): each.get("content") for each in message["global_merge_vars"]}
    subject = " ".join(
        [_SUBJECT, *(f"{word} {fields[name]}" for word, name in _IN_SUBJECT if name in fields)]
    )
    text = "\n".join(f"{name}: {value}" for name, value in fields.items())
    is_handlebars = message.get("merge_language") == "handlebars"
    html = chevron.render(_TEMPLATE, fields) if is_handlebars else _TEMPLATE
    return {"subject": subject, "text": text, "html": html}
