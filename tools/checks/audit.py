"""`audit`: look for known weaknesses in the template, the code and the locked dependencies."""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tools.bootstrap import LOCAL, REQUIREMENTS, ROOT
from tools.errors import ToolError
from tools.paths import SOURCE, TEMPLATE
from tools.terminal import err, step

LOCKS: Final = (SOURCE / "requirements.txt", *sorted(REQUIREMENTS.glob("*.txt")))
SECONDS: Final = 300
NOT_AUDITED: Final = "NOT AUDITED:"
_BIN: Final = LOCAL / "audit" / "bin"
# The rules of bandit that this code may break, each with the reason.
_ACCEPTED: Final = {
    "B101": "an assert is for the type checker: the line above it makes it true",
    "B105": "made-up credentials of the local stack, which open nothing else",
    "B106": "made-up credentials as arguments, for the same reason",
    "B311": "random numbers choose the load of a test, and keep nothing secret",
    "B404": "the tools start other programs",
    "B603": "each program is started from a list of arguments, without a shell",
    "B607": "git is the one on the PATH",
}
SCANS: Final[dict[str, list[str | Path]]] = {
    "The template's schema (cfn-lint)": [LOCAL / "sam" / "bin" / "cfn-lint", TEMPLATE],
    "The template's weaknesses (checkov)": [
        _BIN / "checkov", "--config-file", ROOT / ".checkov.yaml", "--file", TEMPLATE,
    ],
    "The code's weaknesses (bandit)": [
        _BIN / "bandit", "--quiet", "--recursive", "--skip", ",".join(_ACCEPTED),
        ROOT / "src", ROOT / "tools", ROOT / "appointments_operator",
    ],
}  # fmt: skip


def audit(*, offline: bool) -> None:
    """Run every scan; raises ToolError if one found something or could not finish."""
    failed = [text for text, command in SCANS.items() if not _passes(text, partial(_scan, command))]
    if offline:
        err.print(f"{NOT_AUDITED} the locked dependencies: that needs the network (make audit)")
    else:
        for lock in LOCKS:
            text = f"Known vulnerabilities in {lock.relative_to(ROOT)} (pip-audit)"
            failed += [] if _passes(text, partial(_look_up, lock)) else [text]
    if failed:
        raise ToolError(f"Not clean: {'; '.join(failed)}")


def _passes(text: str, scan: Callable[[], None]) -> bool:
    try:
        with step(text):
            scan()
    except ToolError as found:
        err.print(f"[red]✗[/] {text}")
        err.print(str(found), markup=False, soft_wrap=True)
        return False
    return True


def _scan(command: list[str | Path]) -> None:
    done = _run(command)
    if done.returncode:
        raise ToolError(done.stdout + done.stderr)


def _look_up(lock: Path) -> None:
    """Look up the known vulnerabilities of a lock; no result is a failure."""
    report = LOCAL / "audit" / f"{lock.stem}.json"
    report.unlink(missing_ok=True)
    done = _run([
        _BIN / "pip-audit", "--strict", "--require-hashes", "--disable-pip",
        "--progress-spinner", "off", "--format", "json", "--output", report,
        "--requirement", lock,
    ])  # fmt: skip
    if not report.is_file():
        reason = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise ToolError(f"{NOT_AUDITED} pip-audit could not finish: {reason}")
    dependencies = json.loads(report.read_text())["dependencies"]
    found = [
        f"{dependency['name']} {dependency['version']}: {known['id']}, fixed in "
        f"{', '.join(known['fix_versions']) or 'no version yet'}"
        for dependency in dependencies
        for known in dependency["vulns"]
    ]
    if found or done.returncode or not dependencies:
        raise ToolError("\n".join(found) or f"{NOT_AUDITED} {done.stderr}")


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own tools
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
