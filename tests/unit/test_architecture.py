"""The package keeps to its plan: floors, size, and one reader of each environment."""

import re
from pathlib import Path

import pytest

import appointments
from tests.unit.imports import imported

PACKAGE = Path(appointments.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}
# The plan: the rows of the table in the package's docstring, from the top floor to the ground.
FLOORS = [
    re.findall(r"`([\w.]+)`", row.partition("  ")[0])
    for row in str(appointments.__doc__).splitlines()
    if row.startswith("`")
]
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
SUBPACKAGES = {"email", "tables"}
MAX_LINES = 250


def imports(module: str) -> set[str]:
    """Return the package's modules that `module` imports."""
    names = {name.removeprefix("appointments.") for name in imported(MODULES[module])}
    return {other for name in names for other in (name, name.rpartition(".")[0])} & MODULES.keys()


def test_the_plan_shows_every_module_once() -> None:
    """The package's docstring names every module, each on one floor."""
    planned = sorted(module for floor in FLOORS for module in floor)
    assert planned == sorted(MODULES), "bring the table in src/appointments/__init__.py up to date"
    assert {module.rpartition(".")[0] for module in MODULES} == {"", *SUBPACKAGES}


@pytest.mark.parametrize("module", FLOOR)
def test_every_import_points_to_a_lower_floor(module: str) -> None:
    """A module imports only what lies below it: nothing on its own floor, nothing above."""
    wrong = [other for other in imports(module) if FLOOR[other] <= FLOOR[module]]
    assert not wrong, f"{module} imports {wrong}: move what it needs to a lower floor"


def test_the_imports_are_seen() -> None:
    """The test reads imports of both forms, in both kinds of module, so it cannot see none."""
    assert {"responses", "create", "statuses"} <= imports("handler")
    assert {"tables.base", "tables.keys", "clients"} <= imports("tables.records") | imports(
        "tables.base"
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_job(module: str) -> None:
    """A module past 250 lines is two."""
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{module} has {lines} lines: move one of its jobs elsewhere"


def test_one_module_for_each_function_reads_the_environment() -> None:
    """Only the settings can read the environment, so nothing else can know where it runs."""
    doors = {"os", "platform", "socket", "sys"}
    readers = {
        module
        for module, path in MODULES.items()
        if {name.split(".")[0] for name in imported(path)} & doors
    }
    assert readers == {"settings", "keeper_settings"}


@pytest.mark.parametrize("module", ["notification", "parameters", "statuses", "tables.keys"])
def test_what_commands_import_needs_no_environment(module: str) -> None:
    """Commands and documents import the declarations without any variable being set."""
    assert not reached_from(module) & {"settings", "keeper_settings"}


def test_the_keeper_needs_its_own_variables_alone() -> None:
    """No module that the keeper imports reads the environment of the other function."""
    assert "settings" not in reached_from("tab")
    assert "keeper_settings" not in reached_from("handler")


def reached_from(module: str) -> set[str]:
    """Return the package's modules that `module` imports, directly or through others."""
    reached: set[str] = set()
    new = {module}
    while new:
        reached |= new
        new = {other for each in new for other in imports(each)} - reached
    return reached
