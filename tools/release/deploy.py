"""`deploy`: to AWS goes only what is committed and passes every check, once its changes were seen.

The environment says which account, and has the credentials, as for `sam`.
"""

import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from tools.bootstrap import ROOT
from tools.console import err, out
from tools.errors import ToolError
from tools.paths import SAM, SAMCONFIG

CHECKS: Final = (ROOT / ".ci" / "run",)
WHOLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


def deploy(stage: str) -> None:
    """Deploy the stage, as samconfig.toml describes it, from the commit that is checked out."""
    settings_of(stage)
    refuse_dirty_tree(ROOT)
    refuse_failing_checks(CHECKS)
    _run([SAM, "build"], "The package was not built.")
    release(stage, ROOT / ".aws-sam" / "build" / "template.yaml")


def settings_of(stage: str) -> dict[str, Any]:
    """Return the stage's deployment as samconfig.toml has it."""
    stages = tomllib.loads(SAMCONFIG.read_text())
    del stages["version"], stages["default"]
    del stages["local"]  # `make up` alone knows its parameters
    if stage not in stages:
        raise ToolError(f"Which stage? make deploy STAGE={'|'.join(sorted(stages))}")
    settings: dict[str, Any] = stages[stage]["deploy"]["parameters"]
    return settings


def refuse_dirty_tree(tree: Path) -> None:
    """Raise ToolError if something is not committed: what was deployed would be unknown."""
    asked = subprocess.run(
        ["git", "status", "--porcelain"],  # noqa: S607 - the git that committed it
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    if asked.stdout:
        raise ToolError(f"Commit this first, or put it aside:\n{asked.stdout.rstrip()}")


def refuse_failing_checks(checks: Sequence[str | Path]) -> None:
    """Raise ToolError unless all that must pass before anything lands does."""
    _run(checks, "Nothing was deployed: a check failed.")


def release(stage: str, template: Path) -> None:
    """Show the change set of a built template, ask, deploy it, and print the URL of the API."""
    settings = settings_of(stage)
    _run(
        [
            *(SAM, "deploy", "--config-file", SAMCONFIG, "--config-env", stage),
            *("--template-file", template, "--confirm-changeset"),
        ],
        "Nothing was deployed, or it was rolled back: see above.",
    )
    cloudformation = boto3.client("cloudformation", region_name=settings["region"])
    try:
        (stack,) = cloudformation.describe_stacks(StackName=settings["stack_name"])["Stacks"]
    except ClientError as absent:
        raise ToolError("Nothing was deployed.") from absent
    if stack["StackStatus"] not in WHOLE:
        raise ToolError(f"The stack is not whole: {stack['StackStatus']}")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    err.print(f"[bold]{stage}[/] is at", end=" ")
    out.print(outputs["ApiUrl"], soft_wrap=True)


def _run(command: Sequence[str | Path], otherwise: str) -> None:
    """Run a command in the terminal: its user sees it and responds to it."""
    if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603
        raise ToolError(otherwise)
