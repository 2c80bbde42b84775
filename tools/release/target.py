"""What a built package runs on, read from its own files: no note beside it that could be wrong."""

import re
from pathlib import Path
from typing import Final

from tools.errors import ToolError

# `_core.cpython-313-aarch64-linux-gnu.so`: the Python and the processor of a native module.
_NATIVE: Final = re.compile(r"\.cpython-3(\d+)-(\w+)-linux-gnu\.so$")
_ARCHITECTURES: Final = {"aarch64": "arm64", "x86_64": "x86_64"}


def refuse_unfit(bundle: Path, runtime: str, architecture: str) -> None:
    """Raise ToolError unless the package was built for this runtime, with its `.pyc` files.

    On another Python or processor the native modules do not load, and every request fails. Without
    `.pyc` files a cold start takes twice as long.
    """
    built_for = sorted({_target(module) for module in bundle.rglob("*.so")})
    if built_for != [f"{runtime} on {architecture}"]:
        raise ToolError(
            f"{bundle.name} was built for {' and '.join(built_for) or 'no Python'}, and the stack "
            f"runs {runtime} on {architecture}. Nothing was deployed. Check LAMBDA_RUNTIME and "
            "LAMBDA_ARCHITECTURE of this shell, and build again."
        )
    tag = f"cpython-{runtime.removeprefix('python').replace('.', '')}"
    for source in (bundle / "appointments").rglob("*.py"):
        if not (source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").is_file():
            raise ToolError(
                f"{bundle.name} has no .pyc files: a cold start would take twice as long. Nothing "
                f"was deployed. Install {runtime} (on the PATH, with pyenv or with uv), then "
                "deploy again."
            )


def _target(module: Path) -> str:
    """Return the runtime and the architecture of a native module, or its name if it has none."""
    tags = _NATIVE.search(module.name)
    if tags is None:
        return module.name
    return f"python3.{tags[1]} on {_ARCHITECTURES.get(tags[2], tags[2])}"
