"""The function as a handler whose answer is the botocore calls that it made."""

from typing import Any

from appointments import clients, handler

_calls: list[tuple[str, dict[str, Any]]] = []
_OPERATIONS = {"BatchGetItem": "batch_get_item", "PutItem": "put_item"}


def _note(params: dict[str, Any], model: Any, **_: Any) -> None:
    _calls.append((_OPERATIONS[model.name], params))


clients.client("dynamodb").meta.events.register("provide-client-params.dynamodb", _note)


def lambda_handler(event: Any, context: Any) -> list[tuple[str, dict[str, Any]]]:
    """Answer the event; return the calls, for `calls` to make the very same."""
    _calls.clear()
    handler.lambda_handler(event, context)
    return _calls
