"""The entries of a story: what one log line, item or notification says, in a sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from appointments.parameters import STORED
from appointments_operator.log_search import LogLine

_HIDDEN: Final = frozenset({"token_hash", "token"})
# What Powertools adds to each line.
_TECHNICAL: Final = frozenset({"level", "timestamp", "service", "message"})
_PARAMETERS: Final = frozenset(STORED) - {"uuid"}
_NAMED: Final = ("order_id", "order_request_id", "order_request_appt_id", "photographer_user_id")


@dataclass(frozen=True)
class Entry:
    """One event of a story: when, what kind, a sentence, where it is, and all that is there."""

    at: datetime
    kind: str
    text: str
    source: str
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "at": self.at.isoformat(timespec="milliseconds"),
            "kind": self.kind,
            "text": self.text,
            "source": self.source,
            "facts": dict(self.facts),
        }


def entry_of_line(line: LogLine) -> Entry:
    """Return the entry of a log line."""
    entry = line.entry
    message = str(entry.get("message"))
    kind, text = {
        "request": _request,
        "response": _response,
        "email": _email,
    }.get(message, _other)(entry)
    facts = {name: value for name, value in entry.items() if name not in _HIDDEN | _TECHNICAL}
    source = f"log {line.stream} {line.at.isoformat(timespec='milliseconds')}"
    return Entry(_own_time(line), kind, text, source, facts)


def _own_time(line: LogLine) -> datetime:
    """Return when the function wrote it; CloudWatch's own time may be later."""
    for name in ("received_at", "timestamp"):
        if at := _moment_or_none(line.entry.get(name)):
            return at
    return line.at


def _request(entry: Mapping[str, Any]) -> tuple[str, str]:
    params = entry.get("params")
    if not isinstance(params, Mapping):
        return "request", "a sensitive request: the log does not have its parameters"
    named = [f"{name} {params[name]}" for name in _NAMED if params.get(name) not in (None, "")]
    return "request", ", ".join([f"received with {len(params)} parameters", *named])


def _response(entry: Mapping[str, Any]) -> tuple[str, str]:
    saved = "unknown if saved"
    if isinstance(entry.get("saved"), bool):
        saved = "saved" if entry["saved"] else "not saved"
    parts = [f"{entry.get('code')} {entry.get('status')}, {saved}"]
    if entry.get("reason"):
        parts.append(str(entry["reason"]))
    return ("replay" if entry.get("replay") else "response"), ": ".join(parts)


def _email(entry: Mapping[str, Any]) -> tuple[str, str]:
    said = "; ".join(recipient_words(entry.get("recipients")))
    parts = [f"{entry.get('trigger')}: {entry.get('status')}"]
    if tries := entry.get("tries"):
        parts.append(f"{tries} of 5 tries used")
    if said or entry.get("reason"):
        parts.append(said or str(entry["reason"]))
    return "email", ", ".join(parts)


def recipient_words(recipients: Any) -> Iterator[str]:
    """Yield what Mandrill said about each recipient."""
    for each in recipients if isinstance(recipients, list) else ():
        if not isinstance(each, Mapping):  # 0.1.0 stored the address alone
            yield str(each)
            continue
        why = f" ({each['reject_reason']})" if each.get("reject_reason") else ""
        yield f"{each.get('email')} {each.get('status')}{why}"


def _other(entry: Mapping[str, Any]) -> tuple[str, str]:
    text = str(entry.get("message"))
    for name in ("exception", "reason"):
        if entry.get(name):
            text = f"{text}: {str(entry[name]).strip().splitlines()[-1]}"
    return str(entry.get("level", "log")).lower(), text


def entry_of_item(table: str, item: Mapping[str, Any], *, is_sensitive: bool = False) -> Entry:
    """Return the entry of an appointment item; of a sensitive request none of the parameters."""
    hidden = _HIDDEN | _PARAMETERS if is_sensitive else _HIDDEN
    state = [f"the item, as it is now: email {item.get('email_status', 'unknown')}"]
    if item.get("forgotten_at"):
        state = ["the appointment was erased"]
    if item.get("email_tries"):
        state.append(f"{item['email_tries']} of 5 tries used")
    if "owed" in item:
        state.append("pending")
    return Entry(
        at=moment_of(item.get("received_at") or item.get("forgotten_at")),
        kind="item",
        text=", ".join(state),
        source=f"table {table} uuid {item['uuid']}",
        facts={name: value for name, value in item.items() if name not in hidden},
    )


def entries_of_notification(table: str, item: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entry of a notification, and those of the changes of its state."""
    source = f"table {table} notification_id {item['notification_id']}"
    text = f"{item.get('status')}: {item.get('reason')} (now {item.get('state')})"
    yield Entry(moment_of(item.get("came_at")), "notification", text, source, item)
    history = item.get("history")
    for change in history if isinstance(history, list) else ():
        words = f"{change.get('state')} by {change.get('by')}: {change.get('done')}"
        yield Entry(moment_of(change.get("at")), "state", words, source, change)


def moment_of(text: Any) -> datetime:
    """Return the time that a text has. If it has none, return 1970: the entry is shown first."""
    return _moment_or_none(text) or datetime.fromtimestamp(0, UTC)


def _moment_or_none(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def as_uuid(typed: str) -> str | None:
    """Return a uuid as the tables have it; None if the text is none."""
    try:
        return str(UUID(typed.strip()))
    except ValueError:
        return None


def uuid_of(line: LogLine) -> str | None:
    """Return the appointment that a line names, if it does."""
    for holder in (line.entry, line.entry.get("params"), line.entry.get("notification")):
        if isinstance(holder, dict) and holder.get("uuid"):
            return as_uuid(str(holder["uuid"]))
    return None
