"""CloudWatch Logs and Lambda over HTTP for `replay`, with more requests than moto can page through.

The log holds failed requests, one second apart, each with its response. It returns pages as
CloudWatch does: at most 1 MB or the caller's limit, with a token for the next. An invocation takes
so many seconds, and leaves the response log entry of a successful replay.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import UUID

_MAX_PAGE_BYTES: Final = 1_000_000
_TEXT: Final = "A house with a garden, a garage, and a key under the mat. " * 12


class LogServer(ThreadingHTTPServer):
    """The two services; `replayed` has the ids of what was sent again, `times` when it came."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, count: int, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seconds = seconds
        self.since = int(time.time()) - count - 120
        self.replayed: list[str] = []
        self.times: list[float] = []
        self._count = count

    @property
    def url(self) -> str:
        """The endpoint of both services."""
        return f"http://127.0.0.1:{self.server_port}"

    def events(self, start: int) -> Iterator[dict[str, Any]]:
        """Yield the log's events from a place on: two per request, one per replay."""
        for place in range(start, 2 * self._count + len(self.replayed)):
            number, is_response = divmod(place, 2)
            if number >= self._count:
                request_id = self.replayed[place - 2 * self._count]
                yield self._event(
                    time.time() - 60, "replays", _response(request_id, "action-successful", True)
                )
                continue
            at = self.since + number
            entry = (
                _response(f"request-{number}", "application-crash", False)
                if is_response
                else _request(f"request-{number}", at)
            )
            yield self._event(at, f"stream-{number % 50}", entry)

    @staticmethod
    def _event(at: float, stream: str, entry: dict[str, Any]) -> dict[str, Any]:
        message = json.dumps(entry)
        return {"timestamp": int(at * 1000), "logStreamName": stream, "message": message}


def _request(request_id: str, at: int) -> dict[str, Any]:
    received = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
    params = {"updated_at_mt": "2026-11-20T10:00:00", "description": _TEXT, "order_id": 1001}
    head = {"level": "INFO", "message": "request", "request_id": request_id}
    return head | {"received_at": received, "token_hash": "0" * 64, "params": params, "unknown": []}


def _response(request_id: str, status: str, is_replay: bool) -> dict[str, Any]:
    uuid = str(UUID(int=int(request_id.split("-")[1]) + 1))
    entry = {"message": "response", "request_id": request_id, "uuid": uuid, "status": status}
    return entry | {"saved": is_replay, "reason": None, "replay": is_replay}


class _Handler(BaseHTTPRequestHandler):
    server: LogServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Respond to FilterLogEvents or Invoke."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "X-Amz-Target" in self.headers:
            self._respond(self._page(sent))
            return
        self.server.times.append(time.monotonic())
        time.sleep(self.server.seconds)
        self.server.replayed.append(sent["replay"]["request_id"])
        log = base64.b64encode(json.dumps({"message": "response", "reason": None}).encode())
        body = json.dumps({"status": "action-successful"})
        self._respond({"body": body}, {"X-Amz-Log-Result": log.decode()})

    def _page(self, sent: dict[str, Any]) -> dict[str, Any]:
        start = place = int(sent.get("nextToken", 0))
        size = 0
        events: list[dict[str, Any]] = []
        for event in self.server.events(start):
            if size > _MAX_PAGE_BYTES or len(events) >= sent.get("limit", 10_000):
                return {"events": events, "nextToken": str(place)}
            if event["timestamp"] >= sent["startTime"]:
                events.append(event)
                size += len(event["message"])
            place += 1
        return {"events": events}

    def _respond(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(count: int, seconds: float) -> Iterator[LogServer]:
    """Serve a log of so many failed requests; an invocation takes so many seconds."""
    with LogServer(count, seconds) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
