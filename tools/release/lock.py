"""Renew the locks: the newest versions that fit together, hashed, for every Python and machine."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from tools.bootstrap import REQUIREMENTS, ROOT, UV

RUNTIME = "src/requirements.txt"
DEVELOPMENT = "requirements/dev.txt"
# The package of the viewer names Django, which its files do not need.
UNNEEDED_BY_VIEWER = ("django", "asgiref", "sqlparse")
# A release of a hijacked project is usually withdrawn within days. An urgent fix is locked with
# `UV_EXCLUDE_NEWER="0 days" make lock`.
COOLDOWN_DAYS = 7
ENVIRONMENT = {
    "UV_EXCLUDE_NEWER": f"{COOLDOWN_DAYS} days",
    "NPM_CONFIG_BEFORE": f"{datetime.now(UTC) - timedelta(days=COOLDOWN_DAYS):%Y-%m-%d}",
    **os.environ,
}


def main() -> None:
    """Lock the runtime first: what is developed and operated with must have the same versions."""
    compile_lock(RUNTIME, "pyproject.toml")
    operator = ["pyproject.toml", "--extra", "operator"]
    console = [*operator, "--extra", "console"]
    left_out = [f"--no-emit-package={name}" for name in UNNEEDED_BY_VIEWER]
    compile_lock(DEVELOPMENT, *console, "--group", "dev", "--constraint", RUNTIME, *left_out)
    compile_lock("requirements/operator.txt", *operator, "--constraint", DEVELOPMENT)
    compile_lock("requirements/console.txt", *console, "--constraint", DEVELOPMENT)
    for source in sorted(REQUIREMENTS.glob("*.in")):
        compile_lock(f"requirements/{source.stem}.txt", str(source.relative_to(ROOT)))
    compile_npm_lock()


def compile_lock(lock: str, *sources: str) -> None:
    """Write one lock."""
    options = [
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--upgrade",
        "--quiet",
    ]
    command = ["--custom-compile-command", "make lock", "--output-file", lock]
    subprocess.run(  # noqa: S603 - our own command
        [UV, "pip", "compile", *options, *command, *sources], cwd=ROOT, env=ENVIRONMENT, check=True
    )


def compile_npm_lock() -> None:
    """Write npm's lock, without the address of the registry that was used."""
    if not shutil.which("npm"):
        sys.exit("requirements/package-lock.json was not renewed: that needs npm.")
    (REQUIREMENTS / "package-lock.json").unlink(missing_ok=True)
    options = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"]
    subprocess.run(  # noqa: S603 - our own command
        ["npm", "install", *options, "--no-audit", "--no-fund"],  # noqa: S607
        cwd=REQUIREMENTS,
        env=ENVIRONMENT,
        check=True,
    )


if __name__ == "__main__":
    main()
