"""Tools of Node.js, as `make test` installs them into .local/node; without npm they are skipped."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tools.bootstrap import LOCAL, NO_NPM
from tools.environment import tool_environment

HOME: Final = LOCAL / "node"
SECONDS: Final = 120
# Neither Redocly nor a package of it calls home.
_QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def run_node(tool: str, *arguments: str | Path, cwd: Path | None = None) -> tuple[int, str]:
    """Run one of the tools, or `node` itself; return its exit code and what it printed.

    Skips the test if the machine has no npm, or fails it if `REQUIRE_NODE` is set.
    """
    if not shutil.which("npm"):
        if os.environ.get("REQUIRE_NODE"):
            pytest.fail(NO_NPM)
        pytest.skip(NO_NPM)
    if not (HOME / ".lock").is_file():
        pytest.fail("Run `make test`, or: python3 tools/bootstrap.py node")
    command = "node" if tool == "node" else HOME / "node_modules" / ".bin" / tool
    return run_tool([command, *arguments], cwd or HOME, **_QUIET)


def run_tool(command: Sequence[str | Path], cwd: Path, **variables: str) -> tuple[int, str]:
    """Run a tool with more variables; return its exit code and what it printed."""
    done = subprocess.run(  # noqa: S603 - a tool of ours
        command,
        cwd=cwd,
        env=tool_environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout
