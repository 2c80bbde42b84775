"""The edge: an API Gateway event becomes a Request, an answer becomes API Gateway's payload."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json, to_json

from appointments import params, readers
from appointments.request import PLAIN, REQUEST_ID, SENSITIVE, Request
from appointments.statuses import Failure, Fault, Status

METHOD: Final = "POST"
PATH: Final = "/api/v1/appointments/create"
# A request must fit one log line, which Lambda may split above 64 KiB.
LARGEST_BODY: Final = 48 * 1024
_KNOWN: Final = frozenset(params.NAMES)
# A parameter of a media type may hold a comma in quotes.
_QUOTED: Final = re.compile(r'"[^"]*"')


def is_http(event: Any) -> bool:
    """Whether API Gateway sent the event (or someone who writes one by hand, for a test).

    Clients choose a body, headers, a path, but none of these names: what has one is a request of
    a client's, never a replay.
    """
    return isinstance(event, Mapping) and not {
        "requestContext",
        "routeKey",
        "rawPath",
        "httpMethod",
        "path",
        "headers",
        "body",
    }.isdisjoint(event)


def request_id(event: Any, fallback: str) -> str:
    """Return API Gateway's request id, or the fallback where there is none fit for a header."""
    sent = _mapping(event, "requestContext").get("requestId")
    return sent if isinstance(sent, str) and re.fullmatch(REQUEST_ID, sent) else fallback


def route(event: Mapping[str, Any]) -> None:
    """Raise Failure unless the event asks for the one route of this function."""
    context = _mapping(event, "requestContext")
    http = _mapping(context, "http")
    method = http.get("method") or event.get("httpMethod") or context.get("httpMethod")
    path = event.get("rawPath") or http.get("path") or event.get("path") or context.get("path")
    if not (isinstance(method, str) and isinstance(path, str)):
        raise Failure(
            Status.IDENTIFY_REQUEST_ERROR,
            "Nothing was saved. The request has no method or no path to tell what it asks for.",
        )
    if method.upper() != METHOD or path.removesuffix("/") != PATH:
        raise Failure(
            Status.ROUTE_NON_EXISTENT, f"Nothing was saved. The one route here is {METHOD} {PATH}."
        )


def read(event: Mapping[str, Any], request_id: str, received_at: float) -> Request:
    """Read an API Gateway event of payload format 1.0 or 2.0; a bad body becomes its `fault`."""
    media_types = {
        value.partition(";")[0].strip().lower()
        for header in _header(event, "content-type")
        for value in _QUOTED.sub("", header).split(",")
    }
    media_type = media_types.pop() if len(media_types) == 1 else ""
    values, fault = {}, None
    if media_type in (PLAIN, SENSITIVE):
        try:
            values = _decode(event, is_sensitive=media_type == SENSITIVE)
        except Failure as failure:
            fault = failure
    known, unknown = _split(values)
    token = _token(known.get("token"))
    return Request(
        id=request_id,
        received_at=received_at,
        media_type=media_type,
        params=known,
        unknown=unknown,
        token=token,
        token_hash=hashlib.sha256(token.encode()).hexdigest() if token else None,
        idempotency_key=", ".join(sorted(set(_header(event, "idempotency-key")))) or None,
        fault=fault,
    )


def check_media_type(request: Request, *, is_sensitive: bool) -> None:
    """Raise Failure unless the Content-Type is the one that the route takes."""
    expected = SENSITIVE if is_sensitive else PLAIN
    if request.media_type not in (expected, None):
        form = ", and the base64 of the JSON as the body" if is_sensitive else ""
        raise Failure(
            Status.INVALID_CONTENT_TYPE,
            f"Nothing was saved. Send the header Content-Type: {expected} once{form}.",
        )


def payload(body: dict[str, Any], *, is_replayed: bool) -> dict[str, Any]:
    """Return an answer's body as API Gateway takes it, in payload format 1.0 and 2.0 alike."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": body["request_id"],
    }
    if is_replayed:
        headers["Idempotency-Replayed"] = "true"
    return {
        "statusCode": body["code"],
        "headers": headers,
        "body": to_json(body).decode(),
        "isBase64Encoded": False,
    }


def _decode(event: Mapping[str, Any], *, is_sensitive: bool) -> dict[str, Any]:
    """Return the body's JSON object (specification section 1, steps 4 and 5)."""
    body = event.get("body")
    if body is None:
        body = ""
    if not isinstance(body, str):
        raise _undecodable("the body is not a text")
    raw = body.encode("utf-8", "surrogatepass")
    if event.get("isBase64Encoded") is True:
        raw = _base64(raw)
    if is_sensitive:
        raw = _base64(b"".join(raw.split()))
    if len(raw) > LARGEST_BODY:
        raise Failure.of(
            [
                Fault(
                    "body",
                    Status.INVALID_PARAM,
                    f"The body has {len(raw)} bytes; send at most {LARGEST_BODY}.",
                )
            ]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as invalid:
        raise _undecodable(f"it is not UTF-8 at byte {invalid.start}") from None
    values = None
    if text.strip():
        try:
            # Its cache of texts would keep the token beyond the request.
            values = from_json(text, allow_inf_nan=False, cache_strings="none")
        except ValueError as invalid:
            raise _undecodable(f"it is not JSON: {invalid}") from None
    if not isinstance(values, dict) or not values:
        raise Failure(
            Status.NO_PARAMS_DECODED,
            "Nothing was saved. The body holds no parameters: send a JSON object with them.",
        )
    return values


def _split(values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the known parameters, and the names of the others that were passed."""
    if values.keys() <= _KNOWN:
        return values, ()
    known = {name: value for name, value in values.items() if name in _KNOWN}
    others = (name for name in values if name not in _KNOWN)
    return known, tuple(name for name in others if not readers.is_blank(values[name]))


def _base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as invalid:
        raise _undecodable(f"it is not base64: {invalid}") from None


def _undecodable(reason: str) -> Failure:
    return Failure(
        Status.INVALID_ENCODED_PARAMS,
        f"Nothing was saved. The body could not be decoded: {reason}.",
    )


def _token(sent: Any) -> str | None:
    if readers.is_blank(sent):
        return None
    try:
        return readers.trimmed(sent)
    except ValueError:
        return None


def _header(event: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a header, whatever the case of its name, as text that has a UTF-8."""
    values: list[str] = []
    for place in ("headers", "multiValueHeaders"):
        for key, value in _mapping(event, place).items():
            if str(key).lower() == name:
                values += value if isinstance(value, list) else [value]
    return [
        value.encode(errors="replace").decode()
        for value in values
        if isinstance(value, str) and value.strip()
    ]


def _mapping(event: Any, key: str) -> Mapping[str, Any]:
    value = event.get(key) if isinstance(event, Mapping) else None
    return value if isinstance(value, Mapping) else {}
