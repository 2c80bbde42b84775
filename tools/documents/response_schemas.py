"""The schemas of the OpenAPI document: the bodies of the responses (specification section 2).

Each status has its own schema, with its keys written out: so `status` tells a client which one it
has, and client generators drop none.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from appointments import parameters
from appointments.email.state import EmailStatus, RecipientRole
from appointments.parsers import MAX_INTEGER
from appointments.statuses import Status
from appointments.tables.keys import Role
from tools.documents import patterns
from tools.documents.request_schemas import Schema, meaning

_WITH_DATA: Final = (Status.ACTION_SUCCESSFUL, Status.MANDRILL_EMAIL_FAILED)
# Statuses in whose responses it can be unknown whether the appointment was saved.
_MAYBE_SAVED: Final = (Status.APPLICATION_CRASH,)
# What a response has for each type: the stored form.
STORED: Final[dict[str, Schema]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_INTEGER},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "pattern": patterns.STORED_TIME},
    "datetime": {"type": "string", "pattern": patterns.STORED_DATETIME},
}
_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_MOMENT_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}


def schema_name(status: Status) -> str:
    """Return the name of the schema of a status's responses: `missing-param` is `MissingParam`."""
    return str(status.value).title().replace("-", "")


def statuses_of(code: int) -> list[Status]:
    """Return the statuses of an HTTP code."""
    return [status for status in Status if status.code == code]


def code_name(code: int) -> str:
    """Return the name of the schema of an HTTP code's responses, such as `BadRequest`."""
    statuses = statuses_of(code)
    if len(statuses) == 1:
        return schema_name(statuses[0])
    return HTTPStatus(code).phrase.title().replace(" ", "")


def response_schemas() -> dict[str, Schema]:
    """Return the schemas of each HTTP code, of each status and of their parts, by their names."""
    codes = {status.code for status in Status if len(statuses_of(status.code)) > 1}
    return {
        **{code_name(code): _one_of(statuses_of(code)) for code in sorted(codes)},
        **{schema_name(status): _response(status) for status in Status},
        **_PARTS,
    }


def _one_of(statuses: Iterable[Status]) -> Schema:
    by_status = {status.value: _ref(schema_name(status)) for status in statuses}
    return {
        "oneOf": list(by_status.values()),
        "discriminator": {
            "propertyName": "status",
            "mapping": {name: each["$ref"] for name, each in by_status.items()},
        },
    }


def _stored(name: str) -> Schema:
    declared = parameters.type_of(name)
    schema = dict(STORED[declared.name])
    if declared.values:
        schema["enum"] = list(declared.values)
    elif name == "uuid":
        schema = dict(_UUID)
    return schema | {"description": meaning(name)}


def _response(status: Status) -> Schema:
    """Return the schema of a status's responses, with the keys of section 2.3."""
    has_data = status in _WITH_DATA
    properties: dict[str, Schema] = {
        "status": {"type": "string", "enum": [status.value]},
        "code": {"type": "integer", "enum": [status.code], "description": "The HTTP status."},
        "message": _TEXT | {"description": "What happened, what is saved, what to do next."},
        "request_id": _TEXT | {"description": "The id of the request. Operators find it by this."},
        "uuid": _UUID
        | {"description": "The key of the appointment, once it is known. Send it with a retry."},
        "saved": {
            "type": "boolean",
            "description": "Whether the appointment of this request is stored.",
        },
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may be sent again as it is.",
        },
        "replayed": {
            "type": "boolean",
            "description": "Whether an earlier request had created the appointment.",
        },
        "data": _ref("Data"),
        "session": _ref("Session"),
        "errors": _list("ParamError")
        | {"description": "What to correct. Empty if no parameter is at fault."},
        "warnings": _list("ParamWarning")
        | {"description": "Remarks that did not stop the request."},
    }
    required = ["status", "code", "message", "request_id", "saved", "retryable", "warnings"]
    if has_data:
        required += ["uuid", "replayed", "data"]
    else:
        del properties["data"]
    if status is Status.ACTION_SUCCESSFUL:
        del properties["errors"]
    else:
        required.append("errors")
    if status is Status.CLIENT_REQUIRED:
        required.append("session")
    if status in _MAYBE_SAVED:
        properties["saved"] = {
            "type": ["boolean", "null"],
            "description": "Whether the appointment of this request is stored. null: it is not "
            "known, so send the same again with this `uuid`.",
        }
    return _object([name for name in properties if name in required], **properties)


def _object(required: Iterable[str] = (), **properties: Any) -> Schema:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties} | needed


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _list(schema: str) -> Schema:
    return {"type": "array", "items": _ref(schema)}


_PARTS: Final[dict[str, Schema]] = {
    "Data": _object(("appointment", "email"), appointment=_ref("Appointment"), email=_ref("Email")),
    "Appointment": _object(
        ["application", "updated_at_mt", "uuid"],
        **{name: _stored(name) for name in parameters.STORED},
    )
    | {"description": "Every parameter that was passed, in its stored form."},
    "Email": _object(
        ("status", "recipients"),
        status={"type": "string", "enum": [status.value for status in EmailStatus]},
        recipients=_list("Recipient"),
        reason=_TEXT | {"description": "Why it did not reach every recipient."},
    ),
    "Recipient": _object(
        ("email", "roles", "status", "id"),
        email=_TEXT,
        roles={
            "type": "array",
            "items": {"type": "string", "enum": [role.value for role in RecipientRole]},
        },
        status=_TEXT | {"description": "Mandrill's own status, or `unknown` or `bounced`."},
        id=_TEXT_OR_NULL | {"description": "Mandrill's id of the message, if it has one."},
        reject_reason=_TEXT,
    ),
    "Session": _object(
        ("token", "uuid", "kind", "remember_me", "created_at", "last_used_at", "expires_at"),
        token=_TEXT_OR_NULL | {"description": "The caller's own token. Never show it."},
        uuid=_TEXT,
        kind={"type": "string", "enum": ["session", "application"]},
        remember_me={"type": "boolean"},
        created_at=_MOMENT_OR_NULL,
        last_used_at=_MOMENT_OR_NULL,
        expires_at=_MOMENT_OR_NULL | {"description": "null if the session never expires."},
        user=_object(
            ("id", "name", "email"),
            id={"type": ["integer", "null"]},
            name=_TEXT_OR_NULL,
            email=_TEXT_OR_NULL,
        )
        | {"description": "Only in the view `full`."},
        roles={
            "type": "object",
            "description": "The role in each application, by its slug. Only in the view `full`.",
            "additionalProperties": {"type": "string", "enum": [role.value for role in Role]},
        },
    ),
    "ParamError": _object(
        ("param", "status", "message"),
        param=_TEXT,
        status={
            "type": "string",
            "enum": [Status.MISSING_PARAM.value, Status.INVALID_PARAM.value],
        },
        message=_TEXT,
        received={
            "type": "string",
            "maxLength": 100,
            "description": "What was received, at most 100 characters of it.",
        },
    ),
    "ParamWarning": _object(("param", "message"), param=_TEXT, message=_TEXT),
}
