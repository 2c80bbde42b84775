"""A refused request leaves nothing in memory: neither its body nor its token."""

import gc
import logging
import tracemalloc
from typing import Any

import pytest

from appointments.logs import SERVICE
from tests.service.world import World, event

_REQUESTS = 30
_TEXT = "x" * 40_000

_REFUSED: dict[str, Any] = {
    "a parameter that cannot be read": event(date_start_local="13/45/2026", notes=_TEXT),
    "a parameter that is missing": event(updated_at_mt=..., notes=_TEXT),
    "JSON that cannot be read": event(raw='{"notes": "' + _TEXT),
    "a replay of no log entry": {"replay": {"message": "request", "uuid": "x", "notes": _TEXT}},
    "a replayed uuid that cannot be read": {
        "message": "request",
        "request_id": "req-1",
        "received_at": "2026-11-22T10:00:00.000Z",
        "token_hash": None,
        "params": {"notes": _TEXT},
        "uuid": "no-uuid",
    },
}


@pytest.mark.parametrize("sent", _REFUSED.values(), ids=_REFUSED)
def test_a_refused_request_leaves_nothing_in_memory(
    world: World, sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused requests do not add up in memory, however long the texts in them are."""
    monkeypatch.setattr(logging.getLogger(SERVICE), "propagate", False)  # pytest keeps each record

    def held_after_requests() -> int:
        for _ in range(_REQUESTS):
            world.invoke(sent)
            world.payloads.clear()
            world.forget_notifications()
            world.out.seek(0)
            world.out.truncate()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        held_before = held_after_requests()
        grown = held_after_requests() - held_before
    finally:
        tracemalloc.stop()
    assert grown < _REQUESTS * 1000, f"each request leaves {grown // _REQUESTS} bytes in memory"
