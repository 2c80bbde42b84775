"""SnapStart: environments that start from one snapshot of INIT share nothing that must differ.

A fresh process does INIT as Lambda does for a snapshot. Each of its forked children stands for a
restored environment: it gets the snapshot's random state back, which a fork renews and a restore
does not, then it runs the hooks as Lambda's runtime does.
"""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

RESTORED: Final = """
import json, os, random, ssl, sys
from unittest.mock import patch

import psutil
import time_machine
from botocore.awsrequest import AWSResponse
from botocore.retries.standard import ExponentialBackoff
from snapshot_restore_py import get_after_restore, get_before_snapshot
from types import SimpleNamespace

from appointments import clients, handler, notifier
from appointments.create import Creation
from appointments.email import mandrill_client
from appointments.invocation import Invocation
from appointments.tables import batch_get, routes

backoff = ExponentialBackoff()
context = SimpleNamespace(attempt_number=9, http_response=None)
invocation = Invocation.from_context(None)
snapshot = random.getstate()
sockets = len(psutil.Process().net_connections("inet"))

def draw():
    return [backoff.delay_amount(context) for _ in range(3)]

def sign():
    signed = []
    def answer(request, **_):
        signed.append(request.headers["Authorization"].decode())
        return AWSResponse("", 200, {}, SimpleNamespace(stream=lambda: iter([b"{}"])))
    events = clients.client("dynamodb").meta.events
    events.register_first("before-send.dynamodb", answer)
    clients.client("dynamodb").get_item(TableName="t", Key={"k": {"S": "v"}})
    return signed[0].split("Credential=")[1].split("/")[0]

def restored():
    random.setstate(snapshot)
    unrenewed = draw()
    random.setstate(snapshot)
    added = []
    with patch.object(ssl, "RAND_add", lambda *given: added.append(given)):
        for hook, args, kwargs in get_after_restore():
            hook(*args, **kwargs)
    with time_machine.travel("2030-01-01"):
        key = sign()
    return {
        "unrenewed": unrenewed,
        "draws": draw(),
        "pauses": [batch_get._random.random() for _ in range(3)],
        "attempt": Creation(None, invocation).attempt_id,
        "openssl": [[seed.hex(), bits] for seed, bits in added],
        "key": key,
    }

def fork():
    reader, writer = os.pipe()
    if not os.fork():
        os.write(writer, json.dumps(restored()).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as said:
        os.wait()
        return json.load(said)

print(json.dumps({
    "hooks": [len(get_before_snapshot()), len(get_after_restore())],
    "clients": clients.client.cache_info().currsize,
    "api_key": mandrill_client._key.cache_info().currsize,
    "connections": len(mandrill_client._pool.pools),
    "sockets": sockets,
    "route": routes.cached_route(),
    "is_paused": notifier.is_paused(),
    "storms": len(notifier.storms._first_at),
    "is_cold": handler._is_cold,
    "restored": [fork(), fork()],
}))
"""


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """Return what a snapshot holds, and what two environments have that start from it.

    Their credentials come from an address, as Lambda gives them to a function with SnapStart. The
    snapshot's own has expired when they start.
    """
    count = 0

    class Credentials(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal count
            count += 1
            body = {
                "AccessKeyId": f"KEY{count}",
                "SecretAccessKey": "secret",
                "Token": "token",
                "Expiration": (datetime.now(UTC) + timedelta(days=count * 3650 - 3285)).isoformat(),
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        run = subprocess.run(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-W", "ignore", "-c", RESTORED],
            env=kept
            | {
                "PYTHONPATH": os.pathsep.join(sys.path),
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_REGION": "us-east-1",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/c",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
            },
            capture_output=True,
            timeout=60,
            check=False,
            text=True,
        )
        server.shutdown()
    assert run.returncode == 0, run.stderr
    read: dict[str, Any] = json.loads(run.stdout)
    return read


def test_the_hook_is_registered(facts: dict[str, Any]) -> None:
    """INIT registers one hook after the restore, and none before the snapshot."""
    assert facts["hooks"] == [0, 1]


def test_the_snapshot_has_nothing_of_a_request(facts: dict[str, Any]) -> None:
    """No connection, key, route, pause or storm is in it; DynamoDB's client is the only one."""
    assert facts["clients"] == 1
    assert facts["api_key"] == facts["connections"] == 0
    assert facts["sockets"] == facts["storms"] == 0
    assert facts["route"] is None
    assert facts["is_paused"] is False
    assert facts["is_cold"] is True


def test_each_environment_draws_its_own_pauses(facts: dict[str, Any]) -> None:
    """Pauses of botocore would be the same in both; the hook makes them differ. Ours always do."""
    one, other = facts["restored"]
    assert one["unrenewed"] == other["unrenewed"]
    assert one["draws"] != other["draws"]
    assert one["pauses"] != other["pauses"]


def test_each_environment_has_its_own_keys_and_ids(facts: dict[str, Any]) -> None:
    """OpenSSL gets 32 random bytes, different ones; attempt ids differ too."""
    one, other = facts["restored"]
    assert one["openssl"] != other["openssl"]
    for each in (one, other):
        [[seed, bits]] = each["openssl"]
        assert (len(seed), bits) == (64, 32)
    assert one["attempt"] != other["attempt"]


def test_expired_credentials_are_renewed(facts: dict[str, Any]) -> None:
    """What a restored environment sends is signed with a credential that it got itself."""
    keys = [each["key"] for each in facts["restored"]]
    assert "KEY1" not in keys
    assert len(set(keys)) == 2


def test_a_runtime_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's runtime for Python 3.11 lacks it: then there is nothing to renew."""
    from appointments import snapshot  # noqa: PLC0415 - it is read after the environment is set

    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    snapshot.register()
