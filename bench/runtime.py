"""The first answer under Lambda's real Runtime Interface Emulator."""

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import urllib3

from bench.contenders import Contender
from tools.local_stack import processes, rie

SECONDS: Final = 30


@dataclass(frozen=True)
class First:
    """One cold start there: seconds on the clock, and of CPU in the function's process."""

    wall: float
    cpu: float


def first_answer(contender: Contender, environment: dict[str, str], event: dict[str, Any]) -> First:
    """Start the emulator, invoke once, stop it."""
    port = processes.free_ports(2)
    folders = ":".join(map(str, contender.folders))
    command: list[str | Path] = [
        *(rie.emulator(), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{port + 1}"),
        *(rie.PYTHON, "-m", "awslambdaric", f"{contender.module}.lambda_handler"),
    ]
    process = psutil.Popen(
        command,
        env={**environment, "PYTHONPATH": folders, "LAMBDA_TASK_ROOT": folders},
        cwd=contender.folders[0],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not processes.is_taken(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError("The Runtime Interface Emulator did not start")
            time.sleep(processes.LOOK_AGAIN_SECONDS)
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        started = time.perf_counter()
        answer = urllib3.request("POST", url, json=event, timeout=SECONDS, retries=False).json()
        wall = time.perf_counter() - started
        if answer.get("statusCode") != 200:
            raise RuntimeError(f"{contender.name} under the emulator: {answer}")
        cpu = sum(sum(child.cpu_times()[:2]) for child in process.children(recursive=True))
        return First(wall, cpu)
    finally:
        children = process.children(recursive=True) if process.is_running() else []
        for one in (*children, process):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs([*children, process], timeout=SECONDS)
