"""`mutants`: change the code in one place at a time, and report each change that no test notices.

mutmut's own runner runs pytest twice in one process, which these tests do not support: every change
counts as noticed, or the run hangs. So this module draws a sample of the changes in `mutations`,
and runs the tests in a new process for each.
"""

import random
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET  # nosec B405 - reads only the JUnit file that pytest has just written here
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import click
from coverage import CoverageData
from rich.progress import track

from tools.bootstrap import LOCAL, ROOT
from tools.checks.mutations import Change, changes
from tools.command import Command
from tools.environment import tool_environment
from tools.errors import ToolError
from tools.terminal import err, out, step

GOAL: Final = 0.95
_HOME: Final = LOCAL / "mutants"
_TREE: Final = _HOME / "tree"
_PACKAGE: Final = Path("src/appointments")
# The fault campaigns reach every line but decide nothing that these do not, in four times the time.
_TESTS: Final = ("tests/unit", "tests/service", "tests/email", "tests/upgrades")
# These read the source text: they notice how a change looks, not what it does.
_READERS_OF_SOURCE: Final = "tests/unit/test_architecture.py"
_TEST_SECONDS: Final = 60
_RUN_SECONDS: Final = 900
_PYTEST: Final = (
    sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider",
    "--timeout", str(_TEST_SECONDS),
)  # fmt: skip
_COVERAGE: Final = """\
[run]
dynamic_context = test_function
source = src/appointments
data_file = {home}/coverage
core = ctrace
"""


class Reach:
    """Which tests reach which line, and how long each takes."""

    def __init__(self, data: CoverageData, seconds: Mapping[str, float]) -> None:
        self._data = data
        self._seconds = seconds

    def tests(self, change: Change) -> list[str]:
        """Return the tests that reach a change: the files that take the shortest time first."""
        by_line = self._data.contexts_by_lineno(str(_TREE / change.module))
        reached = {name for line in change.lines for name in by_line.get(line, ())}
        # What runs at import alone is reached by no test of its own: all tests count.
        names = set(self._seconds) if reached == {""} else {_node_id(name) for name in reached}
        return self.in_order(names)

    def in_order(self, names: Collection[str] | None = None) -> list[str]:
        """Return these tests, or all: the files that take the shortest time first."""
        by_file: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._seconds:  # in pytest's own order
            if names is None or name in names:
                by_file[name.partition("::")[0]].append(name)
        files = sorted(
            by_file.values(), key=lambda tests: sum(map(self._seconds.__getitem__, tests))
        )
        return [name for tests in files for name in tests]


def _node_id(context: str) -> str:
    """Return pytest's name of a test function from coverage's."""
    module, _, function = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{function}"


@click.command(cls=Command, examples=["make mutants MODULE=validation COUNT=50"])
@click.option("--module", metavar="NAME", help="Of this module only: handler, or its path.")
@click.option("--count", type=int, default=300, show_default=True, help="So many changes.")
@click.option("--seed", type=int, help="The same sample again.")
def main(*, module: str | None, count: int, seed: int | None) -> None:
    """Change the code in one place at a time, and list each change that no test notices."""
    survey(module, count, seed)


def survey(module: str | None, count: int, seed: int | None) -> None:
    """Make a sample of changes, one at a time; raises ToolError if too few are noticed."""
    seed = random.SystemRandom().randrange(10_000) if seed is None else seed
    possible = [change for path in _modules(module) for change in changes(path)]
    chosen = random.Random(seed).sample(possible, min(count, len(possible)))  # noqa: S311 - no secret
    with step(f"Copy the project to {_TREE.relative_to(ROOT)}"):
        _copy()
    with step("Run the tests unchanged, to see which reach which line"):
        reach = _measure()
    with step("Run them once more in another order, which must not matter"):
        _require_success(_run([*_PYTEST, *reach.in_order()]))
    err.print(f"{len(chosen)} of {len(possible)} changes, SEED={seed}; one that no test notices:")
    unnoticed = []
    for number, change in enumerate(track(chosen, "One at a time", console=err), 1):
        if not _is_noticed(change, reach.tests(change)):
            unnoticed.append(change)
            out.print(f"\n[{number}] {change}", markup=False, highlight=False, soft_wrap=True)
    share = 1 - len(unnoticed) / len(chosen)
    out.print(
        f"\n{len(chosen) - len(unnoticed)} of {len(chosen)} noticed ({share:.1%}), SEED={seed}"
    )
    if share < GOAL:
        raise ToolError(f"At least {GOAL:.0%} must be noticed: give the lines above a test.")


def _modules(name: str | None) -> list[Path]:
    every = sorted(path.relative_to(ROOT) for path in (ROOT / _PACKAGE).rglob("*.py"))
    chosen = [path for path in every if name in (None, path.stem, str(path))]
    if not chosen:
        raise ToolError(f"There is no module {name}: make mutants MODULE=handler")
    return chosen


def _copy() -> None:
    """Copy all files that git does not ignore, so that no change is made in the project itself."""
    shutil.rmtree(_TREE, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own command
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (_TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, _TREE / name)


def _measure() -> Reach:
    settings, junit = _HOME / "coveragerc", _HOME / "junit.xml"
    settings.write_text(_COVERAGE.format(home=_HOME))
    covered = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", *_PYTEST[1:]]
    run = _run([*covered, f"--junitxml={junit}", f"--ignore={_READERS_OF_SOURCE}", *_TESTS])
    _require_success(run)
    seconds: defaultdict[str, float] = defaultdict(float)
    for case in ET.parse(junit).iter("testcase"):  # noqa: S314 # nosec B314 - our own file
        name = case.attrib["name"].partition("[")[0]
        seconds[_node_id(f"{case.attrib['classname']}.{name}")] += float(case.attrib["time"])
    data = CoverageData(str(_HOME / "coverage"))
    data.read()
    return Reach(data, seconds)


def _require_success(run: subprocess.CompletedProcess[str]) -> None:
    if run.returncode:
        raise ToolError(f"The tests fail without any change:\n{run.stdout[-3000:]}{run.stderr}")


def _is_noticed(change: Change, tests: list[str]) -> bool:
    """Whether a test fails with the change; a change that no test reaches is not noticed."""
    if not tests:
        return False
    path = _TREE / change.module
    before = path.read_text(encoding="utf-8")
    path.write_text(change.text, encoding="utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()  # Python compares only second and size
    try:
        run = _run([*_PYTEST, *tests])
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(before, encoding="utf-8")
    if "ERROR: not found" in run.stderr:
        raise ToolError(f"pytest does not know its own tests:\n{run.stderr}")
    return run.returncode != 0


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=_TREE,
        env=tool_environment(PYTHONPATH=str(_TREE)),
        check=False,
        capture_output=True,
        text=True,
        timeout=_RUN_SECONDS,
    )


if __name__ == "__main__":
    main(prog_name="python -m tools.checks.mutants")
