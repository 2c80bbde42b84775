"""The first response under Lambda's real Runtime Interface Emulator."""

import json
import time
from typing import Any

import psutil

from bench.targets import Target
from tools.local_stack import rie


def first_response(
    target: Target, environment: dict[str, str], event: dict[str, Any]
) -> dict[str, float]:
    """Start the emulator, invoke once, stop it; return seconds on the clock and of CPU."""
    folders = ":".join(map(str, target.folders))
    settings = {**environment, "PYTHONPATH": folders, "LAMBDA_TASK_ROOT": folders}
    handler = f"{target.module}.lambda_handler"
    with rie.serve(handler, target.folders[0], settings) as (runtime, process):
        started = time.perf_counter()
        response = runtime.invoke(json.dumps(event).encode())
        wall = time.perf_counter() - started
        if response.get("statusCode") != 200:
            raise RuntimeError(f"{target.name} under the emulator: {response}")
        # The runtime is a child of the emulator, whose own CPU does not count.
        children = psutil.Process(process.pid).children(recursive=True)
        return {"wall": wall, "cpu": sum(sum(child.cpu_times()[:2]) for child in children)}
