"""One BatchGetItem, which asks again for the keys that DynamoDB had no capacity for.

It needs no settings: the keeper reads with it too.
"""

import time
from random import SystemRandom
from typing import Any, Final

from botocore.exceptions import ClientError

# Seconds before the second, third, … call, at random between half and all of each: so those who
# were throttled together do not come back together.
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
# AWS's codes if there was no capacity for any of the keys.
_THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
# The system's source needs no seed: environments that start from one snapshot draw differently.
_random: Final = SystemRandom()


def batch_get(
    client: Any, wanted: dict[str, Any], deadline: float
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Read what `RequestItems` names; return the items by table, and what was not read.

    No pause begins that would end after `deadline` (time.monotonic() seconds). What is not read has
    the form of `wanted`. Raises botocore's exceptions, throttling only if the last call met it.
    """
    items: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    left, calls = wanted, 0
    while left:
        throttled = None
        try:
            answer = client.batch_get_item(RequestItems=left)
        except ClientError as failed:
            if failed.response.get("Error", {}).get("Code") not in _THROTTLED:
                raise
            throttled = failed
        else:
            for name, found in answer["Responses"].items():
                items[name] += found
            left = answer.get("UnprocessedKeys") or {}
        if left:
            pause = _PAUSES[min(calls, len(_PAUSES) - 1)] * _random.uniform(0.5, 1)
            if time.monotonic() + pause >= deadline:
                if throttled:
                    raise throttled
                break
            time.sleep(pause)
        calls += 1
    return items, left
