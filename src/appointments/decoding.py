"""The body of a request: from API Gateway's text to a JSON object (section 1.4, steps 4 and 5)."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from appointments.errors import ApiError, ParamError
from appointments.statuses import Status

# A request log entry must fit one log line; Lambda may split a line above 64 KiB.
MAX_BODY_BYTES: Final = 48 * 1024
# RFC 4648 section 4. The strict mode of some Python versions accepts surplus padding.
_BASE64: Final = re.compile(
    rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII
)
# The advice for the most common mistake in FileMaker: a line break inside a JSON string.
_ESCAPES: Final = (
    r". Write a line break inside a text as \n and a tab as \t; "
    "FileMaker's JSONSetElement does that"
)
_JSON_TYPES: Final = {
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "an object without parameters",
    type(None): "null",
}


def decode(event: Mapping[str, Any], *, is_sensitive: bool) -> dict[str, Any]:
    """Return the JSON object of an API Gateway event's body.

    Raises ApiError with invalid-encoded-params, no-params-decoded, or invalid-param on `body`.
    """
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
    if len(raw) > MAX_BODY_BYTES:
        raise ApiError.from_errors(
            [
                ParamError(
                    "body",
                    Status.INVALID_PARAM,
                    f"The body has {len(raw)} bytes; send at most {MAX_BODY_BYTES}.",
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
            # pydantic's cache of strings would keep the token beyond the request.
            values = from_json(text, allow_inf_nan=False, cache_strings="none")
        except ValueError as invalid:
            remedy = _ESCAPES if "control character" in str(invalid) else ""
            raise _undecodable(f"it is not JSON: {invalid}{remedy}") from None
    if not isinstance(values, dict) or not values:
        what = _JSON_TYPES[type(values)] if text.strip() else "empty"
        raise ApiError(
            Status.NO_PARAMS_DECODED,
            f"Nothing was saved. The body is {what}. Send a JSON object with the parameters"
            f"{', itself and not as a text in quotes' if isinstance(values, str) else ''}.",
        )
    return values


def _base64(text: bytes) -> bytes:
    if not _BASE64.fullmatch(text):
        raise _undecodable("it is not base64 with the usual alphabet (A-Z a-z 0-9 + /) and padding")
    return base64.b64decode(text)


def _undecodable(reason: str) -> ApiError:
    return ApiError(
        Status.INVALID_ENCODED_PARAMS,
        f"Nothing was saved. The body could not be decoded: {reason}.",
    )
