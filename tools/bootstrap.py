"""Install the project's tools, each set in an environment of its own under `.local/`.

Runs on the machine's bare Python: `python3 tools/bootstrap.py venv sam ministack`. An environment
is made anew if its lock or the interpreter has changed, and otherwise costs nothing. Two are left
out, with a message, on machines that cannot have them: `node`, which is not of Python, without npm;
`rie`, with Lambda's own runtime, on other systems than Linux.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
REQUIREMENTS = ROOT / "requirements"
PROJECT = ROOT / "pyproject.toml"
PROGRESS_SECONDS = 2
UV = LOCAL / "uv" / "bin" / "uv"
# Environment → its lock. They are apart because MiniStack pins one botocore and SAM pins dozens,
# and so that the bundle under the Runtime Interface Emulator finds nothing but itself.
LOCKS = {
    "uv": "uv.txt",
    "venv": "dev.txt",
    "sam": "sam.txt",
    "ministack": "ministack.txt",
    "rie": "rie.txt",
    "bench": "bench.txt",
    "audit": "audit.txt",
    "locust": "locust.txt",
    "openapi": "openapi.txt",
    "node": "package-lock.json",
}
NO_NPM = "NOT INSTALLED: what needs Node.js, for there is no npm (on Debian: apt install npm)."
NO_LINUX = "NOT INSTALLED: Lambda's Runtime Interface Emulator, which is for Linux only."


def main(names: list[str]) -> None:
    """Make the environments of these names."""
    LOCAL.mkdir(exist_ok=True)
    os.environ["UV_CACHE_DIR"] = str(LOCAL / "cache" / "uv")
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    for name in ["uv", *names]:
        lock = REQUIREMENTS / LOCKS[name]
        stamp = LOCAL / name / ".lock"
        installed = lock.read_bytes() + (PROJECT.read_bytes() if name == "venv" else b"")
        wanted = hashlib.sha256(installed + sys.version.encode()).hexdigest()
        if stamp.is_file() and stamp.read_text() == wanted:
            continue
        if missing := what_is_missing(name):
            say(missing)
            continue
        started = time.monotonic()
        say(f"Installing {lock.relative_to(ROOT)} into .local/{name} (once) …", end="")
        if name == "uv":
            install_uv(lock)
        elif name == "node":
            install_node(lock)
        else:
            install(name, lock)
        stamp.write_text(wanted)
        say(f" {time.monotonic() - started:.0f} s")


def what_is_missing(name: str) -> str | None:
    """Return the sentence that says why an environment cannot be on this machine, if so."""
    if name == "node" and not shutil.which("npm"):
        return NO_NPM
    if name == "rie" and sys.platform != "linux":
        return NO_LINUX
    return None


def install_uv(lock: Path) -> None:
    """Bring uv with what every Python has: venv and pip."""
    made = run(sys.executable, "-m", "venv", "--clear", str(UV.parent.parent))
    if not made:
        sys.exit(
            "\nThis Python lacks the venv module (on Debian and Ubuntu: apt install python3-venv)."
        )
    pip = str(UV.parent / "pip")
    if not run(pip, "install", "--quiet", "--no-cache-dir", "--require-hashes", "-r", str(lock)):
        sys.exit("\nuv could not be installed. Is the package index within reach?")


def install_node(lock: Path) -> None:
    """Install npm's lock. No package runs a script of its own."""
    home = LOCAL / "node"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, home)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    cache = str(LOCAL / "cache" / "npm")
    if not run("npm", "ci", *options, "--cache", cache, "--prefix", str(home)):
        sys.exit(f"\nThe tools of {lock.relative_to(ROOT)} could not be installed.")


def install(name: str, lock: Path) -> None:
    """Make one locked environment with uv."""
    home = str(LOCAL / name)
    made = run(str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, home)
    sync = [str(UV), "pip", "sync", "--quiet", "--require-hashes", "--python", home, str(lock)]
    is_whole = made and run(*sync)
    if name == "venv":  # the project itself, for its commands: replay and admin
        editable = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
        is_whole = is_whole and run(
            str(UV), "pip", "install", "--quiet", "--python", home, *editable
        )
    if not is_whole:
        sys.exit(f"\nThe tools of {lock.relative_to(ROOT)} could not be installed.")


def run(*command: str) -> bool:
    """Run a command, and show on a terminal that it runs; return whether it succeeded."""
    with subprocess.Popen(command) as process:  # noqa: S603
        while True:
            try:
                return process.wait(PROGRESS_SECONDS) == 0
            except subprocess.TimeoutExpired:
                if sys.stderr.isatty():
                    say(".", end="")


def say(text: str, end: str = "\n") -> None:
    """Show progress on the error stream: the output is the commands' own."""
    print(text, file=sys.stderr, flush=True, end=end)  # noqa: T201


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        say("\nInterrupted. Run the same command again: it continues.")
        sys.exit(130)
