"""Releases of the stages `dev` and `prod` to the emulator, in the place of AWS."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.bootstrap import ROOT
from tools.environment import CREDENTIALS
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

SECONDS: Final = 120
RELEASE: Final = """
import sys
from pathlib import Path
from tools.release.deploy import release
release(sys.argv[1], Path(sys.argv[2]), at_once=sys.argv[3] == "at once")
"""


def release(
    stack: Stack,
    template: Path,
    answer: str,
    stage: str = "dev",
    speed: str = "gradually",
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Release what was built for the tests to the emulator, and answer the question."""
    return run_stage(stack, RELEASE, stage, str(template), speed, answer=answer, **variables)


def run_stage(
    stack: Stack, script: str, *arguments: str, answer: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command for a stage on the emulator, and answer its question."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=environment
        | CREDENTIALS
        | {"AWS_ENDPOINT_URL": stack.endpoint_url, "SAM_CLI_TELEMETRY": "0"}
        | variables,
        input=f"{answer}\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def remove_kept(stack: Stack, name: str) -> None:
    """Delete the tables, logs and secrets of a stack that is gone."""
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    for table in dynamodb.list_tables()["TableNames"]:
        if table.startswith(f"{name}-"):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.delete_table(TableName=table)
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    for group in logs.describe_log_groups()["logGroups"]:
        if f"/{name}" in group["logGroupName"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])
    secrets = session.client("secretsmanager", endpoint_url=stack.endpoint_url)
    for secret in secrets.list_secrets()["SecretList"]:
        if secret["Name"].startswith(f"{name}-"):
            secrets.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
