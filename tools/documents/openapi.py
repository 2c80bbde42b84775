"""The OpenAPI document of the one operation, from what the code declares and what was recorded."""

import json
import tomllib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from appointments.api_gateway import METHOD, STRICT
from appointments.decoding import MAX_BODY_BYTES
from appointments.names import PATH
from appointments.parsers import MAX_DATE, MIN_DATE
from appointments.request import PLAIN_MEDIA_TYPE, SENSITIVE_MEDIA_TYPE
from appointments.statuses import Status
from tools.bootstrap import ROOT
from tools.documents import patterns
from tools.documents.request_schemas import request_schemas
from tools.documents.response_schemas import code_name, response_schemas, statuses_of
from tools.environment import DEFAULT_PORT

EXAMPLES: Final = ROOT / "docs" / "examples.json"

# Each type of the API document: what is accepted.
TYPES: Final = {
    "string": "Text, stored as sent, with line ends as `\\n`. A number is read as its decimal "
    "text.",
    "boolean": '`true` or `false`; also 1/0, "yes"/"no", "y"/"n", "t"/"f", "on"/"off", in any '
    "case.",
    "integer": "A whole number from 0 to 2^63-1, or its digits as text. An `…_id` of 0 is *not "
    "passed*.",
    "date": f"`YYYY-MM-DD`, or `M/D/YYYY` with `month_first`, from {MIN_DATE} to {MAX_DATE}.",
    "time": "`HH:MM` or `HH:MM:SS`, with or without a fraction, 24-hour or with AM or PM.",
    "datetime": "A date and a time, joined by `T` or a space. `Z` or `±HH:MM` may follow the ISO "
    "form.",
}

# What the caller does about each status.
ADVICE: Final = {
    Status.ACTION_SUCCESSFUL: "Keep `uuid`; read `warnings`.",
    Status.INVALID_TOKEN: "Sign in again, and send the new token.",
    Status.SESSION_EXPIRED: "Sign in again, and send the new token.",
    Status.CLIENT_REQUIRED: "Register the user as a client with the token in `session` "
    "(`/api/v1/users/client_register`), then send the same again.",
    Status.MISSING_PARAM: "Send what `errors` names. It lists all errors at once.",
    Status.INVALID_PARAM: "Correct what `errors` names. It lists all errors at once.",
    Status.APPLICATION_CRASH: "Send the same again, with the `uuid` of the response.",
    Status.MANDRILL_EMAIL_FAILED: "Nothing: the appointment is saved, and its email is retried "
    "automatically.",
    Status.INVALID_CONTENT_TYPE: "Send the `Content-Type` that `message` names.",
    Status.ROUTE_NON_EXISTENT: f"Call `{METHOD} {PATH}`.",
    Status.NO_PARAMS_DECODED: "Send a JSON object with the parameters as the body.",
    Status.INVALID_ENCODED_PARAMS: "Correct the body at the place that `message` names.",
    Status.ROUTE_NOT_FOUND: "Send the same again later: the route is closed at the moment.",
    Status.IDENTIFY_REQUEST_ERROR: "Send the same again, with its `uuid` if it has one.",
    Status.SERVICE_NOT_FOUND: "Send the same again later: the service is closed at the moment.",
}

REQUEST_HEADERS: Final = {
    "Idempotency-Key": "Makes a retry safe for a caller who sends no `uuid`: the same key from the "
    "same user leads to the same appointment. At most 255 printable characters, quoted or bare.",
    "Prefer": f"With `{STRICT}`, an unknown parameter is an error and not a warning.",
}

_TEXT: Final = {"type": "string"}
_SENT_HEADERS: Final = {
    "Idempotency-Key": {**_TEXT, "pattern": patterns.IDEMPOTENCY_KEY},
    "Prefer": _TEXT,
}
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "The id of the request, as in the body and in each log line.",
        "required": True,
        "schema": _TEXT,
    },
    "Cache-Control": {
        "description": "Always `no-store`.",
        "required": True,
        "schema": {**_TEXT, "enum": ["no-store"]},
    },
    "Idempotency-Replayed": {
        "description": "`true` if an earlier request had created the appointment.",
        "schema": {**_TEXT, "enum": ["true"]},
    },
    "Preference-Applied": {
        "description": f"`{STRICT}` if the request was read with strict handling.",
        "schema": {**_TEXT, "enum": [STRICT]},
    },
}

_DESCRIPTION: Final = """\
Creates an appointment, exactly once, and sends its email.

- The token is a parameter in the body, not a header.
- Read `status` of the response's body: several statuses share one HTTP status. A response without
  `status` comes from API Gateway, not from this API: too many requests (429), a body that is too
  large (413), or a function that did not respond (500, 503).
- Send the same `uuid` with each retry: it never creates a second appointment.
- Dates are YYYY-MM-DD. With `month_first` they are M/D/YYYY, as FileMaker writes them.
- The two schemas of a request are the two usual forms. Other forms are read too, if they are
  unmistakable: the description of each parameter says which.
"""
_SERVERS: Final[list[dict[str, Any]]] = [
    {
        "url": "https://{host}",
        "description": "A stage on AWS.",
        "variables": {
            "host": {
                "default": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
                "description": "The host of the stage, from the output `ApiUrl` of its stack.",
            }
        },
    },
    {
        "url": "http://127.0.0.1:{port}/_aws/execute-api/{api}",
        "description": "The local stack. `make up` prints this URL.",
        "variables": {
            "port": {"default": str(DEFAULT_PORT), "description": "The port of the local stack."},
            "api": {"default": "a1b2c3d4", "description": "The id of its API."},
        },
    },
]


def examples() -> dict[str, Any]:
    """Return the recorded requests with their responses, by name. Each status has one."""
    recorded: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return recorded


def describe() -> dict[str, Any]:
    """Return the document as a JSON object."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recorded = examples()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Appointments Create API",
            "version": project["version"],
            "summary": "Create an appointment.",
            "description": _DESCRIPTION,
            "contact": {"name": "PlanOmatic, the operators of the API"},
            "license": {"name": "Proprietary", "identifier": project["license"]},
        },
        "servers": _SERVERS,
        "security": [],
        "tags": [{"name": "appointments", "description": "Appointments of photographers."}],
        "paths": {PATH: {METHOD.lower(): _operation(recorded)}},
        "components": {
            "schemas": {
                **request_schemas(TYPES),
                **response_schemas(),
            },
            "headers": HEADERS,
        },
    }


def _operation(recorded: Mapping[str, Any]) -> dict[str, Any]:
    codes = sorted({status.code for status in Status})
    return {
        "operationId": "createAppointment",
        "tags": ["appointments"],
        "summary": "Create an appointment",
        "description": "Creates an appointment, exactly once, and sends its email.",
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": _SENT_HEADERS[name]}
            for name, text in REQUEST_HEADERS.items()
        ],
        "requestBody": _request_body(recorded),
        "responses": {str(code): _response(code, recorded) for code in codes},
    }


def _request_body(recorded: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {"anyOf": [_ref("Parameters"), _ref("FileMakerParameters")]}
    sent = {
        name: {"summary": each["summary"], "value": each["request"]["body"]}
        for name, each in recorded.items()
        if name in ("action-successful", "filemaker", "sensitive")
    }
    sensitive = {"sensitive": sent.pop("sensitive")}
    return {
        "required": True,
        "description": f"At most {MAX_BODY_BYTES} bytes. Operators set which one of the two "
        f"content types the route accepts: {PLAIN_MEDIA_TYPE}, or {SENSITIVE_MEDIA_TYPE} for "
        "parameters that must not be logged. "
        "The other one is `invalid-content-type`, and `message` says which one to send.",
        "content": {
            PLAIN_MEDIA_TYPE: {"schema": parameters, "examples": sent},
            SENSITIVE_MEDIA_TYPE: {
                "schema": {
                    "type": "string",
                    "description": "The base64 (RFC 4648 section 4) of the JSON object.",
                    "contentEncoding": "base64",
                    "contentMediaType": PLAIN_MEDIA_TYPE,
                    "contentSchema": parameters,
                },
                "examples": sensitive,
            },
        },
    }


def _response(code: int, recorded: Mapping[str, Any]) -> dict[str, Any]:
    advice = "\n".join(f"- `{status.value}`: {ADVICE[status]}" for status in statuses_of(code))
    return {
        "description": f"{HTTPStatus(code).phrase}\n\n{advice}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS},
        "content": {
            PLAIN_MEDIA_TYPE: {
                "schema": _ref(code_name(code)),
                "examples": {
                    name: {"summary": each["summary"], "value": each["response"]["body"]}
                    for name, each in recorded.items()
                    if each["response"]["code"] == code
                },
            }
        },
    }


def _ref(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}
