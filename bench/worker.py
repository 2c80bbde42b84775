"""The measured process: imports one handler, invokes it as standard input says, reports its CPU.

Run on a bare interpreter (`python -S -I worker.py MODULE FOLDER…`), so that it imports nothing but
what the handler needs. Each line of its input is `{"event": …, "times": n}`; the figures are a line
of its output. What the handler prints is discarded, for all targets.
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False  # `typing` would be one more import
if TYPE_CHECKING:
    from typing import Any


# In a body it stands for a uuid that differs with each request.
KEY = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"


class Context:
    """What the handlers read of Lambda's context object."""

    function_name = "bench"
    function_version = "1"
    memory_limit_in_mb = "1024"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return the function's timeout in the template."""
        return 29_000


def main(module: str, folders: list[str]) -> None:
    """Serve until the input ends."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path[:0] = folders
    bare = time.process_time()
    handler = __import__(module, fromlist=["lambda_handler"]).lambda_handler
    ready = time.process_time()
    write(output, {"interpreter": bare, "init": ready - bare})
    served = 0
    for line in sys.stdin:
        order = json.loads(line)
        cpu = wall = 0.0
        response = None
        for _ in range(order["times"]):
            served += 1
            event = order["event"]
            if "requestContext" in event:
                event = fresh(event, f"{os.getpid():08x}-0000-4000-8000-{served:012x}")
            started, began = time.perf_counter(), time.process_time()
            response = handler(event, Context)
            cpu += time.process_time() - began
            wall += time.perf_counter() - started
        write(
            output,
            {
                "cpu": cpu / order["times"],
                "wall": wall / order["times"],
                "since_start": time.process_time(),
                "rss": resident(),
                "response": response,
            },
        )


def fresh(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the event under another request id and uuid, so that it creates a new appointment."""
    context = {**event["requestContext"], "requestId": key}
    return {**event, "requestContext": context, "body": event["body"].replace(KEY, key)}


def write(output: Any, figures: dict[str, Any]) -> None:
    """Write one line."""
    output.write(json.dumps(figures) + "\n")
    output.flush()


def resident() -> int:
    """Return the process's resident memory in bytes (Linux)."""
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - pathlib would be one more import
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
