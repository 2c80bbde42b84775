"""The function with its steps timed: a handler whose answer tells the CPU of each step."""

import time
from collections.abc import Callable
from typing import Any

from appointments import api_gateway, handler, responses, validation
from appointments.tables import appointments, base

_spent: dict[str, float] = {}


def _timed(step: str, do: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        try:
            return do(*args, **kwargs)
        finally:
            _spent[step] = _spent.get(step, 0.0) + time.thread_time() - began

    return timed


for step, module, names in (
    ("decode the event", api_gateway, ("route", "read")),
    ("log and metrics", handler, ("record", "count", "flush")),
    ("read the parameters", validation, ("read",)),
    ("read the tables", base, ("read_batch",)),
    ("write", appointments, ("write",)),
    ("shape the answer", responses, ("body",)),
    ("shape the answer", api_gateway, ("payload",)),
):
    for name in names:
        setattr(module, name, _timed(step, getattr(module, name)))


def lambda_handler(event: Any, context: Any) -> dict[str, float]:
    """Answer the event, and return what each step has taken since the last time asked."""
    began = time.thread_time()
    handler.lambda_handler(event, context)
    _spent["all"] = _spent.get("all", 0.0) + time.thread_time() - began
    return _spent
