"""The email as its reader sees it: a field of the appointment stays text (section 8.14)."""

import json
from html.parser import HTMLParser
from uuid import uuid4

import pytest
import urllib3

from appointments.names import PATH
from tools.local_stack.stack import Stack

HOSTILE = [
    '<a href="https://evil.example">Click here</a>',
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "{{token}} {{{summary}}} {{#location}}twice{{/location}}",
    "*|EMAIL|* *|IF:X|*",
    "&lt;b&gt; & co\n<!-- comment",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_brings_no_markup_into_the_email(stack: Stack, text: str) -> None:
    """Every field is put into the email as text: no tag, attribute, comment or merge tag of it."""
    fields = ("location", "summary", "description")
    hostile = Page.of(stack, dict.fromkeys(fields, text))
    plain = Page.of(stack, dict.fromkeys(fields, "plain"))
    assert hostile.tags == [
        (tag, [(name, text) for name, _ in attributes]) for tag, attributes in plain.tags
    ]
    assert hostile.texts == [text if each == "plain" else each for each in plain.texts]
    assert "plain" in plain.texts


class Page(HTMLParser):
    """The HTML of an email, as its reader's program sees it: tags with attributes, and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: list[str] = []

    @classmethod
    def of(cls, stack: Stack, fields: dict[str, str]) -> "Page":
        """Create an appointment, and return what its email shows."""
        uuid = str(uuid4())
        sent = {"token": stack.tokens["session"], "updated_at_mt": "2027-01-04 16:05:00"}
        body = json.dumps(sent | {"uuid": uuid} | fields).encode()
        response = stack.request("POST", PATH, body, {"Content-Type": "application/json"})
        assert response.json()["data"]["email"]["status"] == "sent"
        url = f"{stack.mandrill_url}/_sandbox/messages"
        messages = urllib3.request("GET", url, timeout=10).json()
        (message,) = (each for each in messages if each["metadata"]["appointment_uuid"] == uuid)
        page = cls()
        page.feed(message["html"])
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        """Keep a comment."""
        self.texts.append(data)

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if data.strip():
            self.texts.append(data)
