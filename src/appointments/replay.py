"""Logged `request` lines, in every shape an operator's tools send them, become requests again."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from appointments import parameters, parsers
from appointments.errors import ApiError
from appointments.reasons import Cause, Reason
from appointments.request import REQUEST_ID, Request
from appointments.statuses import Status

# CloudWatch sends at most 256 KB, compressed; a payload that unpacks to more is none of its.
_LARGEST_PAYLOAD: Final = 16 * 1024 * 1024
_REQUEST: Final = "request"
_GZIP: Final = 16 + zlib.MAX_WBITS


def is_subscription(event: Any) -> bool:
    """Whether the event is a CloudWatch Logs subscription's, which may hold any number of lines."""
    return isinstance(event, Mapping) and "awslogs" in event


def line(event: Any) -> Any:
    """Return the logged line in an event that holds one, None in any other event."""
    if not isinstance(event, Mapping):
        return None
    if event.get("message") == _REQUEST:
        return event
    return event.get("replay", event.get("detail"))


def request_id(line: Any, fallback: str) -> str:
    """Return the id that the line kept, even if no request can be made of the rest of it."""
    kept = line.get("request_id") if isinstance(line, Mapping) else None
    return kept if isinstance(kept, str) and re.fullmatch(REQUEST_ID, kept) else fallback


def lines(event: Mapping[str, Any]) -> list[Any]:
    """Return the `request` lines in a subscription's payload; others in it are passed over.

    A payload that cannot be read is returned as the one line that it is not, to be refused.
    """
    try:
        packed = base64.b64decode(event["awslogs"]["data"], validate=True)
        unpacked = zlib.decompressobj(_GZIP).decompress(packed, _LARGEST_PAYLOAD)
        messages = [entry["message"] for entry in from_json(unpacked)["logEvents"]]
    except (ValueError, TypeError, KeyError, zlib.error):
        return [None]
    return [found for found in map(_parsed, messages) if found is not None]


def _parsed(message: Any) -> Any:
    try:
        parsed = from_json(message)
    except (ValueError, TypeError):
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("message") == _REQUEST else None


class _Line(BaseModel):
    """A `request` line as specification section 10 has it; `uuid` may be added by the operator."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    request_id: Annotated[str, Field(pattern=REQUEST_ID)]
    received_at: Annotated[AwareDatetime, Field(strict=False)]
    token_hash: str | None
    params: dict[str, Any] | None
    unknown: list[str] = []
    idempotency_key: str | None = None
    uuid: Annotated[str, AfterValidator(parsers.uuid)] | None = None
    strict: bool = False


def read(line: Any) -> Request:
    """Return the request that the line recorded, to be judged as of when it was received.

    Raises ApiError with identify-request-error where it is no such line, and with no-params-decoded
    where the request was sensitive, so that nothing of it was kept.
    """
    held = None
    try:
        # Through JSON, for an event written by hand may hold what no JSON text can.
        held = _Line.model_validate_json(json.dumps(line))
    except ValueError as invalid:
        named = ", ".join(_places(invalid)) or "its text"
    if held is None:  # raised outside `except`, as in `reading`: the event would be kept for ever
        raise ApiError(
            Status.IDENTIFY_REQUEST_ERROR,
            "Nothing was saved. The event is neither a request through API Gateway nor a logged "
            f"`request` line to replay: see {named}.",
            reason=Reason(f"no logged request: see {named}", "no logged request", Cause.EVENT),
        )
    if held.params is None:
        raise ApiError(
            Status.NO_PARAMS_DECODED,
            "Nothing was saved. The request was sensitive, so the log kept none of its parameters: "
            "only its caller can send it again.",
        )
    return Request(
        id=held.request_id,
        received_at=held.received_at.timestamp(),
        params={
            **{name: held.params[name] for name in held.params if name in parameters.NAMES},
            # The token is on record nowhere; its hash finds the session.
            "token": held.token_hash,
        },
        unknown=tuple(held.unknown),
        token_hash=held.token_hash,
        idempotency_key=held.idempotency_key,
        uuid=held.uuid,
        is_replay=True,
        is_strict=held.strict,
    )


def _places(invalid: ValueError) -> list[str]:
    if not isinstance(invalid, ValidationError):
        return []
    return sorted({str(error["loc"][0]) for error in invalid.errors() if error["loc"]})
