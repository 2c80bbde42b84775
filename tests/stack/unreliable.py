"""A way to the API on which the first requests fail, as on a network and at a gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tools.local_stack.stack import Stack


class Way(ThreadingHTTPServer):
    """Forwards each request to the stack, and fails as `failures` says, one per request.

    `broken` closes the connection without a response, `lost` does so after the request arrived, and
    a text is sent as the response of a gateway. `bodies` has what was sent.
    """

    def __init__(self, stack: Stack, failures: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stack = stack
        self.failures = failures
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """The base URL that leads here."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Way

    def do_POST(self) -> None:
        """Forward a request, or let it fail."""
        way = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        way.bodies.append(body)
        failure = way.failures.pop(0) if way.failures else ""
        if failure == "broken":
            return
        if failure not in ("", "lost"):
            self._respond(503, failure.encode())
            return
        headers = {"Content-Type": self.headers["Content-Type"]}
        response = way.stack.request("POST", self.path, body, headers)
        if failure != "lost":
            self._respond(response.status, response.data)

    def _respond(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def way_to(stack: Stack, *failures: str) -> Iterator[Way]:
    """Open a way to the stack on which the first requests fail."""
    with Way(stack, list(failures)) as way:
        thread = Thread(target=way.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield way
        finally:
            way.shutdown()
            thread.join()
