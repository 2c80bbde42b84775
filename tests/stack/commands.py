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


def run(
    stack: Stack, command: str, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a console script against the stack, without a terminal."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
    }
    return subprocess.run(  # noqa: S603
        [BIN / command, *arguments],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
