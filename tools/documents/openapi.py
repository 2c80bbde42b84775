"""The OpenAPI description of the one operation, from what the code declares."""

import tomllib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from appointments import parameters
from appointments.api_gateway import METHOD, PATH
from appointments.decoding import MAX_BODY_BYTES
from appointments.email.state import EmailStatus, RecipientRole
from appointments.parameters import Parameters
from appointments.parsers import MAX_DATE, MAX_INTEGER, MIN_DATE
from appointments.request import PLAIN, SENSITIVE
from appointments.statuses import Status
from tools.bootstrap import ROOT

# Each type of the API document: what is accepted, and the schema of its stored form.
TYPES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "string": (
        "Text, stored as sent, with line ends as `\\n`. A number is read as its decimal text.",
        {"type": "string"},
    ),
    "boolean": (
        '`true` or `false`; also 1/0, "yes"/"no", "y"/"n", "t"/"f", "on"/"off", in any case.',
        {"type": "boolean"},
    ),
    "integer": (
        "A whole number from 0 to 2^63-1, or its digits as text. An `…_id` of 0 is *not passed*.",
        {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER},
    ),
    "date": (
        f"`YYYY-MM-DD`, or `M/D/YYYY` with `month_first`, from {MIN_DATE} to {MAX_DATE}.",
        {"type": "string", "format": "date"},
    ),
    "time": (
        "`HH:MM` or `HH:MM:SS`, with or without a fraction, 24-hour or with AM or PM.",
        {"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}(\.\d{6})?$"},
    ),
    "datetime": (
        "A date and a time, joined by `T` or a space. `Z` or `±HH:MM` may follow the ISO form.",
        {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?(Z|[+-]\d{2}:\d{2})?$",
        },
    ),
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
    "Prefer": "With `handling=strict`, an unknown parameter is an error and not a warning.",
}

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "The id of the request, as in the body and in each log line.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "Always `no-store`.",
        "required": True,
        "schema": {"const": "no-store"},
    },
    "Idempotency-Replayed": {
        "description": "`true` if an earlier request had created the appointment.",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {
        "description": "`handling=strict` if the request was read with strict handling.",
        "schema": {"const": "handling=strict"},
    },
}


def meaning(name: str) -> str:
    """Return what a parameter is."""
    return str(Parameters.model_fields[name].description)


def position(name: str) -> Any:
    """Return the position that the API document gives a parameter."""
    extra: Any = Parameters.model_fields[name].json_schema_extra
    return extra["position"]


def is_required(name: str) -> bool:
    """Whether a request must have the parameter."""
    return Parameters.model_fields[name].is_required()


def describe() -> dict[str, Any]:
    """Return the description as a JSON object."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    codes = sorted({status.code for status in Status})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Appointments Create API",
            "version": project["version"],
            "description": "The schemas have the form in which each value is stored. Other forms "
            "are accepted too: the description of each parameter says which.",
        },
        "paths": {
            PATH: {
                METHOD.lower(): {
                    "operationId": "createAppointment",
                    "summary": "Create an appointment, exactly once, and send its email.",
                    "parameters": [
                        {
                            "name": name,
                            "in": "header",
                            "description": text,
                            "schema": {"type": "string"},
                        }
                        for name, text in REQUEST_HEADERS.items()
                    ],
                    "requestBody": {
                        "required": True,
                        "description": f"At most {MAX_BODY_BYTES} bytes. Operators decide which of "
                        f"the two content types the route accepts. {PLAIN} is the usual one.",
                        "content": {
                            PLAIN: {"schema": {"$ref": "#/components/schemas/Parameters"}},
                            SENSITIVE: {
                                "schema": {
                                    "type": "string",
                                    "contentEncoding": "base64",
                                    "contentMediaType": PLAIN,
                                    "contentSchema": {"$ref": "#/components/schemas/Parameters"},
                                }
                            },
                        },
                    },
                    "responses": {str(code): _response(code) for code in codes},
                }
            }
        },
        "components": {"schemas": _SCHEMAS},
    }


def _response(code: int) -> dict[str, Any]:
    statuses = [status for status in Status if status.code == code]
    advice = "\n".join(f"- `{status.value}`: {ADVICE[status]}" for status in statuses)
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Answer"},
            {
                "properties": {
                    "status": {"enum": [status.value for status in statuses]},
                    "code": {"const": code},
                },
                "required": ["data", "replayed"]
                if Status.ACTION_SUCCESSFUL in statuses
                else ["errors"],
            },
        ]
    }
    return {
        "description": f"{HTTPStatus(code).phrase}\n\n{advice}",
        "headers": HEADERS,
        "content": {PLAIN: {"schema": schema}},
    }


def _parameter(name: str) -> dict[str, Any]:
    kind = parameters.kind(name)
    read, normal = TYPES[kind.name]
    schema = dict(normal)
    if kind.values:
        schema["enum"] = list(kind.values)
        read = "One of its possible values."
    if name == "uuid":
        schema["format"] = "uuid"
        read = "32 hex digits, hyphenated or not, bare, in braces or after `urn:uuid:`."
    return schema | {"description": f"{meaning(name)} {read}", "x-position": position(name)}


def _object(required: Iterable[str] = (), **properties: Any) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties} | needed


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_MOMENT_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}

_SCHEMAS: Final[dict[str, Any]] = {
    "Parameters": _object(
        [name for name in parameters.NAMES if is_required(name)],
        **{name: _parameter(name) for name in parameters.NAMES},
    ),
    "Appointment": _object(
        ["uuid", "application", "updated_at_mt"],
        **{
            name: {"$ref": f"#/components/schemas/Parameters/properties/{name}"}
            for name in parameters.STORED
        },
    )
    | {"description": "Every parameter that was passed, in its stored form."},
    "Answer": _object(
        ("status", "code", "message", "request_id", "saved", "retryable", "warnings"),
        status={"enum": [status.value for status in Status]},
        code={"type": "integer"},
        message=_TEXT,
        request_id=_TEXT,
        uuid={
            "type": "string",
            "format": "uuid",
            "description": "The key of the appointment, once it is known. Send it with a retry.",
        },
        saved={
            "type": ["boolean", "null"],
            "description": "Whether the appointment of this request is stored. null: it is not "
            "known, so send the same again with this `uuid`.",
        },
        retryable={"type": "boolean"},
        replayed={
            "type": "boolean",
            "description": "Whether an earlier request had created the appointment.",
        },
        data=_object(
            ("appointment", "email"),
            appointment={"$ref": "#/components/schemas/Appointment"},
            email={"$ref": "#/components/schemas/Email"},
        ),
        session={"$ref": "#/components/schemas/Session"},
        errors=_list("ParamError"),
        warnings=_list("Warning"),
    ),
    "Email": _object(
        ("status", "recipients"),
        status={"enum": [status.value for status in EmailStatus]},
        recipients={
            "type": "array",
            "items": _object(
                ("email", "roles", "status", "id"),
                email=_TEXT,
                roles={"type": "array", "items": {"enum": [role.value for role in RecipientRole]}},
                status=_TEXT | {"description": "Mandrill's own status, or `unknown`."},
                id=_TEXT_OR_NULL,
                reject_reason=_TEXT,
            ),
        },
        reason=_TEXT,
    ),
    "Session": _object(
        ("token", "uuid", "kind", "remember_me", "created_at", "last_used_at", "expires_at"),
        token=_TEXT_OR_NULL,
        uuid=_TEXT,
        kind={"enum": ["session", "application"]},
        remember_me={"type": "boolean"},
        created_at=_MOMENT_OR_NULL,
        last_used_at=_MOMENT_OR_NULL,
        expires_at=_MOMENT_OR_NULL | {"description": "null if the session never expires."},
        user=_object(
            ("id", "name", "email"),
            id={"type": ["integer", "null"]},
            name=_TEXT_OR_NULL,
            email=_TEXT_OR_NULL,
        ),
        roles={
            "type": "object",
            "description": "The role in each application, by its slug.",
            "additionalProperties": {"enum": ["client", "employee", "liaison"]},
        },
    ),
    "ParamError": _object(
        ("param", "status", "message"),
        param=_TEXT,
        status={"enum": [Status.MISSING_PARAM.value, Status.INVALID_PARAM.value]},
        message=_TEXT,
        received={"type": "string", "maxLength": 100},
    ),
    "Warning": _object(("param", "message"), param=_TEXT, message=_TEXT),
}
