"""A folder's docstring says what its modules may import; they do not import anything else."""

import ast
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.unit.imports import imported

ROOT: Final = Path(__file__).parents[2]
# The folders with rules of their own: tests and bench may import everything.
FOLDERS: Final = [
    str(path.parent.relative_to(ROOT))
    for pattern in ("appointments_operator/**/__init__.py", "tools/**/__init__.py")
    for path in sorted(ROOT.glob(pattern))
]
OURS: Final = {"appointments", "appointments_operator", "bench", "tests", "tools"}
BARE_PYTHON: Final = [
    "tools/bootstrap.py",
    "tools/minimum_python.py",
    "tools/release/lock.py",
    "tools/release/package.py",
]


def module_of(name: str) -> str:
    """Return the module that an imported name is, or is in."""
    paths = (ROOT / name.replace(".", "/"), ROOT / "src" / name.replace(".", "/"))
    is_module = any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
    return name if is_module else name.rpartition(".")[0]


def permitted(folder: str) -> set[str]:
    """Return what the docstring of a folder's `__init__` says that its modules may import."""
    docstring = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text())) or ""
    (_, rule) = docstring.split("May import: ")
    return set(re.findall(r"`([\w.]+)`", rule))


def is_permitted(module: str, allowed: set[str]) -> bool:
    """Return whether a module is allowed, or directly in an allowed folder."""
    folder, is_folder = module.rpartition(".")[0], (ROOT / module.replace(".", "/")).is_dir()
    return module in allowed or (not is_folder and folder in allowed)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_what_its_docstring_permits(folder: str) -> None:
    """A folder's modules import each other, and beside them only what `May import:` names.

    `tools.__main__` has the commands of all folders.
    """
    allowed = permitted(folder) | {folder.replace("/", ".")}
    for path in (ROOT / folder).glob("*.py"):
        if path == ROOT / "tools" / "__main__.py":
            continue
        modules = {module_of(name) for name in imported(path) if name.split(".")[0] in OURS}
        wrong = {module for module in modules if not is_permitted(module, allowed)}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", BARE_PYTHON)
def test_what_runs_on_a_bare_python_imports_no_library(path: str) -> None:
    """`make` runs these modules before anything is installed."""
    top = {name.split(".")[0] for name in imported(ROOT / path)}
    assert top <= {*sys.stdlib_module_names, "tools"}
