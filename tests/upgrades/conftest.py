"""Fixtures: AWS of the service tests, and the Mandrill sandbox beside it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import HTTPServer

import pytest

from tests.service.conftest import aws, moto, operator_aws  # noqa: F401 - fixtures
from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox


@pytest.fixture
def mandrill(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give the function a Mandrill account, served from this process."""
    from appointments.email import mandrill_client  # noqa: PLC0415 - moto first
    from appointments.settings import SETTINGS  # noqa: PLC0415

    account = Account({"sandbox-key"}, slow=0, search_limit=0)
    server: HTTPServer = Sandbox(0, account)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(mandrill_client, "SETTINGS", replace(SETTINGS, mandrill_url=url))
    yield account
    server.shutdown()
    serving.join()
    server.server_close()
