"""FilterLogEvents as CloudWatch does it: by the filter pattern, in pages of at most 1 MB.

moto and the emulator ignore the pattern. This one supports the patterns that commands use:
alternatives of `$.path = value` or `$.path IS TRUE`, each in brackets or not.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse

_MAX_PAGE_BYTES: Final = 1_000_000
_MAX_PATTERN: Final = 1_024
_CLAUSE: Final = re.compile(r'\(?\s*\$\.([\w.]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|\d+)|IS (TRUE))\s*\)?')


class Line(NamedTuple):
    """A line of the log; the lines of a log are in the order of time."""

    at: int
    stream: str
    text: str


class FilteredLog:
    """A log group whose lines are found by their pattern."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = sorted(lines)
        self._times = [line.at for line in self._lines]
        self._entries: list[dict[str, Any]] = [json.loads(line.text) for line in self._lines]

    def respond(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Respond to a request, as a handler of `before-send.cloudwatch-logs.FilterLogEvents`."""
        sent = json.loads(cast(bytes, request.body))
        body = json.dumps(self._page(sent)).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), MockRawResponse(body))

    def _page(self, sent: dict[str, Any]) -> dict[str, Any]:
        clauses = read_pattern(sent["filterPattern"])
        first = bisect_left(self._times, sent["startTime"])
        place = int(sent.get("nextToken", first))
        end = bisect_right(self._times, sent["endTime"])
        events: list[dict[str, Any]] = []
        size = 0
        while place < end:
            if any(_value(self._entries[place], path) == value for path, value in clauses):
                line = self._lines[place]
                size += len(line.text)
                if events and (size > _MAX_PAGE_BYTES or len(events) >= sent["limit"]):
                    return {"events": events, "nextToken": str(place)}
                events.append(
                    {"timestamp": line.at, "logStreamName": line.stream, "message": line.text}
                )
            place += 1
        return {"events": events}


def read_pattern(pattern: str) -> list[tuple[str, Any]]:
    """Return the path and value of each alternative; raises ValueError if it is no such pattern."""
    if len(pattern) > _MAX_PATTERN:
        raise ValueError(f"CloudWatch refuses a pattern of {len(pattern)} characters.")
    inner = pattern.strip().removeprefix("{").removesuffix("}")
    read = []
    for clause in inner.split("||"):
        found = _CLAUSE.fullmatch(clause.strip())
        if not found:
            raise ValueError(f"This is no pattern that is known here: {clause}")
        read.append((found[1], json.loads(found[2] or found[3].lower())))
    return read


def _value(entry: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(entry, dict):
            return None
        entry = entry.get(name)
    return entry
