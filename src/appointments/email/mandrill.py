"""Mandrill's API, as far as it is needed: send an email, and search what was sent (section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from appointments.email.mandrill_client import CallFailed, call
from appointments.settings import SETTINGS

SEARCH_LIMIT: Final = 1_000


@dataclass(frozen=True)
class RecipientResult:
    """What Mandrill says of one recipient; `status` is Mandrill's own word."""

    email: str
    status: str
    id: str | None = None
    reject_reason: str | None = None


@dataclass(frozen=True)
class FoundRecipient:
    """A recipient of an appointment's email whom Mandrill's search lists."""

    uuid: str
    email: str
    state: str
    id: str | None = None


def send(
    *,
    to: Sequence[tuple[str, str | None]],
    variables: dict[str, Any],
    metadata: dict[str, str],
    deadline: float,
    retry_at_once: bool,
) -> list[RecipientResult]:
    """Send the template to `to`, pairs of address and name; return what became of each.

    `deadline` bounds the call (time.monotonic() seconds). If `retry_at_once`, a call
    that Mandrill certainly did not accept is made again at once (section 8.4). Raises CallFailed.
    """
    response_body = call(
        "messages/send-template",
        {
            "template_name": SETTINGS.mandrill_template,
            "template_content": [],
            "message": {
                "to": [{"email": email, "name": name or "", "type": "to"} for email, name in to],
                "preserve_recipients": False,
                "merge": True,
                # Handlebars escapes what it puts into the template, so that text stays text.
                "merge_language": "handlebars",
                "global_merge_vars": [
                    {"name": name, "content": content} for name, content in variables.items()
                ],
                "metadata": metadata,
            },
        },
        deadline,
        retry_at_once=retry_at_once,
    )
    try:
        return [
            RecipientResult(
                str(each["email"]), str(each["status"]), each.get("_id"), each.get("reject_reason")
            )
            for each in response_body
        ]
    except (TypeError, KeyError, AttributeError):
        raise CallFailed.in_doubt("a response of another form") from None


def search(uuids: Sequence[str], since: date, deadline: float) -> list[FoundRecipient]:
    """Return what Mandrill has of the emails of these appointments that were sent from `since` on.

    A list of SEARCH_LIMIT recipients may be cut: it proves nothing about those that it does not
    have. Raises CallFailed.
    """
    response_body = call(
        "messages/search",
        {
            "query": " OR ".join(f'u_appointment_uuid:"{uuid}"' for uuid in uuids),
            "date_from": since.isoformat(),
            "limit": SEARCH_LIMIT,
        },
        deadline,
        retry_at_once=False,
    )
    try:
        return [
            FoundRecipient(
                str(each["metadata"]["appointment_uuid"]),
                str(each["email"]),
                str(each["state"]),
                each.get("_id"),
            )
            for each in response_body
        ]
    except (TypeError, KeyError, AttributeError):
        raise CallFailed.in_doubt("a response of another form") from None
