"""Fixtures: AWS of the service tests, with the Mandrill sandbox beside it."""

import pytest

from appointments.email import mandrill_client
from tests.email.conftest import sandbox  # noqa: F401 - fixtures
from tests.service.conftest import aws, moto  # noqa: F401 - fixtures
from tests.support.email_harness import CountedAccount, point_to
from tools.mandrill_sandbox.server import Sandbox


@pytest.fixture(autouse=True)
def account(
    sandbox: Sandbox,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> CountedAccount:
    """Give the function a Mandrill account, and no pause before it calls Mandrill again."""
    sandbox.account = CountedAccount()
    point_to(f"http://127.0.0.1:{sandbox.server_port}", monkeypatch)
    monkeypatch.setattr(mandrill_client, "_RETRY_BACKOFF", (0.0, 0.0))
    mandrill_client._key.cache_clear()
    mandrill_client._pool.clear()
    return sandbox.account
