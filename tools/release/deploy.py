"""`deploy`: deploy only what is committed, passes every check and was confirmed.

The environment names the account and has the credentials, as for `sam`.
"""

import json
import os
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from tools.bootstrap import LOCAL, ROOT
from tools.errors import ToolError
from tools.paths import SAM, SAMCONFIG
from tools.release import build, failed_creation
from tools.release.target import refuse_unfit
from tools.terminal import err, out

BUILD: Final = ROOT / ".aws-sam" / "build"
AT_ONCE_OVERRIDES: Final = LOCAL / "at-once.yaml"  # JSON is YAML
CHECKS: Final = (ROOT / ".ci" / "run",)
WHOLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


def deploy(stage: str, *, at_once: bool = False) -> None:
    """Deploy the stage, as samconfig.toml describes it, from the commit that is checked out.

    With `at_once` the alias moves to the new version as soon as it exists, also if the stage has
    gradual deployments.
    """
    parameters = settings_of(stage)["parameter_overrides"]
    refuse_dirty_tree(ROOT)
    refuse_failing_checks(CHECKS)
    runtime, architecture = parameters["Runtime"], parameters["Architecture"]
    target = {"LAMBDA_RUNTIME": runtime, "LAMBDA_ARCHITECTURE": architecture}
    _run([SAM, "build"], "The package was not built.", **target)
    for bundle in build.BUNDLES:
        refuse_unfit(BUILD / bundle.name, runtime, architecture)
    release(stage, BUILD / "template.yaml", at_once=at_once)


def settings_of(stage: str) -> dict[str, Any]:
    """Return the stage's deployment as samconfig.toml has it."""
    stages = tomllib.loads(SAMCONFIG.read_text())
    del stages["version"], stages["default"]
    del stages["local"]  # only `make up` can give its parameters
    if stage not in stages:
        raise ToolError(f"Which stage? Add STAGE={'|'.join(sorted(stages))}")
    settings: dict[str, Any] = stages[stage]["deploy"]["parameters"]
    return settings


def refuse_dirty_tree(tree: Path) -> None:
    """Raise ToolError if something is not committed: what was deployed would be unknown."""
    status = subprocess.run(
        ["git", "status", "--porcelain"],  # noqa: S607 - the git that committed it
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    if status.stdout:
        raise ToolError(f"Commit this first, or put it aside:\n{status.stdout.rstrip()}")


def refuse_failing_checks(checks: Sequence[str | Path]) -> None:
    """Raise ToolError unless every check passes."""
    _run(checks, "Nothing was deployed: a check failed.")


def release(stage: str, template: Path, *, at_once: bool = False) -> None:
    """Show the change set of a built template, ask, deploy it, and print the URL of the API."""
    settings = settings_of(stage)
    cloudformation = boto3.client("cloudformation", region_name=settings["region"])
    dynamodb = boto3.client("dynamodb", region_name=settings["region"])
    failed_creation.clear(cloudformation, dynamodb, settings["stack_name"])
    arguments = _arguments_at_once(settings["parameter_overrides"]) if at_once else []
    command: list[str | Path] = [
        SAM, "deploy", "--config-file", SAMCONFIG, "--config-env", stage,
        "--template-file", template, "--confirm-changeset", *arguments,
    ]  # fmt: skip
    _run(command, "Nothing was deployed, or it was rolled back: see above.")
    try:
        (stack,) = cloudformation.describe_stacks(StackName=settings["stack_name"])["Stacks"]
    except ClientError as absent:
        raise ToolError("Nothing was deployed.") from absent
    if stack["StackStatus"] not in WHOLE:
        raise ToolError(f"The stack is not whole: {stack['StackStatus']}")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    err.print(f"[bold]{stage}[/] is at", end=" ")
    out.print(outputs["ApiUrl"], soft_wrap=True)


def _arguments_at_once(overrides: Mapping[str, str]) -> list[str]:
    """Return the arguments that deploy with the stage's parameters, but all traffic at once.

    The parameters are in a file, because only there SAM takes an empty value.
    """
    AT_ONCE_OVERRIDES.write_text(json.dumps({**overrides, "GradualDeployment": "false"}))
    return ["--parameter-overrides", f"file://{AT_ONCE_OVERRIDES}"]


def _run(command: Sequence[str | Path], otherwise: str, **variables: str) -> None:
    """Run a command in the terminal: its user sees it and responds to it."""
    environment = os.environ | variables
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        raise ToolError(otherwise)
