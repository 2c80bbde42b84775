"""A request for an appointment, from either source, and its request log entry."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from appointments.errors import ApiError
from appointments.statuses import Status
from appointments.timestamps import iso_from_epoch

PLAIN_MEDIA_TYPE: Final = "application/json"
SENSITIVE_MEDIA_TYPE: Final = "text/plain"
# A request id must fit in a header and in a command.
REQUEST_ID: Final = r"^[!-~]{1,128}$"
# A logged key may be longer than an accepted one: what was refused is then refused in a replay.
_MAX_LOGGED_IDEMPOTENCY_KEY: Final = 300
# An array, an object or a number can be longer as JSON in the log line than in the body. With this
# limit, a line still fits if every parameter is one.
_MAX_LOGGED_JSON: Final = 256
_UNBOUNDED_TYPES: Final = (list, dict, float)
_MASK: Final = "***"


class Source(Protocol):
    """Where a request comes from: API Gateway, or the log (section 10)."""

    request_id: str
    is_replay: bool

    def check_route(self) -> None:
        """Raise ApiError unless the request is for the one route of this function."""

    def parse_request(self) -> "Request":
        """Return the request. Raises ApiError if none can be read from the source."""


@dataclass(frozen=True)
class Request:
    """A request for an appointment, from either source.

    `params` has the known parameters as received; in a replay, `token` is the hash of the token.
    `error` is the error in the body, which `Creation` reports in the order of the steps.
    `media_type` is None in a replay, because the log has no headers. `media_type_phrase` is about
    it in an error message, such as `Content-Type text/xml`. `received_at` is epoch seconds. `uuid`
    is the uuid of a log entry that has one. `is_strict` says that unknown parameters are refused.
    """

    id: str
    received_at: float
    media_type: str | None = None
    media_type_phrase: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    token: str | None = None
    token_hash: str | None = None
    idempotency_key: str | None = None
    uuid: str | None = None
    error: ApiError | None = None
    is_strict: bool = False

    def require_media_type(self, *, is_sensitive: bool) -> None:
        """Raise ApiError unless the request has the one content type that the route accepts."""
        expected = SENSITIVE_MEDIA_TYPE if is_sensitive else PLAIN_MEDIA_TYPE
        if self.media_type in (expected, None):
            return
        form = ", and the base64 of the JSON as the body" if is_sensitive else ""
        encoding = "" if self.media_type else ", and no Content-Encoding"
        raise ApiError(
            Status.INVALID_CONTENT_TYPE,
            f"Nothing was saved. The request has {self.media_type_phrase}. "
            f"Send the header Content-Type: {expected} once{form}{encoding}.",
        )

    @property
    def is_logged(self) -> bool:
        """Whether the function logs the request: its body was decoded, and it is no replay."""
        return self.media_type in (PLAIN_MEDIA_TYPE, SENSITIVE_MEDIA_TYPE) and self.error is None

    @property
    def is_replayable(self) -> bool:
        """Whether the request log entry has enough for a replay."""
        return self.is_logged and self.media_type == PLAIN_MEDIA_TYPE

    def redact(self, text: str) -> str:
        """Return the text with the token masked, and not longer: it must fit its log line."""
        if not self.token or self.token not in text:
            return text
        return text.replace(self.token, _MASK[: len(self.token)])

    def to_log_entry(self) -> dict[str, Any]:
        """Return the fields of the request log entry (specification section 10.1)."""
        key = self.idempotency_key
        return {
            "request_id": self.id,
            "received_at": iso_from_epoch(self.received_at),
            "token_hash": self.token_hash,
            "params": None if self.media_type == SENSITIVE_MEDIA_TYPE else self._logged_params(),
            "unknown": [self.redact(name) for name in self.unknown],
            "idempotency_key": key and self.redact(key)[:_MAX_LOGGED_IDEMPOTENCY_KEY],
            **({"strict": True} if self.is_strict else {}),
        }

    def _logged_params(self) -> dict[str, Any]:
        redact = self.redact
        return {
            name: redact(value) if isinstance(value, str) else _logged_value(value, redact)
            for name, value in self.params.items()
            if name != "token"
        }


def request_id_or(sent: Any, fallback: str) -> str:
    """Return the id that was sent if it fits REQUEST_ID, otherwise the fallback."""
    return sent if isinstance(sent, str) and re.fullmatch(REQUEST_ID, sent) else fallback


def redact_all(value: Any, redact: Callable[[str], str]) -> Any:
    """Redact each text in a value separately: in its JSON, escapes could hide the token."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_all(each, redact) for each in value]
    if isinstance(value, dict):
        return {redact(name): redact_all(each, redact) for name, each in value.items()}
    return value


def _logged_value(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a value other than a text as the log has it: as received, if it fits.

    A long array or object, or one with a number beyond JSON's range, becomes `[]`. No parameter
    accepts an array or an object, so a replay refuses it too.
    """
    if not isinstance(value, _UNBOUNDED_TYPES):
        return value
    redacted = redact_all(value, redact)
    try:
        encoded = json.dumps(redacted, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return []
    return redacted if len(encoded) <= _MAX_LOGGED_JSON else []
