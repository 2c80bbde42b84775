"""The callers, for Locust: each sends as fast as responses come, and records the responses.

Good, bad, repeated, conflicting and simultaneous requests are mixed. This runs in Locust's own
environment: nothing of the project is imported.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import gevent
from locust import FastHttpUser, constant, task

PATH: Final = "/api/v1/appointments/create"
JOURNAL: Final = Path(os.environ["LOAD_JOURNAL"])
HOST: Final = os.environ["LOAD_HOST"]
TOKENS: Final[dict[str, str]] = json.loads(os.environ["LOAD_TOKENS"])
# The pauses before the same request is sent again, as docs/calling.md advises.
PAUSES: Final = (1, 2, 4)
RESPONSE_SECONDS: Final = 40

random.seed(0)
journal = JOURNAL.open("a", buffering=1)


class Caller(FastHttpUser):  # type: ignore[misc]
    """One caller, who waits for each response before the next request."""

    host = os.environ["LOAD_URL"]
    wait_time = constant(0)
    connection_timeout = network_timeout = RESPONSE_SECONDS

    @task(40)
    def create(self) -> None:
        """Book a photographer: an email to them and to the booker."""
        self._send_until_final("mailed", appointment(photographer_user_id=501))

    @task(20)
    def create_without_email(self) -> None:
        """Create an appointment without an email, as FileMaker sends it."""
        sent = appointment(
            token=TOKENS["application"], month_first="1", date_start_local="1/5/2027", allday=""
        )
        self._send_until_final("no email", sent)

    @task(10)
    def repeat(self) -> None:
        """Send the same twice, one after the other."""
        sent = appointment(photographer_user_id=501)
        self._send_until_final("repeated", sent)
        self._send_until_final("repeated", sent)

    @task(10)
    def send_at_once(self) -> None:
        """Send the same twice at the same moment."""
        sent = appointment(photographer_user_id=501)
        gevent.joinall(
            [gevent.spawn(self._send_until_final, "simultaneous", sent) for _ in range(2)]
        )

    @task(5)
    def conflict(self) -> None:
        """Send another appointment under a key that is in use."""
        sent = appointment(token=TOKENS["application"])
        self._send_until_final("first", sent)
        self._send_until_final("conflict", sent | {"notes": str(uuid4())})

    @task(5)
    def send_wrong_date(self) -> None:
        """Send an invalid date."""
        self._send_once("bad", appointment(date_start_local="13/45/2026"))

    @task(5)
    def send_bad_token(self) -> None:
        """Send a token that has expired, was revoked or does not exist."""
        token = random.choice([TOKENS["expired"], TOKENS["revoked"], "unknown-token"])  # noqa: S311
        self._send_once("bad", appointment(token=token))

    @task(5)
    def send_unknown_order(self) -> None:
        """Refer to an order that does not exist."""
        self._send_once("bad", appointment(order_id=999))

    def _send_until_final(self, kind: str, sent: dict[str, Any]) -> None:
        """Send it, and again with the same uuid if the response is retryable or does not come."""
        for pause in (*PAUSES, None):
            body = self._send_once(kind, sent)
            if pause is None or ("status" in body and not body["retryable"]):
                return
            gevent.sleep(pause)

    def _send_once(self, kind: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Send one request, record the response, and return its body (empty if none came)."""
        start = time.time()
        headers = {"Host": HOST, "Content-Type": "application/json"}
        with self.client.post(
            PATH, json=sent, headers=headers, name=kind, catch_response=True
        ) as response:
            try:
                body = json.loads(response.text or "")
            except ValueError:
                body = {}
            response.success()  # `compare` decides whether a response is right
        recorded = {name: body.get(name) for name in ("status", "saved", "replayed", "request_id")}
        entry = {
            "at": start,
            "seconds": time.time() - start,
            "kind": kind,
            "http": response.status_code,
            "uuid": sent["uuid"],
            "content": sent["notes"],
            "has_response": "status" in body,
            **recorded,
        }
        journal.write(json.dumps(entry) + "\n")
        return body if "status" in body else {}


def appointment(**given: Any) -> dict[str, Any]:
    """Return a request for an appointment of its own."""
    return {
        "token": TOKENS["session"],
        "updated_at_mt": "2026-11-22 10:00:00",
        "uuid": str(uuid4()),
        "notes": str(uuid4()),
        **given,
    }
