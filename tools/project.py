"""Where things lie, and what the project's own files already say."""

import os
import platform
import sys
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from tools.bootstrap import LOCAL, ROOT

TEMPLATE: Final = ROOT / "template.yaml"
SAMCONFIG: Final = ROOT / "samconfig.toml"
PACKAGER: Final = ROOT / "tools" / "package.py"
SOURCE: Final = ROOT / "src"
EVENTS: Final = ROOT / "events"
SAM: Final = LOCAL / "sam" / "bin" / "sam"
MINISTACK: Final = LOCAL / "ministack" / "bin" / "python"

# MiniStack runs the function on its own interpreter, so the local package is built for this one.
RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
IS_MAC: Final = platform.system() == "Darwin"

_LOCAL_DEPLOYMENT: Final[Mapping[str, Any]] = tomllib.loads(SAMCONFIG.read_text())["local"][
    "deploy"
]["parameters"]
STACK_NAME: Final[str] = _LOCAL_DEPLOYMENT["stack_name"]
REGION: Final[str] = _LOCAL_DEPLOYMENT["region"]
LOG_GROUP: Final = f"/aws/lambda/{STACK_NAME}"
QUEUE: Final = f"{STACK_NAME}-notifications"  # holds what was published, so that it can be read
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class ToolError(Exception):
    """What keeps a command from its work, said so that its user knows what to do."""


def bare_environment(**more: str) -> dict[str, str]:
    """Return the little that the stack's processes need, so that nothing else leaks into them."""
    return {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
    } | more


def tool_environment(**more: str) -> dict[str, str]:
    """Return this environment (its proxies and certificates too) without anyone's AWS account."""
    temporary = LOCAL / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return ours | {"TMPDIR": str(temporary)} | more
