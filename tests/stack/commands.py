"""The console scripts, run on the deployed stack as operators run them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.environment import CREDENTIALS
from tools.local_stack.stack import Stack

BIN: Final = Path(sys.executable).parent
SECONDS: Final = 120


def environment(stack: Stack) -> dict[str, str]:
    """Return the environment of a command that works on the stack."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
    }


def run(
    stack: Stack, command: str, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a console script against the stack, without a terminal."""
    return subprocess.run(  # noqa: S603
        [BIN / command, *arguments],
        env=environment(stack),
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
