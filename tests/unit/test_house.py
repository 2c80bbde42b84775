"""The house keeps to its plan: floors, first lines, size, and no knowledge of where it is tried."""

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


def imports(module: str) -> set[str]:
    """Return the package's modules that `module` imports, wherever in its text it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        parts[1] for name in found if (parts := name.split("."))[0] == "appointments" and parts[1:]
    }


def test_the_plan_shows_every_module_once() -> None:
    """The package's docstring names every module, each on one floor."""
    planned = [module for floor in FLOORS for module in floor]
    assert sorted(planned) == [name for name in MODULES if name != "__init__"]


@pytest.mark.parametrize("module", FLOOR)
def test_every_import_points_to_a_lower_floor(module: str) -> None:
    """A module imports what lies below it alone: nothing beside it, nothing above."""
    assert not [other for other in imports(module) if FLOOR[other] <= FLOOR[module]]


def test_the_imports_are_seen() -> None:
    """The test reads imports of both forms, so that it cannot pass by seeing none."""
    assert {"answers", "http", "create", "statuses"} <= imports("handler")


@pytest.mark.parametrize("module", MODULES)
def test_a_first_line_says_what_the_module_is_for(module: str) -> None:
    """Every module's first line is a docstring's sentence, ended with a full stop."""
    first = MODULES[module].read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r'"""[A-Z].*\.(""")?', first)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_two(module: str) -> None:
    """A module has one job: past 250 lines it is two."""
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


# An appointment's zones are no place where the function runs.
ZONES = '("local", "office", "utc")'


@pytest.mark.parametrize("module", MODULES)
def test_nothing_knows_where_it_is_tried(module: str) -> None:
    """Nothing that is deployed mentions the emulator, the mocks, the sandbox or the local stage."""
    source = MODULES[module].read_text(encoding="utf-8").replace(ZONES, "")
    words = r"\b(ministack|moto|sandbox|emulator|localstack|localhost|127\.0\.0\.1|local)\b"
    assert not re.findall(words, source, re.IGNORECASE)
