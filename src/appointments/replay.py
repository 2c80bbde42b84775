"""A replay: the request log entry in an event becomes a request again (section 10)."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from appointments import parsers
from appointments.errors import ApiError
from appointments.invocation import Invocation
from appointments.parameters import NAMES
from appointments.reasons import Cause, Reason
from appointments.request import REQUEST_ID, Request, request_id_or
from appointments.statuses import Status

# CloudWatch sends at most 256 KB, compressed. A payload that unpacks to more is not from it.
_MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024
_REQUEST: Final = "request"
_GZIP: Final = 16 + zlib.MAX_WBITS


def is_subscription(event: Any) -> bool:
    """Whether the event is from a CloudWatch Logs subscription; it has any number of log lines."""
    return isinstance(event, Mapping) and "awslogs" in event


def has_entry(event: Any) -> bool:
    """Whether the event is a request log entry, or has a key for one: `detail` is EventBridge's."""
    return isinstance(event, Mapping) and (
        event.get("message") == _REQUEST or "replay" in event or "detail" in event
    )


def entry_of(event: Mapping[str, Any]) -> Any:
    """Return what the event has as its entry; `LoggedRequest` refuses what is no entry."""
    if event.get("message") == _REQUEST:
        return event
    return event.get("replay", event.get("detail"))


def entries(event: Mapping[str, Any]) -> list[Any]:
    """Return the request log entries in a subscription's payload, without its other log lines.

    A payload that cannot be read gives one None, which `LoggedRequest` refuses.
    """
    try:
        packed = base64.b64decode(event["awslogs"]["data"], validate=True)
        unpacked = zlib.decompressobj(_GZIP).decompress(packed, _MAX_PAYLOAD_BYTES)
        payload = from_json(unpacked, cache_strings="none")
        messages = [entry["message"] for entry in payload["logEvents"]]
    except (ValueError, TypeError, KeyError, zlib.error):
        return [None]
    return [found for found in map(_parsed, messages) if found is not None]


def _parsed(message: Any) -> Any:
    try:
        parsed = from_json(message, cache_strings="none")
    except (ValueError, TypeError):
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("message") == _REQUEST else None


class _Entry(BaseModel):
    """A request log entry (section 10.1); the command `replay` may add `uuid`."""

    # Pydantic's cache of texts would keep thousands of them, tokens' hashes too.
    model_config = ConfigDict(strict=True, allow_inf_nan=False, cache_strings="none")

    request_id: Annotated[str, Field(pattern=REQUEST_ID)]
    received_at: Annotated[AwareDatetime, Field(strict=False)]
    token_hash: str | None
    params: dict[str, Any] | None
    unknown: list[str] = []
    idempotency_key: str | None = None
    uuid: Annotated[str, AfterValidator(parsers.uuid)] | None = None
    strict: bool = False


class LoggedRequest:
    """A request from the log, validated as of the time at which it was received."""

    is_replay = True

    def __init__(self, entry: Any, invocation: Invocation) -> None:
        self._entry = entry
        sent = entry.get("request_id") if isinstance(entry, Mapping) else None
        self.request_id = request_id_or(sent, invocation.id)

    def check_route(self) -> None:
        """Accept every entry: the log has only requests for the one route."""

    def parse_request(self) -> Request:
        """Return the request that the entry recorded.

        Raises ApiError with identify-request-error if it is no such entry, and with
        no-params-decoded if the request was sensitive, so that the log has none of its parameters.
        """
        entry = None
        try:
            # Through JSON, because a direct call may pass values that JSON cannot express.
            entry = _Entry.model_validate_json(json.dumps(self._entry))
        except ValueError as invalid:
            fields = ", ".join(_invalid_fields(invalid)) or "its text"
        if entry is None:  # outside `except`: see the comment in `validation.read`
            raise ApiError(
                Status.IDENTIFY_REQUEST_ERROR,
                "Nothing was saved. The event is neither a request through API Gateway nor a "
                f"request log entry to replay: see {fields}.",
                reason=Reason(f"no logged request: see {fields}", "no logged request", Cause.EVENT),
            )
        if entry.params is None:
            raise ApiError(
                Status.NO_PARAMS_DECODED,
                "Nothing was saved. The request was sensitive, so the log has none of its "
                "parameters: only its caller can send it again.",
            )
        return Request(
            id=self.request_id,
            received_at=entry.received_at.timestamp(),
            params={
                **{name: entry.params[name] for name in entry.params if name in NAMES},
                # The token is stored nowhere; its hash finds the session.
                "token": entry.token_hash,
            },
            unknown=tuple(entry.unknown),
            token_hash=entry.token_hash,
            idempotency_key=entry.idempotency_key,
            uuid=entry.uuid,
            is_strict=entry.strict,
        )


def _invalid_fields(invalid: ValueError) -> list[str]:
    if not isinstance(invalid, ValidationError):
        return []
    return sorted({str(error["loc"][0]) for error in invalid.errors() if error["loc"]})
