"""docs/decisions/ has one page per decision, and its index has them all."""

import re
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parents[2] / "docs" / "decisions"
INDEX: Final = FOLDER / "README.md"
PAGES: Final = sorted(path for path in FOLDER.rglob("*.md") if path != INDEX)
PARTS: Final = ["Choice", "Reason", "Rejected"]


def test_the_index_has_every_page() -> None:
    """Each page is in the index once, under its own title, and each link leads to a page."""
    listed = re.findall(r"^- \[(.+)\]\((.+\.md)\)$", INDEX.read_text(), re.MULTILINE)
    written = [
        (page.read_text().partition("\n")[0].removeprefix("# "), str(page.relative_to(FOLDER)))
        for page in PAGES
    ]
    assert PAGES
    assert sorted(listed) == sorted(written), "docs/decisions/README.md: list each page once"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_was_chosen_and_why(page: Path) -> None:
    """A page has a status with its date, a link back, and the same three parts as the others."""
    text = page.read_text()
    assert re.search(r"^Status: \w.*\d{4}-\d{2}-\d{2}\.", text, re.MULTILINE)
    assert "(../README.md)" in text
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert all(re.findall(rf"^## {part}\n\n\S", text, re.MULTILINE) for part in PARTS)
