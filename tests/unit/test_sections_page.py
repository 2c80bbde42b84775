"""docs/sections.md has each section of the specification, and each that the project names."""

import re
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
SPECIFICATION: Final = PROJECT.parent / "shared" / "contract" / "spec.md"
ROWS: Final = re.findall(
    r"(?m)^\| ([\d.]+) \| (.+?) \| (.+?) \| (.+?) \|$",
    (PROJECT / "docs" / "sections.md").read_text(),
)
_FOLDERS: Final = ("src", "appointments_operator", "tools", "tests", "docs", "bench")
_NAMED: Final = re.compile(r"[Ss]ections?\s+(\d+(?:\.\d+)?(?:(?:,| and| to)\s+\d+\.\d+)*)")


def test_each_section_that_is_named_has_a_row() -> None:
    """A reader of "section 8.6" finds on one page what it is about."""
    known = {number for number, *_ in ROWS}
    for folder in _FOLDERS:
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in {".py", ".md"} and path.is_file():
                for named in _NAMED.findall(path.read_text()):
                    for number in re.findall(r"\d+(?:\.\d+)?", named):
                        assert number in known, f"{path.relative_to(PROJECT)}: section {number}"


def test_each_place_exists() -> None:
    """Each section is done where the page says, or is planned."""
    for number, _, _, places in ROWS:
        for place in re.findall(r"`([^`]+)`", places):
            at_hand = [PROJECT / place, PROJECT / "src" / "appointments" / place]
            assert any(path.is_file() for path in at_hand), f"{number}: no {place}"


def test_the_titles_are_those_of_the_specification() -> None:
    """The page has the sections of the specification, with their titles, in their order."""
    if not SPECIFICATION.is_file():
        pytest.skip("the specification is not at hand (../shared/contract beside the checkout)")
    headings = re.findall(r"(?m)^##+ (\d+(?:\.\d+)?)\.? (.+)$", SPECIFICATION.read_text())
    assert [(number, title) for number, title, *_ in ROWS] == headings
