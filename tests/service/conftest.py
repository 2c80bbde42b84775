"""Fixtures: the function in this process, on moto."""

import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff
from moto import mock_aws
from starlette.testclient import TestClient

from appointments_operator.deployment import Deployment
from appointments_operator.web.app import create_app
from appointments_operator.web.cached_deployment import CachedDeployment
from tests.support.console import KEY, NAMES, ORIGIN, PORT
from tests.support.environment import reset_environment
from tests.support.fake_aws import DynamoFaults, FakeAws
from tests.support.fake_operator_aws import FakeOperatorAws


@pytest.fixture(scope="package", autouse=True)
def moto() -> Iterator[None]:
    """AWS on moto, before the function makes its clients."""
    with mock_aws():
        yield


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """AWS, seeded, with nothing in a cache; afterwards no token lies in anything that was written.

    Its time of day stands still, so that no test depends on the machine's pace. It is there in
    every test, so that none is left out of the search.
    """
    from appointments import clients  # noqa: PLC0415 - moto first
    from appointments.observability import logger  # noqa: PLC0415

    reset_environment()
    # The SDK tries again at once, so that a failed call costs no time.
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    # And it always does: hundreds of tests on one client are no storm that it should calm.
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: True)
    out = io.StringIO()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    stdout = handler.setStream(out)
    faults = DynamoFaults(clients.client("dynamodb"))
    with time_machine.travel(datetime.now(UTC), tick=False):
        aws = FakeAws(faults, out)
        yield aws
    faults.close()
    handler.setStream(stdout)
    leaks = aws.leaks()
    assert not leaks, f"a token lies in {', '.join(sorted(leaks))}"


@pytest.fixture
def operator_aws(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOperatorAws]:
    """Add what operators' commands call: CloudWatch Logs and Lambda. Commands print to a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)  # workers of pytest-xdist may have it
    operator_aws = FakeOperatorAws(aws)
    yield operator_aws
    operator_aws.close()


@pytest.fixture
def deployment(operator_aws: FakeOperatorAws) -> Deployment:  # noqa: ARG001 - within it
    """Return the deployment on moto."""
    return CachedDeployment(None, "us-east-1", None, dict(NAMES))


@pytest.fixture
def console(deployment: Deployment) -> TestClient:
    """Return a browser that has the address of the console."""
    return TestClient(
        create_app(deployment, KEY, PORT), base_url=ORIGIN, headers={"Origin": ORIGIN}
    )
