"""Run the built package under Lambda's real Runtime Interface Emulator, with no Docker.

The emulator's binary is inside the aws-sam-cli wheel; the runtime client has an environment of its
own, so that the package finds nothing but itself, as on Lambda.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import urllib3

from appointments_operator.layout import print_list
from tools.bootstrap import LOCAL, NO_LINUX
from tools.environment import ARCHITECTURE, bare_environment
from tools.errors import ToolError
from tools.local_stack import local_invoke, processes
from tools.local_stack.stack import Stack
from tools.paths import EVENTS
from tools.release import build

BUNDLE: Final = build.BUNDLE
PYTHON: Final = LOCAL / "rie" / "bin" / "python"
HANDLER: Final = "appointments.handler.lambda_handler"
LOG: Final = LOCAL / "rie.log"
SECONDS: Final = 30
STOP_SECONDS: Final = 10


class Runtime:
    """The emulator's one endpoint."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"

    def invoke(self, event: bytes) -> Any:
        """Return what the function returns for an event."""
        response = urllib3.request("POST", self._url, body=event, timeout=SECONDS, retries=False)
        return response.json()


def environment(stack: Stack) -> dict[str, str]:
    """Return the deployed function's own variables, and what Lambda adds to them."""
    config = local_invoke.configuration(stack)
    return bare_environment(
        **local_invoke.variables(stack, config),
        AWS_LAMBDA_FUNCTION_NAME=stack.function_name,
        AWS_LAMBDA_FUNCTION_TIMEOUT=str(config["Timeout"]),
        LAMBDA_TASK_ROOT=str(BUNDLE),
        PYTHONPATH=str(BUNDLE),
    )


@contextmanager
def start(stack: Stack) -> Iterator[Runtime]:
    """Serve the package against a stack's tables."""
    with serve(HANDLER, BUNDLE, environment(stack)) as (runtime, _):
        yield runtime


@contextmanager
def serve(
    handler: str, folder: Path, settings: dict[str, str]
) -> Iterator[tuple[Runtime, subprocess.Popen[bytes]]]:
    """Serve a handler from a folder; yield its endpoint, and the emulator's process.

    Raises ToolError on other systems than Linux.
    """
    if sys.platform != "linux":
        raise ToolError(NO_LINUX)
    port = processes.free_ports(2)
    command: list[str | Path] = [
        emulator(), "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{port + 1}",
        PYTHON, "-m", "awslambdaric", handler,
    ]  # fmt: skip
    with LOG.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=settings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _await_port(port, process)
        yield Runtime(port), process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def main(stack: Stack) -> int:
    """Send every event; 0 if each got a response with a status."""
    results = []
    with start(stack) as runtime:
        for event in events():
            response = runtime.invoke(event.read_bytes())
            results.append({"event": event.name, "status": status(response), "response": response})
    print_list(
        results,
        {
            "Event": lambda result: result["event"],
            "Response": lambda result: result["status"] or json.dumps(result["response"])[:200],
        },
        empty="",
    )
    return 0 if all(result["status"] for result in results) else 1


def events() -> list[Path]:
    """List the files of `events/`."""
    return sorted(EVENTS.glob("*.json"))


def status(returned: Any) -> str | None:
    """Return the status of a good response, whichever kind of event it is for."""
    match returned:
        case {"errorMessage": _}:
            return None
        case {"body": {"status": str(value)}}:
            return value
        case {"body": str(body)}:
            return str(json.loads(body)["status"])
        case [*responses]:
            return ", ".join(status(one) or "?" for one in responses)
    return json.dumps(returned)


def emulator() -> Path:
    """Find the emulator's binary in the aws-sam-cli wheel."""
    name = f"aws-lambda-rie-{ARCHITECTURE}"
    found = next((LOCAL / "sam").glob(f"lib/python*/site-packages/samcli/local/rapid/{name}"), None)
    if found is None:
        raise ToolError(f"aws-sam-cli has no {name} any more.")
    return found


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while not processes.is_taken(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ToolError(f"The Runtime Interface Emulator did not start: see {LOG}")
        time.sleep(processes.LOOK_AGAIN_SECONDS)
