"""Lambda's own runtime client restores the package: it finds the hook and runs it (SnapStart)."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tools.bootstrap import NO_LINUX
from tools.local_stack import rie
from tools.local_stack.stack import Stack

# The handler returns whether the random state is another one than at the end of INIT.
PROBE: Final = """
import random
from appointments.handler import lambda_handler
snapshot = random.getstate()
def handler(event, context):
    return {"is_renewed": random.getstate() != snapshot}
"""
VERSION: Final = "/2018-06-01/runtime"
SECONDS: Final = 60


class RuntimeApi(ThreadingHTTPServer):
    """Lambda's runtime API for one environment: a restore, then one invocation."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.returned: Any = None
        self.is_done, self.is_over = threading.Event(), threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Restore the environment at once, and hand it one event."""
        self.server.asked.append(self.path.removeprefix(VERSION))
        if self.server.returned is not None:
            self.server.is_over.wait(SECONDS)  # there is no second event
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "invocation-1")
        self.send_header("Lambda-Runtime-Deadline-Ms", "1900000000000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:f:live")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        """Take the response, or the error."""
        self.server.asked.append(self.path.removeprefix(VERSION))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.returned = json.loads(body)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.is_done.set()

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@pytest.mark.skipif(sys.platform != "linux", reason=NO_LINUX)
@pytest.mark.parametrize(
    ("kind", "asked"),
    [("snap-start", ["/restore/next", "/invocation/next"]), ("on-demand", ["/invocation/next"])],
)
def test_the_runtime_runs_the_hook(
    stack: Stack, tmp_path: Path, kind: str, asked: list[str]
) -> None:
    """With SnapStart the hook runs between the restore and the first event, otherwise never."""
    (tmp_path / "probe.py").write_text(PROBE)
    settings = rie.environment(stack)
    with RuntimeApi() as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        process = subprocess.Popen(  # noqa: S603
            [rie.PYTHON, "-m", "awslambdaric", "probe.handler"],
            cwd=tmp_path,
            env=settings
            | {
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
                "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
                "LAMBDA_TASK_ROOT": str(tmp_path),
                "_HANDLER": "probe.handler",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert api.is_done.wait(SECONDS)
        finally:
            process.kill()
            process.wait()
            api.is_over.set()
            api.shutdown()
    assert api.asked[: len(asked)] == asked
    assert api.returned == {"is_renewed": kind == "snap-start"}
