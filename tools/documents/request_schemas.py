"""The schemas of the OpenAPI document: the body of a request (specification section 3).

Two schemas tell apart what depends on `month_first`. The first one has plain types, so that clients
made from it have them too. The properties are written out in each: client generators drop or rename
a property that refers into another schema.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from appointments import parameters
from appointments.parameters import NAMES, Parameters
from appointments.parsers import MAX_INTEGER
from tools.documents import patterns

Schema = dict[str, Any]

_NULL: Final[Schema] = {"type": "null"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}
# What a request may have for each type of the API document, as web applications send it: JSON's own
# types. null, and for a text "" too, means *not passed*.
_WEB: Final[dict[str, Schema]] = {
    "string": {"type": ["string", "null"], "pattern": patterns.TEXT},
    "boolean": {"type": ["boolean", "null"]},
    "integer": {**_COUNT, "type": ["integer", "null"]},
    "date": {"type": ["string", "null"], "pattern": patterns.DATE},
    "time": {"type": ["string", "null"], "pattern": patterns.TIME},
    "datetime": {"type": ["string", "null"], "pattern": patterns.DATETIME},
}
# As FileMaker sends it: all that is accepted, with the month first in dates.
_FILEMAKER: Final[dict[str, Schema]] = {
    **_WEB,
    "boolean": {
        "anyOf": [
            {"type": "boolean"},
            {"type": "integer", "minimum": 0, "maximum": 1},
            {"type": "string", "pattern": patterns.BOOLEAN},
            _NULL,
        ]
    },
    "integer": {"anyOf": [_COUNT, {"type": "string", "pattern": patterns.INTEGER}, _NULL]},
    "date": {"type": ["string", "null"], "pattern": patterns.MONTH_FIRST_DATE},
    "datetime": {"type": ["string", "null"], "pattern": patterns.MONTH_FIRST_DATETIME},
}
# What people read in place of a pattern.
_EXAMPLES: Final = {
    patterns.DATE: ["2027-01-05"],
    patterns.MONTH_FIRST_DATE: ["1/5/2027"],
    patterns.TIME: ["19:30", "7:30 PM"],
    patterns.DATETIME: ["2027-01-05T19:30:00-07:00"],
    patterns.MONTH_FIRST_DATETIME: ["1/5/2027 7:30:00 PM"],
    patterns.UUID: ["7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"],
}
_TRUE: Final[Schema] = {
    "anyOf": [
        {"type": "boolean", "enum": [True]},
        {"type": "integer", "enum": [1]},
        {"type": "string", "pattern": patterns.TRUE},
    ]
}
_UUID: Final[Schema] = {
    "type": ["string", "null"],
    "pattern": patterns.UUID,
    "not": {"type": "string", "pattern": patterns.NIL_OR_MAX_UUID},
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


def request_schemas(accepted: Mapping[str, str]) -> dict[str, Schema]:
    """Return the schemas of a request's body; `accepted` says for each type what is accepted."""
    required = [name for name in NAMES if is_required(name)]
    return {
        "Parameters": {
            "description": "The parameters of an appointment as web applications send them: JSON's "
            "own types, and dates as YYYY-MM-DD. An unknown parameter is ignored with a warning.",
            **_parameters(_WEB, accepted, required),
        },
        "FileMakerParameters": {
            "description": "The parameters of an appointment as FileMaker sends them: all as text, "
            "and dates as M/D/YYYY, so that `month_first` is true.",
            **_parameters(_FILEMAKER, accepted, [*required, "month_first"]),
        },
    }


def _parameters(
    forms: Mapping[str, Schema], accepted: Mapping[str, str], required: Sequence[str]
) -> Schema:
    properties = {name: _parameter(name, forms, accepted) for name in NAMES}
    if "month_first" in required:
        properties["month_first"] = {**_TRUE, **_about("month_first", "Here true, in any form.")}
    return {"type": "object", "properties": properties, "required": list(required)}


def _parameter(name: str, forms: Mapping[str, Schema], accepted: Mapping[str, str]) -> Schema:
    declared = parameters.type_of(name)
    if declared.values:
        return {"enum": [*declared.values, None], **_about(name, "One of its possible values.")}
    schema, read = forms[declared.name], accepted[declared.name]
    if name == "uuid":
        schema = _UUID
        read = "32 hex digits, hyphenated or not, bare, in braces or after `urn:uuid:`."
    elif is_required(name):
        schema = {"type": "string", "pattern": patterns.FILLED_TEXT}
    shown = _EXAMPLES.get(schema.get("pattern", ""))
    return {**schema, **({"examples": shown} if shown else {}), **_about(name, read)}


def _about(name: str, read: str) -> Schema:
    return {"description": f"{meaning(name)} {read}", "x-position": position(name)}
