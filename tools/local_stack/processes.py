"""Start the stack's processes, find them again, and stop these and no others."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from tools.bootstrap import ROOT
from tools.errors import ToolError

STOP_SECONDS = 20
LOOK_AGAIN_SECONDS = 0.1
TRIES = 50


def start(
    command: Sequence[str | Path], record: Path, log: Path, environment: Mapping[str, str]
) -> None:
    """Start a process that outlives this one, and record which it is."""
    with log.open("wb") as output:
        started = subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at the terminal is not for it
        )
    started.returncode = 0  # it is meant to outlive us: Python need not warn of that
    process = psutil.Process(started.pid)
    record.write_text(json.dumps({"pid": process.pid, "created": process.create_time()}))


def find(record: Path) -> psutil.Process | None:
    """Find the recorded process if it still runs: the same pid, begun at the same time."""
    try:
        recorded = json.loads(record.read_text())
        process = psutil.Process(recorded["pid"])
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    same = abs(process.create_time() - recorded["created"]) < 1
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def stop(record: Path) -> bool:
    """Stop the recorded process and its children; whether there was one."""
    process = find(record)
    if process is not None:
        children = process.children(recursive=True)
        process.terminate()
        _, left = psutil.wait_procs([process, *children], timeout=STOP_SECONDS)
        for late in left:
            late.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)
    record.unlink(missing_ok=True)
    return process is not None


def wait(ready: Callable[[], bool], what: str, record: Path, log: Path, seconds: float) -> None:
    """Wait until a started process is ready; show the end of its log if it never is."""
    deadline = time.monotonic() + seconds
    while not ready():
        if find(record) is None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise ToolError(f"{what} did not come up. The end of {log}:\n{tail}")
        time.sleep(LOOK_AGAIN_SECONDS)


def is_taken(port: int) -> bool:
    """Return whether something listens on this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> int:
    """Find the first of so many neighbouring ports that can be listened on.

    They are bound to find out: a connection that was closed keeps its port for another minute.
    """
    for _ in range(TRIES):
        with ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(count)]
            probes[0].bind(("127.0.0.1", 0))
            first = int(probes[0].getsockname()[1])
            with suppress(OSError, OverflowError):
                for port, probe in enumerate(probes[1:], first + 1):
                    probe.bind(("127.0.0.1", port))
                return first
    raise ToolError(f"No {count} neighbouring ports are free.")
