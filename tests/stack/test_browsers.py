"""The local stack's API as browsers call it, from pages that a developer serves on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from appointments.names import PATH
from tools.local_stack.stack import Stack

LOCAL: Final = ("http://localhost:5173", "http://127.0.0.1:3000", "http://localhost")
OTHER: Final = ("http://localhost.evil.test:5173", "http://evil.test", "http://127.0.0.1.evil.test")
CALL: Final = """
async ([url, body, key]) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
  return [response.status, response.headers.get("X-Request-Id"), await response.json()];
}
"""


class EmptyPage(BaseHTTPRequestHandler):
    """A page without content, in place of a web application that is being developed."""

    def do_GET(self) -> None:
        """Send the page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def page_port() -> Iterator[int]:
    """Serve an empty page, and return its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def preflight(stack: Stack, origin: str) -> tuple[int, str | None]:
    """Send a preflight request; return the status and the origin that is allowed."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key,prefer",
    }
    response = stack.request("OPTIONS", PATH, headers=asked)
    return response.status, response.headers.get("Access-Control-Allow-Origin")


def call(stack: Stack, origin: str) -> str | None:
    """Send a request as a page of this origin does; return the origin that is allowed."""
    headers = {"Origin": origin, "Content-Type": "application/json"}
    response = stack.request("POST", PATH, b"{}", headers)
    assert response.json()["status"] == "no-params-decoded"
    return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("origin", LOCAL)
def test_a_page_on_this_machine_may_call(stack: Stack, origin: str) -> None:
    """Preflight and call are allowed from any port of localhost and 127.0.0.1."""
    assert preflight(stack, origin) == (204, origin)
    assert call(stack, origin) == origin


@pytest.mark.parametrize("origin", OTHER)
def test_a_page_of_another_machine_may_not(stack: Stack, origin: str) -> None:
    """An origin that only begins as a local one is refused, as on AWS any that is not listed."""
    assert preflight(stack, origin) == (403, None)
    assert call(stack, origin) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_real_browser_creates_an_appointment(
    stack: Stack, browser: Browser, page_port: int, host: str
) -> None:
    """Chromium sends its own preflight, then the request, and lets the page read the response."""
    body = {"token": stack.tokens["application"], "updated_at_mt": "now", "notes": host}
    page = browser.new_page()
    page.goto(f"http://{host}:{page_port}/")
    code, request_id, response = page.evaluate(CALL, [stack.api_url + PATH, body, uuid4().hex])
    page.close()
    assert (code, response["status"]) == (200, "action-successful"), json.dumps(response)
    assert request_id == response["request_id"]
