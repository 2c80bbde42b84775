"""docs/security.md names tests that exist, for each of the ten risks."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
PAGE: Final = (TESTS.parent / "docs" / "security.md").read_text()
ROWS: Final = re.findall(r"^\| \*\*(API\d+)\*\* (.*)\|$", PAGE, re.MULTILINE)


def test_all_ten_risks_are_answered() -> None:
    """Each in one line, in the list's order."""
    assert [number for number, _ in ROWS] == [f"API{number}" for number in range(1, 11)]


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_what_shows_it_exists(number: str, row: str) -> None:
    """Every test that the line names is there, and it names at least one."""
    named = re.findall(r"`(\S+\.py)::(\w+)`", row)
    assert named, f"docs/security.md: {number} names no test; write `path.py::test_name` in its row"
    for path, name in named:
        defined = {
            node.name
            for node in ast.walk(ast.parse((TESTS / path).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert name in defined, f"docs/security.md: {path} has no {name}, which {number} names"
