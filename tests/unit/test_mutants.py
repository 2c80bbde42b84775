"""`make mutants` makes the changes that it promises, and nothing beside them."""

from pathlib import Path

import pytest

from tools.checks import mutants, mutations
from tools.errors import ToolError

MODULE = '''\
"""A module."""

import os
from functools import cache

LIMIT: "Final" = 15


@cache
def send(to: str | None, tries: int = 1) -> bool:
    """Send it."""
    if tries > LIMIT and to:
        os.write(1, b"no")
        raise ValueError(to)
    tries += 1
    return len(to or "") >= 2
'''


@pytest.fixture
def made(tmp_path: Path) -> dict[str, range]:
    """Return the lines that each change leaves different, and where it says that it lies."""
    module = tmp_path / "module.py"
    module.write_text(MODULE)
    return {str(change).partition("\n")[2]: change.lines for change in mutations.changes(module)}


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ('LIMIT: "Final" = 15', 'LIMIT: "Final" = 16', 6),
        ("def send(to: str | None, tries: int = 1) -> bool:",
         "def send(to: str | None, tries: int = 2) -> bool:", 10),
        ("    if tries > LIMIT and to:", "    if tries >= LIMIT and to:", 12),
        ("    if tries > LIMIT and to:", "    if tries > LIMIT or to:", 12),
        ('        os.write(1, b"no")', "        pass", 13),
        ('        os.write(1, b"no")', '        os.write(1, b"XXnoXX")', 13),
        ("        raise ValueError(to)", "        pass", 14),
        ("    tries += 1", "    pass", 15),
    ],
)  # fmt: skip
def test_what_is_changed(made: dict[str, range], before: str, after: str, line: int) -> None:
    """Constants, decorated functions, operators, texts and whole statements are changed."""
    assert made[f"-{before}\n+{after}"] == range(line, line + 1)


def test_what_is_left_alone(made: dict[str, range]) -> None:
    """Annotations, decorators, imports and docstrings are left alone; every change is Python."""
    left = ("import", "@cache", '"""')
    for change in made:
        before, after = change.splitlines()
        assert before[1:] in MODULE
        assert not before[1:].lstrip().startswith(left)
        assert after.count("str | None") == before.count("str | None")
        compile(MODULE.replace(before[1:], after[1:]), "module", "exec")


def test_a_module_that_does_not_exist() -> None:
    """A misspelt module is named, with an example of what to write."""
    with pytest.raises(ToolError, match="no module handlr: make mutants MODULE=handler"):
        mutants.survey("handlr", 1, 1)
