"""Logged `request` lines, in every shape an operator's tools send them, become requests again."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from appointments import params
from appointments.request import Request
from appointments.statuses import Failure, Status

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


def read(line: Any) -> Request:
    """Return the request that the line recorded, to be judged as of when it was received.

    Raises Failure with identify-request-error where it is no such line, and with no-params-decoded
    where the request was sensitive, so that nothing of it was kept.
    """
    from appointments.logged import parse  # noqa: PLC0415 - a plain request does not pay for it

    held = parse(line)
    if held.params is None:
        raise Failure(
            Status.NO_PARAMS_DECODED,
            "Nothing was saved. The request was sensitive, so the log kept none of its parameters: "
            "only its caller can send it again.",
        )
    return Request(
        id=held.request_id,
        received_at=held.received_at.timestamp(),
        params={
            **{name: held.params[name] for name in held.params if name in params.NAMES},
            # The token is on record nowhere; its hash finds the session.
            "token": held.token_hash,
        },
        unknown=tuple(held.unknown),
        token_hash=held.token_hash,
        idempotency_key=held.idempotency_key,
        uuid=held.uuid,
        is_replay=True,
    )
