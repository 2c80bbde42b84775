"""The machine, the local stack's names, and the environment variables of child processes."""

import os
import platform
import sys
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from tools.bootstrap import LOCAL
from tools.paths import SAMCONFIG

# MiniStack runs the function on its own interpreter, so the local package is built for this one.
RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
IS_MAC: Final = platform.system() == "Darwin"

_LOCAL_DEPLOYMENT: Final[Mapping[str, Any]] = tomllib.loads(SAMCONFIG.read_text())["local"][
    "deploy"
]["parameters"]
STACK_NAME: Final[str] = _LOCAL_DEPLOYMENT["stack_name"]
DEFAULT_PORT: Final = 4566  # of the local stack
REGION: Final[str] = _LOCAL_DEPLOYMENT["region"]
LOG_GROUP: Final = f"/aws/lambda/{STACK_NAME}"
QUEUE: Final = f"{STACK_NAME}-notifications"  # subscribed to the topic, so that it can be read
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def bare_environment(**more: str) -> dict[str, str]:
    """Return the few variables that the stack's processes need, and no others of this shell."""
    return {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
    } | more


def tool_environment(**more: str) -> dict[str, str]:
    """Return this shell's variables (proxies and certificates too) without those for AWS."""
    temporary = LOCAL / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return ours | {"TMPDIR": str(temporary)} | more
