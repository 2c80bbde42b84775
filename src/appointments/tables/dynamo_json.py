"""DynamoDB's JSON as it is: parameters are a request's body, and an answer's body its result.

botocore walks its model of the service through every value of both, in search of binary ones and
timestamps. In the two calls of a request there are none, so that walking changes nothing.
"""

from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from botocore.session import Session

_BODY: Final = "appointments.body"


def pass_through(session: "Session") -> None:
    """Have the session's DynamoDB clients send and take the JSON of those calls as it is."""
    hold_back: Any = _hold_back  # botocore's stubs know no handler that returns something
    for operation in ("BatchGetItem", "PutItem"):
        session.register(f"provide-client-params.dynamodb.{operation}", hold_back)
        session.register(f"before-call.dynamodb.{operation}", _write)
    session.register("before-parse.dynamodb.BatchGetItem", _read)


def _hold_back(**call: Any) -> dict[str, Any]:
    """Leave botocore no map to walk; it needs no more than the table's name."""
    call["context"][_BODY] = to_json(call["params"])
    return {
        name: {} if isinstance(value, dict) else value for name, value in call["params"].items()
    }


def _write(**call: Any) -> None:
    call["params"]["body"] = call["context"][_BODY]


def _read(**call: Any) -> None:
    """Leave botocore nothing to parse but a failure, or what is no JSON."""
    response = call["response_dict"]
    if response["status_code"] >= 300:
        return
    try:
        call["customized_response_dict"].update(from_json(response["body"], cache_strings="none"))
    except ValueError:
        return
    response["body"] = b"{}"
