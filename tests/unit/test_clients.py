"""PynamoDB works with our one client: a private hook, whose test fails when a library changes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from pynamodb.connection import TableConnection
from pynamodb.connection.base import Connection

# Run by a fresh interpreter, because INIT happens once in a process: each line of it is what a
# library promises or what we rely on without its promise.
INIT = """
import gc
import json
from types import SimpleNamespace
from botocore.awsrequest import AWSResponse
from botocore.session import Session as BotocoreSession

made = []
create_client = BotocoreSession.create_client

def note(self, service_name, *args, **kwargs):
    made.append(service_name)
    return create_client(self, service_name, *args, **kwargs)

BotocoreSession.create_client = note

from appointments import handler, clients

sent = []
nothing = SimpleNamespace(stream=lambda: iter([b"{}"]))

def answer(request, event_name, **_):
    sent.append(event_name)
    return AWSResponse("", 200, {}, nothing)

client = clients.client("dynamodb")
client.meta.events.register("before-send.dynamodb", answer)
tables = [handler.Session, handler.Record, handler.Appointment]
shared = [table._get_connection().connection.client is client for table in tables]
for table in tables:
    try:
        table.get("key")
    except table.DoesNotExist:
        pass
config = client.meta.config
print(json.dumps({
    "made": made,
    "shared": shared,
    "sent": sent,
    "collects": gc.isenabled(),
    "frozen": gc.get_freeze_count(),
    "bounds": [config.connect_timeout, config.read_timeout, config.retries],
}))
"""


@pytest.fixture(scope="module")
def init() -> dict[str, Any]:
    """Return what INIT and one read of each table did; whatever strays finds a closed port."""
    run = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", INIT],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        capture_output=True,
        timeout=60,
        check=True,
        text=True,
    )
    facts: dict[str, Any] = json.loads(run.stdout)
    return facts


def test_one_client_is_made(init: dict[str, Any]) -> None:
    """INIT and a read of each table make one botocore client, DynamoDB's."""
    assert init["made"] == ["dynamodb"]


def test_all_tables_use_it(init: dict[str, Any]) -> None:
    """The three models share it, and what they send goes through it."""
    assert init["shared"] == [True, True, True]
    assert init["sent"] == ["before-send.dynamodb.GetItem"] * 3


def test_its_waits_are_bounded(init: dict[str, Any]) -> None:
    """It waits 1 s to connect and 2 s for an answer, and tries twice."""
    assert init["bounds"] == [1, 2, {"total_max_attempts": 2, "mode": "standard"}]


def test_the_collector_runs_again(init: dict[str, Any]) -> None:
    """After INIT garbage is collected, and what INIT made is left alone."""
    assert init["collects"] is True
    assert init["frozen"] > 10_000


def test_the_hook_is_where_it_was() -> None:
    """A TableConnection holds a Connection, which makes a client only where it holds none."""
    connection = TableConnection("table").connection
    assert type(connection) is Connection
    assert connection._client is None
    assert isinstance(type(connection).client, property)
