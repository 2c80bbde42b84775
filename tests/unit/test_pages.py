"""What the pages name exists: files, links with their anchors, and `make` targets."""

import re
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
PAGES: Final = [
    *sorted(PROJECT.glob("*.md")),
    *sorted(path for path in (PROJECT / "docs").rglob("*.md")),
    PROJECT / "bench" / "TRIED.md",
    PROJECT / "tests" / "upgrades" / "README.md",
]
TARGETS: Final = set(re.findall(r"(?m)^([a-z]+):", (PROJECT / "Makefile").read_text()))
_FOLDERS: Final = ("src/", "tests/", "tools/", "docs/", "bench/", "events/")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(path: Path) -> str:
    """Return a page's name in the project."""
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link to a file of the project leads to one that exists, and to a heading of it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: no {link}"
        assert not anchor or anchor in anchors(target), f"{name(page)}: no {link}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """A path in code font, from the project's root, is there; `…` and `*` stand for any name."""
    for path in re.findall(r"`([\w./*…-]+)`", page.read_text()):
        if path.startswith(_FOLDERS):
            assert list(PROJECT.glob(path.replace("…", "*"))), f"{name(page)}: no {path}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_exists(page: Path) -> None:
    """`make …` names a target of the Makefile."""
    text = page.read_text()
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + re.findall(r"(?s)```sh\n(.*?)```", text))
    named = re.findall(r"(?m)^ *make (?:PYTHON=\S+ )?([a-z]+)", code)
    assert set(named) <= TARGETS
