"""The function's log for people: one line per request, as it comes."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError

from appointments_operator.layout import counted
from appointments_operator.terminal import output
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

POLL_SECONDS: Final = 1
# MiniStack writes the lines of an invocation when it has ended, so older ones may come later.
_LATE_MILLISECONDS: Final = 60_000
_PAGE: Final = 10_000
_GOOD: Final = frozenset({"sent", "queued", "scheduled"})
_WITH_RESPONSE: Final = frozenset({"request", "retry", "replay"})
_PLATFORM: Final = ("START ", "END ", "REPORT ", "INIT_START ", "EXTENSION ")
# How the emulator's end shows.
UNREACHABLE: Final = (EndpointConnectionError, ConnectionClosedError, HTTPClientError)
_INDENT: Final = " " * len("13:24:35  ")


def follow(stack: Stack, since: float, *, is_raw: bool = False) -> None:
    """Print the log from `since` (epoch seconds) on, as it comes, until Ctrl-C."""
    reader = Reader()
    console = output()
    for event in _events(stack, since):
        lines = [event.rstrip()] if is_raw else reader.lines(event, console.width)
        for line in lines:
            console.print(line, soft_wrap=True)


class Reader:
    """Turns the lines of the log into lines for people. It counts the emails of each request."""

    def __init__(self) -> None:
        self._emails: dict[str, int] = defaultdict(int)

    def lines(self, message: str, width: int) -> list[str]:
        """Return what people read of one line of the log: often nothing."""
        try:
            entry = json.loads(message)
        except ValueError:
            return [] if message.startswith(_PLATFORM) else [_INDENT + message.rstrip()]
        match entry:
            case {"message": "response"}:
                return self._response(entry, width)
            case {"message": "email"}:
                return self._email(entry, width)
            case {"level": "WARNING" | "ERROR" | "CRITICAL" as level}:
                text = f"{level.lower()}: {entry['message']}"
                return _line(entry, text, str(entry.get("request_id") or ""), "", width)
        return []

    def _response(self, entry: Mapping[str, Any], width: int) -> list[str]:
        what = f"{entry['code']} {entry['status']}"
        emails = self._emails.pop(str(entry["request_id"]), 0)
        rest = f"{entry['duration_ms']:.0f} ms"
        if emails:
            rest += f"  {counted(emails, 'email')}"
        if entry.get("replay"):
            rest += "  replay"
        key = str(entry.get("uuid") or entry["request_id"])
        return _line(entry, what, key, rest, width)

    def _email(self, entry: Mapping[str, Any], width: int) -> list[str]:
        sent = sum(each.get("status") in _GOOD for each in entry.get("recipients", ()))
        if entry.get("trigger") in _WITH_RESPONSE:
            self._emails[str(entry["request_id"])] += sent
            return []
        rest = f"by {entry['trigger']}"
        return _line(entry, f"email {entry['status']}", str(entry["uuid"]), rest, width)


def _line(entry: Mapping[str, Any], what: str, key: str, rest: str, width: int) -> list[str]:
    """Return one line, or two if it does not fit: the id is never cut."""
    at = datetime.fromisoformat(entry["timestamp"]).astimezone()
    parts = [f"{at:%H:%M:%S}", what, key, rest]
    line = "  ".join(filter(None, parts))
    lines = [line]
    if len(line) > width:
        lines = ["  ".join(filter(None, (parts[0], what, rest))), _INDENT + key]
    reason = entry.get("reason")
    return [*lines, f"{_INDENT}{reason}"] if reason else lines


def _events(stack: Stack, since: float) -> Iterator[str]:
    """Yield each line of the log once."""
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    begin = int(since * 1000)
    seen: dict[tuple[str, int, str], int] = {}
    while True:
        found = logs.filter_log_events(logGroupName=stack.log_group, startTime=begin, limit=_PAGE)
        for event in sorted(found["events"], key=lambda event: event["timestamp"]):
            # Not by `eventId`: MiniStack gives none to what a function writes.
            key = (event["logStreamName"], event["timestamp"], event["message"])
            if key not in seen:
                seen[key] = event["timestamp"]
                yield event["message"]
        if seen:
            begin = max(begin, max(seen.values()) - _LATE_MILLISECONDS)
            seen = {key: at for key, at in seen.items() if at >= begin}
        time.sleep(POLL_SECONDS)
