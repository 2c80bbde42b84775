"""Renew the locks: the newest versions that fit together, hashed, for every Python and machine."""

import subprocess

from tools.bootstrap import REQUIREMENTS, ROOT, UV

RUNTIME = "src/requirements.txt"
DEVELOPMENT = "requirements/dev.txt"


def main() -> None:
    """Lock the runtime first: what is developed and operated with must have the same versions."""
    compile_lock(RUNTIME, "pyproject.toml")
    operator = ["pyproject.toml", "--extra", "operator"]
    compile_lock(DEVELOPMENT, *operator, "--group", "dev", "--constraint", RUNTIME)
    compile_lock("requirements/operator.txt", *operator, "--constraint", DEVELOPMENT)
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
