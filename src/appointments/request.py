"""A request for an appointment, from whichever way in, and how the log records it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from appointments.errors import ApiError

PLAIN: Final = "application/json"
SENSITIVE: Final = "text/plain"
# What an id must be to stand in a header.
REQUEST_ID: Final = r"^[!-~]{1,128}$"
# Beyond what is accepted, so that what was refused is refused in a replay too.
_LONGEST_KEY_LOGGED: Final = 300
# Numbers can be longer in the line than in the body: one in every parameter still fits a line.
_LONGEST_NESTED_LOGGED: Final = 256
_MAY_NOT_FIT: Final = (list, dict, float)
_MASK: Final = "***"


@dataclass(frozen=True)
class Request:
    """A request for an appointment, from whichever way in.

    `params` holds the known parameters as received; in a replay the token's hash stands for the
    token. `fault` is what was wrong with the body, told when its turn comes. `media_type` is None
    in a replay, whose headers are gone; `content` shows the headers it was read from.
    `received_at` is epoch seconds. `uuid` is set if a replayed line decides the key. `is_strict`
    says that unknown parameters are refused.
    """

    id: str
    received_at: float
    media_type: str | None = None
    content: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    token: str | None = None
    token_hash: str | None = None
    idempotency_key: str | None = None
    uuid: str | None = None
    fault: ApiError | None = None
    is_replay: bool = False
    is_strict: bool = False

    @property
    def is_decoded(self) -> bool:
        """Whether the body was decoded to parameters, so that a `request` line records it."""
        return self.media_type in (PLAIN, SENSITIVE) and self.fault is None

    @property
    def is_replayable(self) -> bool:
        """Whether what is on record suffices to replay the request."""
        return self.is_decoded and self.media_type == PLAIN

    def mask(self, text: str) -> str:
        """Return the text without the token, and never longer: it must fit its log line."""
        if not self.token or self.token not in text:
            return text
        return text.replace(self.token, _MASK[: len(self.token)])

    def line(self) -> dict[str, Any]:
        """Return the fields of the `request` log line (specification section 10)."""
        key = self.idempotency_key
        return {
            "request_id": self.id,
            "received_at": iso(self.received_at),
            "token_hash": self.token_hash,
            "params": None if self.media_type == SENSITIVE else self._logged(),
            "unknown": [self.mask(name) for name in self.unknown],
            "idempotency_key": key and self.mask(key)[:_LONGEST_KEY_LOGGED],
            **({"strict": True} if self.is_strict else {}),
        }

    def _logged(self) -> dict[str, Any]:
        mask = self.mask
        return {
            name: mask(value) if isinstance(value, str) else _logged(value, mask)
            for name, value in self.params.items()
            if name != "token"
        }


def masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Mask each text in a value by itself: JSON's escapes could hide the token in the whole."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [masked(each, mask) for each in value]
    if isinstance(value, dict):
        return {mask(name): masked(each, mask) for name, each in value.items()}
    return value


def _logged(value: Any, mask: Callable[[str], str]) -> Any:
    """Return what is no text as the log keeps it: as received, if the line can hold it.

    No parameter takes an array or an object, so of one that is long, or that holds a number beyond
    JSON's range, the line tells only that it was there: `[]` is refused in a replay as well.
    """
    if not isinstance(value, _MAY_NOT_FIT):
        return value
    kept = masked(value, mask)
    try:
        told = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return []
    return kept if len(told) <= _LONGEST_NESTED_LOGGED else []


def iso(seconds: float, timespec: str = "milliseconds") -> str:
    """Return epoch seconds as ISO 8601, UTC, to the millisecond or another `timespec`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
