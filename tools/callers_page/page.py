"""The page for callers as one self-contained file, with its content security policy."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from appointments.statuses import Status
from tools.bootstrap import ROOT
from tools.callers_page import guide, values, viewer

DOCUMENT: Final = ROOT / "docs" / "openapi.json"
ASSETS: Final = Path(__file__).parent / "assets"
_INDENT: Final = 2
_STATUSES: Final = {status.value: status for status in Status}


@dataclass(frozen=True)
class Example:
    """A request that the playground offers."""

    name: str
    value: dict[str, Any]


@dataclass(frozen=True)
class Playground:
    """What the playground calls, and the requests that it offers."""

    api_url: str
    examples: list[Example]


@dataclass(frozen=True)
class Page:
    """The page, and what it may load: nothing but itself, and the API if it has a playground."""

    html: str
    policy: str


def build(playground: Playground | None = None) -> Page:
    """Build the page; without a playground it sends nothing."""
    document = describe(playground)
    introduction, sections = guide.read()
    style = f"{viewer.style()}\n{_asset('page.css')}"
    scripts = [_inline(viewer.script()), _inline(_asset("page.js"))]
    policy = _policy(style, scripts, playground)
    templates = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = templates.get_template("page.html").render(
        policy=policy,
        style=style,
        viewer_script=scripts[0],
        script=scripts[1],
        viewer_version=viewer.version(),
        document=document,
        document_json=_data(document),
        playground=playground,
        playground_json=_data(playground and asdict(playground)),
        introduction=introduction,
        sections=sections,
        statuses_title=guide.STATUSES,
        cards=list(_cards(document)),
        after_statuses=_after_table(sections),
        reader_anchor=guide.anchor(guide.VALUES),
        types=list(values.TYPES),
    )
    return Page(html, policy)


def describe(playground: Playground | None) -> dict[str, Any]:
    """Return the OpenAPI document; with a playground, its server is the API of the playground."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document | {"servers": [{"url": playground.api_url}]} if playground else document


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """Return a script in which HTML sees neither a comment nor the end of the script."""
    return re.sub(r"<(?=!--|/?script)", r"\\x3c", script)


def _data(value: Any) -> str:
    """Return a value as JSON in which HTML sees no tag."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _policy(style: str, scripts: list[str], playground: Playground | None) -> str:
    """Permit the page's own style and scripts, by their hashes, and the calls of its playground."""
    connect = f"'self' {_origin(playground.api_url)}" if playground else "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)}",
            "img-src data:",
            f"connect-src {connect}",
            "form-action 'none'",
            "base-uri 'none'",
        )
    )


def _origin(url: str) -> str:
    scheme, host = urlsplit(url)[:2]
    return f"{scheme}://{host}"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _after_table(sections: list[guide.Section]) -> str:
    [section] = (each for each in sections if each.title == guide.STATUSES)
    return section.html.rpartition("</table></div>")[2]


def _cards(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the page shows of each status."""
    responses = _responses(document)
    for row in guide.statuses():
        cells = {name: guide.to_html(getattr(row, name)) for name in ("meaning", "saved", "shown")}
        yield {
            "row": row,
            "status": _STATUSES[row.status],
            "then": guide.to_html(row.then),
            "responses": responses.get(row.status, []),
            **cells,
        }


def _responses(document: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return the examples of the document by status: each with its name, as indented JSON."""
    found: dict[str, list[tuple[str, str]]] = {}
    [[operation]] = [path.values() for path in document["paths"].values()]
    for response in operation["responses"].values():
        for content in response["content"].values():
            for name, example in content.get("examples", {}).items():
                value = example["value"]
                text = json.dumps(value, indent=_INDENT, ensure_ascii=False)
                found.setdefault(value["status"], []).append((example.get("summary", name), text))
    return found
