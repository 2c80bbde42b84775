"""The schemas of the OpenAPI document: the body of a request (specification section 3).

Two schemas tell apart what depends on `month_first`. The properties are written out in each: client
generators drop or rename a property that refers into another schema.
"""

from collections.abc import Mapping
from typing import Any, Final

from appointments import parameters
from appointments.parameters import NAMES, Parameters
from appointments.parsers import MAX_INTEGER
from tools.documents import patterns

Schema = dict[str, Any]

_COUNT: Final = {"minimum": 0, "maximum": MAX_INTEGER}
_WRITTEN: Final = {"maxLength": patterns.MAX_LENGTH}
# What a request may have for each type of the API document; null and "" are *not passed*.
SENT: Final[dict[str, Schema]] = {
    "string": {"type": ["string", "number", "null"], "pattern": patterns.TEXT},
    "boolean": {
        "type": ["boolean", "integer", "string", "null"],
        "minimum": 0,
        "maximum": 1,
        "pattern": patterns.BOOLEAN,
        **_WRITTEN,
    },
    "integer": {
        "type": ["integer", "string", "null"],
        **_COUNT,
        "pattern": patterns.INTEGER,
        **_WRITTEN,
    },
    "date": {"type": ["string", "null"], "pattern": patterns.DATE, **_WRITTEN},
    "time": {"type": ["string", "null"], "pattern": patterns.TIME, **_WRITTEN},
    "datetime": {"type": ["string", "null"], "pattern": patterns.DATETIME, **_WRITTEN},
}
_MONTH_FIRST: Final = {
    "date": patterns.MONTH_FIRST_DATE,
    "datetime": patterns.MONTH_FIRST_DATETIME,
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


def parameters_schema(accepted: Mapping[str, str], *, month_first: bool) -> Schema:
    """Return the schema of a request's body; `accepted` says for each type what is accepted."""
    required = [name for name in NAMES if is_required(name)]
    dates = "YYYY-MM-DD, as web applications send them"
    if month_first:
        required.append("month_first")
        dates = "M/D/YYYY, as FileMaker sends them, so month_first is true"
    return {
        "description": f"The parameters of an appointment, with dates as {dates}. An unknown "
        "parameter is ignored with a warning.",
        "type": "object",
        "properties": {name: _sent(name, accepted, month_first=month_first) for name in NAMES},
        "required": required,
    }


def _sent(name: str, accepted: Mapping[str, str], *, month_first: bool) -> Schema:
    kind = parameters.kind(name)
    schema, read = dict(SENT[kind.name]), accepted[kind.name]
    if kind.values:
        schema = {"enum": [*kind.values, "", None]}
        read = "One of its possible values."
    elif name == "uuid":
        schema = {
            "type": ["string", "null"],
            "pattern": patterns.UUID,
            "not": {"type": "string", "pattern": patterns.NIL_OR_MAX_UUID},
            **_WRITTEN,
        }
        read = "32 hex digits, hyphenated or not, bare, in braces or after `urn:uuid:`."
    elif name == "token":
        schema = {"type": "string", "pattern": patterns.FILLED_TEXT}
    elif is_required(name):
        schema |= {"type": ["string", "number"], "pattern": patterns.FILLED_TEXT}
    elif month_first and name == "month_first":
        schema = {
            "type": ["boolean", "integer", "string"],
            "minimum": 1,
            "maximum": 1,
            "pattern": patterns.TRUE,
            "not": {"enum": [False]},
            **_WRITTEN,
        }
        read = "Here true, in any form."
    elif month_first and kind.name in _MONTH_FIRST:
        schema["pattern"] = _MONTH_FIRST[kind.name]
    return schema | {"description": f"{meaning(name)} {read}", "x-position": position(name)}
