"""One deployed stack for the whole run, on free ports, beside any that a developer has running."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import yaml
from playwright.sync_api import Browser, sync_playwright

from appointments import clients
from tests.stack.releases import remove_kept
from tools.bootstrap import LOCAL
from tools.environment import CREDENTIALS
from tools.local_stack import processes, services
from tools.local_stack import stack as local
from tools.local_stack.aws import session
from tools.release import build
from tools.release.deploy import settings_of

CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def home() -> Path:
    """Return where the tests' own stack keeps its state; each run begins with none."""
    return LOCAL / "test"


@pytest.fixture(scope="session")
def stack(home: Path) -> Iterator[local.Stack]:
    """Deploy the stack, and leave no process behind."""
    local.down(home)  # what a run that was killed may have left
    shutil.rmtree(home, ignore_errors=True)
    try:
        yield local.up(processes.free_ports(services.PORTS), home)
    finally:
        started = _descendants(home)
        local.down(home)
        _, left = psutil.wait_procs(started, timeout=10)
        assert not left, "a process outlived the stack"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; skip the test if there is none, or fail it if there must be one."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        reason = "NOT TRIED IN A BROWSER: no Chromium (on Debian: apt install chromium)."
        if os.environ.get("REQUIRE_CHROMIUM"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def dynamodb_client(stack: local.Stack) -> Any:
    """Return a client as the function has it, which calls the stack's engine."""
    return clients._SESSION.create_client(
        "dynamodb",
        endpoint_url=stack.endpoint_url,
        region_name=stack.region,
        config=clients.BOUNDED,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _descendants(home: Path) -> list[psutil.Process]:
    found = [processes.find(record) for record in home.glob("*.pid")]
    known = [process for process in found if process]
    return known + [child for process in known for child in process.children(recursive=True)]


@pytest.fixture
def cloudformation(stack: local.Stack) -> Iterator[Any]:
    """Leave nothing of the stages in the emulator, also nothing of what is kept."""
    client: Any = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    yield client
    for stage in ("dev", "prod"):
        name = settings_of(stage)["stack_name"]
        client.delete_stack(StackName=name)
        remove_kept(stack, name)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Write the built template without the one type of resource that the emulator does not know."""
    content = build.built_template()
    for name, resource in list(content["Resources"].items()):
        if resource["Type"] == "AWS::Logs::QueryDefinition":
            del content["Resources"][name]
    for bundle in build.BUNDLES:
        content["Resources"][bundle.name]["Properties"]["CodeUri"] = str(bundle)
    written = tmp_path / "template.yaml"
    written.write_text(yaml.safe_dump(content))
    return written
