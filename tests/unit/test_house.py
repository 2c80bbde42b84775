"""The house keeps to its plan: floors, size, and one door through which the environment comes."""

import ast
import re
from pathlib import Path

import pytest

import appointments

PACKAGE = Path(appointments.__file__).parent
MODULES = {path.stem: path for path in sorted(PACKAGE.glob("*.py"))}
# The plan: the rows of the table in the package's docstring, from the top floor to the ground.
FLOORS = [
    re.findall(r"`(\w+)`", row.partition("  ")[0])
    for row in str(appointments.__doc__).splitlines()
    if row.startswith("`")
]
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
LONGEST = 250


def imported(module: str) -> set[str]:
    """Return all names that `module` imports, wherever in its text it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports(module: str) -> set[str]:
    """Return the package's modules that `module` imports."""
    names = [name.split(".") for name in imported(module)]
    return {parts[1] for parts in names if parts[0] == "appointments" and parts[1:]}


def test_the_plan_shows_every_module_once() -> None:
    """The package's docstring names every module, each on one floor."""
    planned = [module for floor in FLOORS for module in floor]
    modules = [name for name in MODULES if name != "__init__"]
    assert sorted(planned) == modules, "bring the table in src/appointments/__init__.py up to date"


@pytest.mark.parametrize("module", FLOOR)
def test_every_import_points_to_a_lower_floor(module: str) -> None:
    """A module imports what lies below it alone: nothing beside it, nothing above."""
    wrong = [other for other in imports(module) if FLOOR[other] <= FLOOR[module]]
    assert not wrong, f"{module} imports {wrong}: move what it needs to a lower floor"


def test_the_imports_are_seen() -> None:
    """The test reads imports of both forms, so that it cannot pass by seeing none."""
    assert {"responses", "api_gateway", "create", "statuses"} <= imports("handler")


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_two(module: str) -> None:
    """A module has one job: past 250 lines it is two."""
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{module} has {lines} lines: move one of its jobs to another module"


def test_one_module_reads_the_environment() -> None:
    """Only `settings` can read the environment, so nothing else can know where it is tried."""
    doors = {"os", "platform", "socket", "sys"}
    names = {module: {name.split(".")[0] for name in imported(module)} for module in MODULES}
    assert {module for module in MODULES if names[module] & doors} == {"settings"}
