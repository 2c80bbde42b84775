"""`make deploy` refuses uncommitted code and failing checks, and asks before a change."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.bootstrap import ROOT
from tools.environment import CREDENTIALS
from tools.errors import ToolError
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.release import build
from tools.release.deploy import deploy, refuse_dirty_tree, refuse_failing_checks, settings_of

SECONDS = 120
RELEASE = """
import sys
from pathlib import Path
from tools.release.deploy import release
release("dev", Path(sys.argv[1]))
"""


@pytest.mark.parametrize("stage", ["", "local", "default", "nowhere"])
def test_an_unknown_stage_is_refused(stage: str) -> None:
    """The message names the stages there are; the local one is not deployed by this command."""
    with pytest.raises(ToolError, match=re.escape("STAGE=dev|prod")):
        deploy(stage)


def test_a_dirty_tree_is_refused(tmp_path: Path) -> None:
    """A file that is not committed stops it, and is named."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    refuse_dirty_tree(tmp_path)
    (tmp_path / "unfinished.py").touch()
    with pytest.raises(ToolError, match=r"unfinished\.py"):
        refuse_dirty_tree(tmp_path)


def test_failing_checks_are_refused() -> None:
    """What does not pass is not deployed."""
    refuse_failing_checks([sys.executable, "-c", ""])
    with pytest.raises(ToolError, match="a check failed"):
        refuse_failing_checks([sys.executable, "-c", "raise SystemExit(1)"])


@pytest.fixture
def cloudformation(stack: Stack) -> Iterator[Any]:
    """Leave nothing of the stage `dev` in the emulator, its kept tables apart."""
    client: Any = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    yield client
    client.delete_stack(StackName=settings_of("dev")["stack_name"])


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Write the built template without the one type of resource that the emulator does not know."""
    template = build.built_template()
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == "AWS::Logs::QueryDefinition":
            del template["Resources"][name]
    for bundle in build.BUNDLES:
        template["Resources"][bundle.name]["Properties"]["CodeUri"] = str(bundle)
    written = tmp_path / "template.yaml"
    written.write_text(yaml.safe_dump(template))
    return written


def release(stack: Stack, template: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """Release what was built for the tests to the emulator, and answer the question."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", RELEASE, template],
        cwd=ROOT,
        env=environment
        | CREDENTIALS
        | {"AWS_ENDPOINT_URL": stack.endpoint_url, "SAM_CLI_TELEMETRY": "0"},
        input=f"{answer}\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_asks_deploys_and_tells_where(stack: Stack, built: Path, cloudformation: Any) -> None:
    """The change set is shown; No changes nothing, Yes deploys; tables outlive the stack."""
    name = settings_of("dev")["stack_name"]
    refused = release(stack, built, "n")
    assert "CloudFormation stack changeset" in refused.stdout, refused.stderr
    assert "AWS::DynamoDB::Table" in refused.stdout
    assert refused.returncode == 1
    assert "http" not in refused.stdout.splitlines()[-1]

    done = release(stack, built, "y")
    assert done.returncode == 0, done.stderr
    (outputs,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    urls = {each["OutputKey"]: each["OutputValue"] for each in outputs["Outputs"]}
    assert done.stdout.splitlines()[-1] == urls["ApiUrl"]

    cloudformation.delete_stack(StackName=name)
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    for key in ("SessionsTable", "RecordsTable", "AppointmentsTable", "NotificationsTable"):
        table = dynamodb.describe_table(TableName=urls[key])["Table"]
        assert table["DeletionProtectionEnabled"]
