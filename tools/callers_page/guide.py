"""docs/calling.md, the one text of the guide: its generated blocks, and its sections as HTML."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.bootstrap import ROOT
from tools.callers_page import filemaker, values

GUIDE: Final = ROOT / "docs" / "calling.md"
STATUSES: Final = "What to show a user"
VALUES: Final = "How a value is read"
# What `make docs` writes between `<!-- begin NAME -->` and `<!-- end NAME -->`.
BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "filemaker": lambda: f"```\n{filemaker.text()}```\n",
    "values": lambda: "".join(f"{line}\n" for line in values.table()),
}
_BLOCK: Final = re.compile(r"(<!-- begin (\w+)[^>]* -->\n).*?(<!-- end \2 -->)", re.DOTALL)
# Pages that the page for callers has itself; any other page is named without a link.
_ON_THE_PAGE: Final = {"reference.md": "#try-it", "openapi.json": "#try-it"}
_SNIPPET: Final = f"filemaker/{filemaker.SNIPPET.name}"


@dataclass(frozen=True)
class Section:
    """A section of the guide: its heading, its anchor, and its text as HTML."""

    title: str
    anchor: str
    html: str


@dataclass(frozen=True)
class StatusRow:
    """What the guide says of a status; every text but `status` is Markdown."""

    status: str
    meaning: str
    saved: str
    shown: str
    then: str


def renew_blocks(text: str) -> str:
    """Return the guide with its generated blocks made anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match[2]]()}{match[3]}", text)


def read() -> tuple[str, list[Section]]:
    """Return the guide's introduction as HTML, and its sections."""
    text = re.sub(r"<!-- .*? -->\n", "", GUIDE.read_text(encoding="utf-8"))
    introduction, *rest = re.split(r"(?m)^## ", text)
    introduction = introduction.partition("\n\n")[2].partition("\n\nContents:")[0]
    sections = []
    for each in rest:
        title, _, body = each.partition("\n")
        sections.append(Section(title, anchor(title), to_html(body, title)))
    return to_html(introduction), sections


def statuses() -> Iterator[StatusRow]:
    """Yield the rows of the table of statuses, in its order."""
    section = GUIDE.read_text(encoding="utf-8").partition(f"\n## {STATUSES}\n")[2]
    for line in re.findall(r"(?m)^\| (`.*) \|$", section.partition("\n## ")[0]):
        status, *cells = line.split(" | ")
        yield StatusRow(status.strip("`"), *cells)


def anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def to_html(markdown: str, title: str = "") -> str:
    """Return Markdown as HTML whose tables and code blocks can be scrolled with the keyboard.

    A table has the name `title`, of the section that it is in.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        _keep_links_on_page(token.children or ())
    html = str(parser.renderer.render(tokens, parser.options, {}))
    region = f'<div class="scroll" role="region" tabindex="0" aria-label="{title}: table">'
    html = html.replace("<table>", f"{region}<table>").replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">')


def _keep_links_on_page(tokens: Iterable[Token]) -> None:
    """Change each link so that it stays on the page; one that cannot becomes plain text."""
    tag = "a"
    for token in tokens:
        if token.type == "link_open":
            token.attrs = _target_on_page(str(token.attrs["href"]))
            token.tag = tag = "a" if token.attrs else "span"
        elif token.type == "link_close":
            token.tag = tag


def _target_on_page(target: str) -> dict[str, str | int | float]:
    if target == _SNIPPET:
        content = base64.b64encode(filemaker.SNIPPET.read_bytes()).decode()
        name = filemaker.SNIPPET.name
        return {"href": f"data:application/xml;base64,{content}", "download": name}
    target = _ON_THE_PAGE.get(target, target)
    return {"href": target} if target.startswith(("#", "https:")) else {}
