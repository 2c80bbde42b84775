"""Renew the locks: the newest versions that fit together, hashed, for every Python and machine."""

import subprocess

from tools.bootstrap import REQUIREMENTS, ROOT, UV

RUNTIME = "src/requirements.txt"


def main() -> None:
    """Lock the runtime first: the developers' environment must hold the very same versions."""
    compile_lock(RUNTIME, "pyproject.toml")
    compile_lock(
        "requirements/dev.txt", "pyproject.toml", "--group", "dev", "--constraint", RUNTIME
    )
    for source in sorted(REQUIREMENTS.glob("*.in")):
        compile_lock(f"requirements/{source.stem}.txt", str(source.relative_to(ROOT)))


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
    subprocess.run([UV, "pip", "compile", *options, *command, *sources], cwd=ROOT, check=True)  # noqa: S603


if __name__ == "__main__":
    main()
