"""`make deploy` refuses uncommitted code and failing checks, and asks before a change."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack.releases import release
from tests.template import template
from tools.environment import ARCHITECTURE, RUNTIME
from tools.errors import ToolError
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.release import build, package
from tools.release.deploy import deploy, refuse_dirty_tree, refuse_failing_checks, settings_of
from tools.release.target import refuse_unfit


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


def test_it_asks_deploys_and_prints_the_url(stack: Stack, built: Path, cloudformation: Any) -> None:
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


def test_the_repair_that_must_not_wait(stack: Stack, built: Path, cloudformation: Any) -> None:
    """AT_ONCE=1 turns off the canary alone: every other parameter is as the stage has it."""
    expected = {**settings_of("prod")["parameter_overrides"], "GradualDeployment": "false"}
    assert settings_of("prod")["parameter_overrides"]["GradualDeployment"] == "true"
    done = release(stack, built, "y", "prod", "at once")
    assert done.returncode == 0, done.stderr
    (found,) = cloudformation.describe_stacks(StackName="appointments-prod")["Stacks"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    assert values == expected


@pytest.mark.usefixtures("stack")
def test_a_package_for_another_python_is_refused(tmp_path: Path) -> None:
    """What was built for one Python or processor is not deployed where another one runs it."""
    refuse_unfit(build.BUNDLE, RUNTIME, ARCHITECTURE)
    other = "python3.14" if RUNTIME != "python3.14" else "python3.13"
    with pytest.raises(ToolError, match=re.escape(f"built for {RUNTIME} on {ARCHITECTURE}")):
        refuse_unfit(build.BUNDLE, other, ARCHITECTURE)
    with pytest.raises(ToolError, match="the stack runs"):
        refuse_unfit(build.BUNDLE, RUNTIME, "arm64" if ARCHITECTURE != "arm64" else "x86_64")
    with pytest.raises(ToolError, match="built for no Python"):
        refuse_unfit(tmp_path, RUNTIME, ARCHITECTURE)


@pytest.mark.usefixtures("stack")
def test_a_package_without_bytecode_is_refused(tmp_path: Path) -> None:
    """The build only warns if it finds no interpreter to compile with; the deployment refuses."""
    bundle = tmp_path / "CreateFunction"
    shutil.copytree(build.BUNDLE, bundle)
    next((bundle / "appointments" / "email" / "__pycache__").glob("sender.*.pyc")).unlink()
    with pytest.raises(ToolError, match=rf"has no \.pyc files.*Install {RUNTIME}"):
        refuse_unfit(bundle, RUNTIME, ARCHITECTURE)


def test_a_changed_default_does_not_reach_an_existing_stack(
    stack: Stack, built: Path, cloudformation: Any
) -> None:
    """Why each stage names every parameter: without an override, the stack keeps what it has."""
    changed = built.with_name("changed.yaml")
    changed.write_text(built.read_text().replace("Default: 512", "Default: 1024"))
    assert changed.read_text() != built.read_text()
    values = []
    for content in (built, changed):
        build.sam(
            *("deploy", "--template-file", content, "--stack-name", "appointments-dev"),
            *("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
            "--no-fail-on-empty-changeset",
            AWS_ENDPOINT_URL=stack.endpoint_url,
        )
        (found,) = cloudformation.describe_stacks(StackName="appointments-dev")["Stacks"]
        memory = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        values.append(memory["MemorySize"])
    assert values == ["512", "512"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_each_stage_names_every_parameter(stage: str) -> None:
    """A changed default never reaches an existing stack, so no stage relies on one."""
    overrides = settings_of(stage)["parameter_overrides"]
    assert list(overrides) == list(template()["Parameters"]), "samconfig.toml, in the same order"
    assert all(isinstance(value, str) for value in overrides.values())
    assert overrides["Stage"] == stage
    assert overrides["Runtime"] == package.DEFAULT_RUNTIME
    assert overrides["Architecture"] == package.DEFAULT_ARCHITECTURE
