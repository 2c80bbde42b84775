"""The replay of a CloudWatch Logs subscription's batch, as far as one invocation reaches.

CloudWatch sends no batch a second time. An invocation that runs out of time, or whose response is
too large, would lose the rest. So it stops before, and says which entries it did not reach.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from appointments.email.mandrill_client import CALL_SECONDS
from appointments.invocation import Invocation
from appointments.observability import logger
from appointments.replay import LoggedRequest

# Lambda's limit is 6 MB, and one response has less than 1 MB.
_MAX_RESULT_BYTES: Final = 5_000_000
# So many ids of 128 characters still fit one log line (64 KiB).
_MAX_IDS: Final = 400
_MAX_TEXT: Final = 128


def replay_entries(
    entries: Sequence[Any],
    invocation: Invocation,
    handle: Callable[[LoggedRequest, Invocation], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Replay request log entries in their order; return the payload of each.

    It begins none without time for a whole call to Mandrill, nor with a result near Lambda's limit.
    Then the last element is `{"not_reached": …}`, which is logged too: the `count` of the entries
    that were not reached, `since` and `until`, when the first and the last were received, and their
    `request_ids`, at most 400. `replay --request-id` finds each of them in the log.
    """
    result: list[dict[str, Any]] = []
    size = 0
    for number, entry in enumerate(entries):
        if invocation.seconds_for_work() < CALL_SECONDS or size > _MAX_RESULT_BYTES:
            not_reached = _describe(entries[number:])
            logger.error("subscription not finished", reached=number, **not_reached)
            return [*result, {"not_reached": not_reached}]
        payload = handle(LoggedRequest(entry, invocation), invocation)
        result.append(payload)
        size += len(json.dumps(payload))
    return result


def _describe(entries: Sequence[Any]) -> dict[str, Any]:
    """Return how many entries these are, and what finds them in the log."""
    times = sorted(_texts(entries, "received_at"))
    return {
        "count": len(entries),
        "since": times[0] if times else None,
        "until": times[-1] if times else None,
        "request_ids": list(_texts(entries, "request_id"))[:_MAX_IDS],
    }


def _texts(entries: Iterable[Any], name: str) -> Iterable[str]:
    found = (entry.get(name) for entry in entries if isinstance(entry, Mapping))
    return (text for text in found if isinstance(text, str) and len(text) <= _MAX_TEXT)
