"""The edge: an API Gateway event becomes a Request, a response becomes API Gateway's payload."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from appointments import decoding, parameters, parsers
from appointments.errors import ApiError
from appointments.invocation import Invocation
from appointments.names import PATH
from appointments.reasons import Cause, Reason
from appointments.request import PLAIN_MEDIA_TYPE, SENSITIVE_MEDIA_TYPE, Request, request_id_or
from appointments.statuses import Status
from appointments.tables.keys import hash_token

METHOD: Final = "POST"
_KNOWN: Final = frozenset(parameters.NAMES)
# A parameter of a media type or a preference may hold a comma in quotes.
_QUOTED: Final = re.compile(r'"[^"]*"')
# RFC 7240: a value that may be quoted, then the preference's parameters after a semicolon.
_HANDLING: Final = re.compile(r'\s*handling\s*(?:=\s*"?([^";]*)"?\s*)?(?:;.*)?', re.IGNORECASE)
STRICT: Final = "handling=strict"
# A message repeats only these parts of a header: any other text could be a token.
_MEDIA_TYPE: Final = re.compile(
    r"(?:application|audio|font|image|message|model|multipart|text|video)/[a-z0-9.+-]{1,80}"
)
_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "compress", "br", "zstd"})


def is_http(event: Any) -> bool:
    """Whether the event has the form of an API Gateway event.

    A client chooses values in an event, but not its top-level keys. An event with one of these keys
    is therefore never taken for a replay.
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


class HttpEvent:
    """A request through API Gateway, of payload format 1.0 or 2.0 (section 1.1)."""

    is_replay = False

    def __init__(self, event: Any, invocation: Invocation) -> None:
        self._event: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
        sent = _mapping(event, "requestContext").get("requestId")
        self.request_id = request_id_or(sent, invocation.id)

    def check_route(self) -> None:
        """Raise ApiError unless the event is a request for the one route of this function."""
        method, path = _method_and_path(self._event)
        if not (isinstance(method, str) and isinstance(path, str)):
            raise ApiError(
                Status.IDENTIFY_REQUEST_ERROR,
                "Nothing was saved. The event has no method or no path, and it is no logged "
                "request to replay either.",
                reason=Reason.of_code("no method or no path", Cause.EVENT),
            )
        if method.upper() != METHOD or path.removesuffix("/") != PATH:
            raise ApiError(
                Status.ROUTE_NON_EXISTENT,
                f"Nothing was saved. The one route here is {METHOD} {PATH}.",
            )

    def parse_request(self) -> Request:
        """Return the request. An error in its body is `error`, reported in the order of steps."""
        received_at, event = time.time(), self._event
        media_type, media_type_phrase = _media_type_of(event)
        values, error = {}, None
        if media_type in (PLAIN_MEDIA_TYPE, SENSITIVE_MEDIA_TYPE):
            try:
                values = decoding.decode(event, is_sensitive=media_type == SENSITIVE_MEDIA_TYPE)
            except ApiError as refused:
                error = refused
        known, unknown = _split(values)
        token = _token(known.get("token"))
        return Request(
            id=self.request_id,
            received_at=received_at,
            media_type=media_type,
            media_type_phrase=media_type_phrase,
            params=known,
            unknown=unknown,
            token=token,
            token_hash=hash_token(token) if token else None,
            idempotency_key=", ".join(sorted(set(_header_values(event, "idempotency-key"))))
            or None,
            error=error,
            is_strict=_is_strict(event),
        )


def is_preflight(event: Any) -> bool:
    """Whether a browser asks if it may call the endpoint (specification section 1.2)."""
    method, path = _method_and_path(event)
    return (
        isinstance(method, str)
        and method.upper() == "OPTIONS"
        and isinstance(path, str)
        and path.removesuffix("/") == PATH
        and all(_header_values(event, name) for name in ("origin", "access-control-request-method"))
    )


def preflight_payload() -> dict[str, Any]:
    """Return the response to a preflight request; API Gateway adds its own CORS headers."""
    return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}


def _method_and_path(event: Any) -> tuple[Any, Any]:
    """Return the method and the path of a payload of format 1.0 or 2.0, as they are there."""
    context = _mapping(event, "requestContext")
    http = _mapping(context, "http")
    method = http.get("method") or event.get("httpMethod") or context.get("httpMethod")
    path = event.get("rawPath") or http.get("path") or event.get("path") or context.get("path")
    return method, path


def _media_type_of(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the media type, and the phrase that names the deciding header in a message.

    The media type is empty if there is none, if there are two that differ, or if the body has a
    `Content-Encoding`.
    """
    encodings = {
        value.strip().lower()
        for header in _header_values(event, "content-encoding")
        for value in header.split(",")
    } - {"identity", ""}
    if encodings:
        known = sorted(encodings & _ENCODINGS)
        return "", f"Content-Encoding: {', '.join(known)}" if known else "a Content-Encoding"
    media_types = {
        value.partition(";")[0].strip().lower()
        for header in _header_values(event, "content-type")
        for value in _QUOTED.sub("", header).split(",")
    }
    if not media_types:
        return "", "no Content-Type"
    readable = [each for each in sorted(media_types) if _MEDIA_TYPE.fullmatch(each)]
    received = " and ".join(readable) or "that names no media type"
    return media_types.pop() if len(media_types) == 1 else "", f"Content-Type {received}"


def _is_strict(event: Mapping[str, Any]) -> bool:
    """Whether the first `handling` among the preferences is `strict` (RFC 7240)."""
    for header in _header_values(event, "prefer"):
        for preference in _split_list(header):
            if handling := _HANDLING.fullmatch(preference):
                return (handling[1] or "").strip().lower() == "strict"
    return False


def _split_list(header: str) -> list[str]:
    """Split the value of a header at its commas, except at those in quotes."""
    return re.findall(r'(?:[^,"]|"[^"]*")+', header)


def to_payload(body: dict[str, Any], *, is_repeat: bool, is_strict: bool) -> dict[str, Any]:
    """Return the payload of a response; the formats 1.0 and 2.0 are the same here."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": body["request_id"],
    }
    if is_repeat:
        headers["Idempotency-Replayed"] = "true"
    if is_strict:
        headers["Preference-Applied"] = STRICT
    return {
        "statusCode": body["code"],
        "headers": headers,
        "body": to_json(body).decode(),
        "isBase64Encoded": False,
    }


def _split(values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the known parameters, and the names of the others."""
    known = {name: value for name, value in values.items() if name in _KNOWN}
    return known, tuple(name for name in values if name not in _KNOWN)


def _token(sent: Any) -> str | None:
    if parsers.is_blank(sent):
        return None
    try:
        return parsers.trimmed(sent)
    except ValueError:
        return None


def _header_values(event: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a header, in any case of its name, as text that UTF-8 can encode."""
    values: list[str] = []
    for place in ("multiValueHeaders", "headers"):  # `headers` has only the last of several
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
