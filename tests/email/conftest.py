"""Fixtures: the function on moto, its email through HTTP to the Mandrill sandbox, and its clock."""

import io
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import time_machine
from moto import mock_aws

from appointments.elapsed import Moment
from appointments.email import mandrill_client
from appointments.observability import logger
from tests.support.email_harness import START, Clock, CountedAccount, EmailHarness, point_to
from tests.support.environment import reset_environment
from tests.support.fake_aws import FakeAws, renew_clients
from tools.mandrill_sandbox.server import Sandbox

# The log lines that concern no single request.
OF_A_RUN = {
    "schedule",
    "overdue items not read",
    "shard not read",
    "emails not handed over",
    "search by OR refused",
    "not searched at once",
    "users not read",
}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Serve the sandbox from this process, so that a test can look into its account."""
    with Sandbox(0, CountedAccount()) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Stop the clock at START."""
    with time_machine.travel(START, tick=False) as time_of_day:
        clock = Clock(time_of_day)
        monkeypatch.setattr(time, "monotonic", clock.monotonic)
        monkeypatch.setattr(time, "sleep", clock.sleep)
        monkeypatch.setattr(signal, "setitimer", clock.setitimer)
        monkeypatch.setattr(mandrill_client, "_last_used", Moment.now())
        yield clock


@pytest.fixture
def harness(
    sandbox: Sandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[EmailHarness]:
    """Give each test an AWS of its own, and the function a cold start."""
    sandbox.account = CountedAccount()
    point_to(f"http://127.0.0.1:{sandbox.server_port}", monkeypatch)
    with mock_aws():
        renew_clients()
        reset_environment()
        # No fault is injected into calls to DynamoDB here.
        aws = FakeAws(None, io.StringIO())  # type: ignore[arg-type]
        harness = EmailHarness(aws, sandbox.account, clock, capsys)
        stream = logger.handlers[0].setStream(harness.log)  # type: ignore[attr-defined]
        yield harness
        unnamed = [
            line
            for line in harness._lines()
            if not {"request_id", "uuid", "_aws"} & set(line) and line["message"] not in OF_A_RUN
        ]
        assert not unnamed, f"log lines without a request id: {unnamed}"
        logger.handlers[0].setStream(stream)  # type: ignore[attr-defined]
    renew_clients()
