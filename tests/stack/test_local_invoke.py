"""`sam local invoke` gives in Lambda's own image what the local stack gives."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import urllib3

from tests.stack.results import outcome
from tools.bootstrap import LOCAL, ROOT
from tools.environment import tool_environment
from tools.local_stack import local_invoke, processes, rie
from tools.local_stack import stack as local
from tools.local_stack.demo import invoke
from tools.paths import EVENTS, SAM, SAMCONFIG

SECONDS: Final = 280  # the first one pulls the image
EVENT: Final = "events/http-api.json"
PING: Final = "import docker; docker.from_env(timeout=10).ping()"
# What a shell may have set for AWS, in place of what the container needs.
SHELL: Final = {
    "AWS_ACCESS_KEY_ID": "ASIAANOTHERACCOUNT",
    "AWS_SECRET_ACCESS_KEY": "another-secret",
    "AWS_SESSION_TOKEN": "another-token",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(scope="module")
def docker() -> None:
    """Skip the test if no Docker daemon answers, or fail it if there must be one."""
    ping = [str(SAM.with_name("python")), "-c", PING]  # with the client that SAM uses
    done = subprocess.run(ping, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    if done.returncode == 0:
        return
    reason = f"`sam local invoke` WAS NOT TRIED: no Docker daemon. {done.stderr.splitlines()[-1]}"
    if os.environ.get("REQUIRE_DOCKER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def checkout(home: Path, tmp_path: Path) -> Path:
    """Return a folder where the README's line finds the tests' own stack as the developer's."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "sam").symlink_to(LOCAL / "sam")
    for name in (SAMCONFIG, EVENTS):
        (tmp_path / name.name).symlink_to(name)
    for file in (local_invoke.template_file(home), local_invoke.variables_file(home)):
        (tmp_path / ".local" / file.name).symlink_to(file)
    return tmp_path


def line() -> str:
    """Return the one line that the README has for it."""
    (found,) = re.findall(r"^ *(\S*sam local invoke .*)$", (ROOT / "README.md").read_text(), re.M)
    return str(found)


def test_the_readme_passes_the_event_alone() -> None:
    """Architecture, endpoint, variables and credentials come from files, on every machine."""
    assert line() == f".local/sam/bin/sam local invoke -e {EVENT}"


def in_container(checkout: Path, event: Path, **shell: str) -> Any:
    """Run the README's line with an event, in a shell with these variables for AWS."""
    settings = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(LOCAL / "sam-home")}
    done = subprocess.run(  # noqa: S603 - the README's own line
        shlex.split(line().replace(EVENT, f"events/{event.name}")),
        cwd=checkout,
        env=tool_environment(**settings, **shell),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("event", rie.events(), ids=lambda event: event.stem)
def test_each_event_in_the_container(stack: local.Stack, checkout: Path, event: Path) -> None:
    """Each event has in the container the result that it has on the stack."""
    deployed = outcome(invoke(stack, event.read_bytes()))
    assert deployed
    assert outcome(in_container(checkout, event)) == deployed


@pytest.mark.usefixtures("docker")
def test_the_shells_settings_do_not_reach_the_container(stack: local.Stack, checkout: Path) -> None:
    """It works in a shell that has another account's credentials and calls 127.0.0.1."""
    shell = {**SHELL, "AWS_ENDPOINT_URL": stack.endpoint_url}
    result = in_container(checkout, ROOT / EVENT, **shell)
    assert outcome(result) == "action-successful"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Docker's bridge on the host")
def test_only_the_bridge_reaches_the_stack(
    stack: local.Stack, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make up` forwards the bridge's address to both ports, and listens on no other address."""
    if local_invoke.bridge_address() is None:
        monkeypatch.setattr(local_invoke, "bridge_address", lambda: "127.0.0.2")
    address = local_invoke.bridge_address()
    local.up(stack.port, home)
    forwarder = processes.find(home / "forwarder.pid")
    assert forwarder
    listening = {
        tuple(connection.laddr)
        for connection in forwarder.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {(address, stack.port), (address, stack.port + 1)}
    for port, path in ((stack.port, "_ministack/health"), (stack.port + 1, "_sandbox/messages")):
        url = f"http://{address}:{port}/{path}"
        assert urllib3.request("GET", url, timeout=5, retries=False).status == 200


def test_nothing_is_forwarded_without_a_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without Docker, or with Docker Desktop, no address is found."""
    monkeypatch.setattr(psutil, "net_if_addrs", dict)
    assert local_invoke.bridge_address() is None


def test_without_a_stack_there_are_no_files(tmp_path: Path) -> None:
    """After `make down` SAM says that its template is missing, and calls no stopped stack."""
    for file in (local_invoke.template_file(tmp_path), local_invoke.variables_file(tmp_path)):
        file.touch()
    local.down(tmp_path)
    assert not list(tmp_path.iterdir())
