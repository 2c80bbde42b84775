"""A stand-in for Mandrill: tests and developers see each of its responses, and no email is sent.

It serves `messages/send-template` and `messages/search` as Mandrill does. `/_sandbox/messages`
(GET, DELETE) is what it accepted, and `/_sandbox/outage` (PUT with a value of `Outage`, DELETE)
makes it fail as a whole. Otherwise the addresses of a message decide what becomes of it:

    rejected.test     the recipient is rejected (hard-bounce); a search finds it as `rejected`
    invalid.test      the recipient is invalid, as is an address without a domain
    queued.test       the recipient is queued
    slow.test         the message is accepted at once, the response comes after --slow seconds
    garbage.test      the message is accepted, the response is HTTP 200 with text that is not JSON
    empty.test        nothing is accepted, HTTP 500 without a body
    down.test         nothing is accepted, HTTP 500 GeneralError
    unavailable.test  nothing is accepted, HTTP 503 ServiceUnavailable
    busy.test         nothing is accepted, HTTP 429 RequestLimitExceeded
    unpaid.test       nothing is accepted, HTTP 500 PaymentRequired
    any other         the recipient is sent the message

A template or subaccount whose name starts with `unknown` does not exist. A search finds a message
from the moment it was accepted, and every metadata field counts as indexed.
"""

import json
import re
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tools.mandrill_sandbox.account import Account, MandrillError, Outage, Struct

PATH = re.compile(r"(?:/api/\d\.\d)?/((?:messages|_sandbox)/[a-z-]+)(?:\.json)?")
MAX_BODY_BYTES = 1 << 20


class Sandbox(ThreadingHTTPServer):
    """The server of one account."""

    daemon_threads = True  # a slow response does not delay the end
    request_queue_size = 128  # so that a burst of senders is not refused

    def __init__(self, port: int, account: Account) -> None:
        self.account = account
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive as Mandrill keeps it, every read of it bounded."""

    server: Sandbox
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # header and body are two writes: 40 ms per response otherwise

    def handle(self) -> None:
        """Ignore that a client hangs up, as slow.test makes them do."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Log nothing: what a client sends has its key."""

    def do_GET(self) -> None:
        """List what was accepted."""
        if self._endpoint() != "_sandbox/messages":
            return self.send_error(HTTPStatus.NOT_FOUND)
        return self._respond(200, self.server.account.accepted_mail())

    def do_DELETE(self) -> None:
        """Empty that list, or end an outage."""
        match self._endpoint():
            case "_sandbox/messages":
                self.server.account.reset()
            case "_sandbox/outage":
                self.server.account.outage = None
            case _:
                return self.send_error(HTTPStatus.NOT_FOUND)
        return self._respond(200, [])

    def do_PUT(self) -> None:
        """Begin an outage."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self._endpoint() != "_sandbox/outage":
            return self.send_error(HTTPStatus.NOT_FOUND)
        try:
            self.server.account.outage = Outage(body.decode())
        except ValueError:
            return self.send_error(HTTPStatus.BAD_REQUEST)
        return self._respond(200, [])

    def do_POST(self) -> None:
        """Perform a call of Mandrill's."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,9}", length):
            return self.send_error(HTTPStatus.LENGTH_REQUIRED)
        if int(length) > MAX_BODY_BYTES:
            return self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body, account = self.rfile.read(int(length)), self.server.account
        if account.outage is Outage.HANG:
            time.sleep(account.slow)  # until the client has given up
            self.close_connection = True
            return None
        try:
            content = self._call(body)
        except MandrillError as error:
            return self._respond(error.http_status, error.body)
        if account.outage is Outage.SLOW:
            time.sleep(account.slow)
        if content is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        return self._respond(200, content)

    def _call(self, body: bytes) -> list[Struct] | str | None:
        account = self.server.account
        match self._endpoint():
            case "messages/send-template":
                return account.send_template(account.authorise(_json(body)))
            case "messages/search":
                return account.search(account.authorise(_json(body)))
        return None

    def _endpoint(self) -> str:
        path = PATH.fullmatch(urlsplit(self.path).path)
        return path[1] if path else ""

    def _respond(self, status: int, content: list[Struct] | Struct | str | None) -> None:
        kind = "text/html" if isinstance(content, str) else "application/json"
        text = content if isinstance(content, str) else json.dumps(content)
        payload = b"" if content is None else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
