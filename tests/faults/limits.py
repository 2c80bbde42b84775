"""The function's limits, small enough that a few appointments reach each of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from appointments.email import (
    batch,
    batch_search,
    circuit,
    drain,
    mandrill,
    outbox,
    overdue,
    retries,
    settle,
    workers,
)
from appointments.tables import appointments, keys

# DynamoDB's own limit of a BatchGetItem's keys, in place of 100. A request reads as many.
MAX_KEYS: Final = 5
# The request's try, and the schedule's last, in place of five.
TRIES: Final = 2
# So many failures open the circuit breaker, in place of five.
FAILURES: Final = 2

_LIMITS: Final[list[tuple[Any, str, Any]]] = [
    # One of eight equal queries is enough here; the tests of the email have all eight.
    *((module, "SHARDS", ("0",)) for module in (overdue, keys)),
    *((module, "MAX_TRIES", TRIES) for module in (appointments, retries, outbox)),
    (circuit, "FAILURES", FAILURES),
    *((module, "MAX_KEYS", MAX_KEYS) for module in (batch, overdue)),
    *(
        (module, "BATCH_SIZE", MAX_KEYS - 1)
        for module in (batch, drain, batch_search, settle, workers)
    ),
    # Four overdue emails need a worker, and each worker sends two.
    (workers, "RUN_EMAILS", 1),
    (workers, "WORKER_EMAILS", 2),
    # A search lists two recipients of two appointments, and not all of a third.
    (mandrill, "SEARCH_LIMIT", 5),
]


@contextmanager
def small_limits() -> Iterator[None]:
    """Give the function these limits."""
    with ExitStack() as stack:
        for module, name, limit in _LIMITS:
            stack.enter_context(patch.object(module, name, limit))
        yield
