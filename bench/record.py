"""The function as a handler that tells the botocore calls it made, and its log's size."""

import sys
from typing import Any


class _Counting:
    """A standard output that only counts."""

    written = 0

    def write(self, text: str) -> None:
        self.written += len(text.encode())

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


_log = sys.stdout = _Counting()

from appointments import clients, handler  # noqa: E402 - its logger keeps the output that it finds

_calls: list[tuple[str, dict[str, Any]]] = []
_OPERATIONS = {"BatchGetItem": "batch_get_item", "PutItem": "put_item"}


def _note(params: dict[str, Any], model: Any, **_: Any) -> None:
    _calls.append((_OPERATIONS[model.name], params))


clients.client("dynamodb").meta.events.register("provide-client-params.dynamodb", _note)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer the event; return its calls, for `calls` to make the same, and its log's bytes."""
    _calls.clear()
    before = _log.written
    handler.lambda_handler(event, context)
    return {"calls": _calls, "log": _log.written - before}
