"""The page for callers as a file: whole, self-contained, and permitted by its own policy."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Final

import pytest

from appointments.statuses import Status
from tools.callers_page import guide, page, server, values
from tools.local_stack import seeds

API: Final = "http://127.0.0.1:4566/_aws/execute-api/abc"
BUILT: Final = page.build()
SERVED: Final = page.build(page.Playground(API, server.examples()))


class Reader(HTMLParser):
    """What the tests look at: elements that are open, ids, links, what is loaded, scripts."""

    VOID: Final = {"meta", "link", "input", "br", "hr", "img"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.policy: str | None = None
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self._is_code = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See an element begin."""
        values = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "a":  # the page's script gives the link to the document its target
            self.links += [] if values.get("id") == "openapi" else [str(values["href"])]
        elif "src" in values or "href" in values:
            self.loaded.append(values.get("src") or values.get("href") or "")
        self._is_code = tag in self.inline and values.get("type") != "application/json"

    def handle_endtag(self, tag: str) -> None:
        """See an element end, inside the one that it began in."""
        assert self.open.pop() == tag
        self._is_code = False

    def handle_data(self, data: str) -> None:
        """Collect the scripts and styles."""
        if self._is_code:
            self.inline[self.open[-1]].append(data)


@pytest.fixture(params=[BUILT, SERVED], ids=["file", "served"])
def built(request: pytest.FixtureRequest) -> page.Page:
    """Return the page, as a file and as the stack serves it."""
    shown: page.Page = request.param
    return shown


def test_the_page_is_whole(built: page.Page) -> None:
    """Every element is closed where it began, no id is there twice, every link leads somewhere."""
    read = Reader(built.html)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    within = {link.removeprefix("#") for link in read.links if link.startswith("#")}
    assert within <= set(read.ids)
    assert {section.anchor for section in guide.read()[1]} <= within
    elsewhere = [link for link in read.links if not link.startswith(("#", "data:"))]
    assert elsewhere == []


def test_the_page_loads_nothing_and_permits_its_own_code_alone(built: page.Page) -> None:
    """Nothing is loaded from elsewhere; the policy has the hash of each script and style."""
    read = Reader(built.html)
    assert [url for url in read.loaded if not url.startswith("data:")] == []
    for kind, texts in read.inline.items():
        [sources] = re.findall(rf"{kind}-src ([^;]+)", built.policy)
        hashes = [
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in texts
        ]
        assert sources.split() == hashes
    assert read.policy == built.policy


def test_only_the_served_page_can_send() -> None:
    """The file may connect to nothing; the served page to itself and to the API's origin."""
    assert "connect-src 'none'" in BUILT.policy
    assert "connect-src 'self' http://127.0.0.1:4566;" in SERVED.policy


def test_every_status_has_a_real_response() -> None:
    """Each card has a response that was recorded from the function, of its own status."""
    for status in Status:
        card = BUILT.html.partition(f'id="status-{status.value}"')[2].partition("</details>")[0]
        shown = re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code></pre>", card, re.DOTALL)
        assert shown, status
        bodies = [json.loads(text.replace("&#34;", '"').replace("&#39;", "'")) for text in shown]
        assert {(body["status"], body["code"]) for body in bodies} == {(status.value, status.code)}


def test_every_token_has_an_example() -> None:
    """The console offers a request with each seeded token."""
    tokens = {example.value["token"] for example in server.examples()}
    assert tokens == set(seeds.TOKENS.values())


def test_every_type_has_cases() -> None:
    """The table of the guide has each type that can be chosen, and shows all that can happen."""
    assert {kind for kind, _, _ in values.CASES} == set(values.TYPES)
    readings = [
        values.read(kind, json.loads(sent), month_first=month_first)
        for kind, sent, month_first in values.CASES
    ]
    assert any(reading.error for reading in readings)
    assert any(reading.warning for reading in readings)
    assert any(reading.sentence == "not passed" for reading in readings)
