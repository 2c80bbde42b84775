"""The requests that README.md and docs/calling.md show get the responses that the pages name."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from tests.support.email_harness import EmailHarness
from tests.support.fake_aws import event

PROJECT: Final = Path(__file__).parents[2]
CALLING: Final = (PROJECT / "docs" / "calling.md").read_text()
PAGES: Final = ((PROJECT / "README.md").read_text(), CALLING)
CURL: Final = re.compile(
    r"^curl -s[^\n]* -H 'Content-Type: application/json' -d '(\{[^']*\})'$", re.M
)
# The README's first request stands alone; above each other one, a comment names its status.
STATUS: Final = re.compile(r"^# .*→ ([a-z-]+)$", re.MULTILINE)
BODIES: Final = [body.replace("local-", "") for page in PAGES for body in CURL.findall(page)]
STATUSES: Final = [
    "action-successful",
    *(status for page in PAGES for status in STATUS.findall(page)),
]


@pytest.mark.parametrize(("body", "status"), list(zip(BODIES, STATUSES, strict=True)), ids=STATUSES)
def test_a_request_gets_the_response_that_is_named(
    harness: EmailHarness, body: str, status: str
) -> None:
    """Each request, sent as it stands, ends with the status that is named above it."""
    assert harness.handle(event(raw=body)).status == status


def test_the_readme_shows_the_response_that_comes(harness: EmailHarness) -> None:
    """The response of the README's first request is as shown, where the page leaves nothing out."""
    [shown] = re.findall(r"```json\n(.*?)```", PAGES[0], re.DOTALL)
    response = harness.handle(event(raw=BODIES[0])).body
    assert list(json.loads(shown)) == list(response)
    assert json.loads(shown) | {name: response[name] for name in ("request_id", "data")} == response
    assert json.loads(shown)["data"]["email"]["status"] == response["data"]["email"]["status"]


class Api:
    """The API as `requests.post` reaches it: what is in `failures` happens first, in order."""

    def __init__(self, harness: EmailHarness, failures: list[Any]) -> None:
        self.harness = harness
        self.failures = failures
        self.calls = 0

    def post(self, url: str, *, json: dict[str, Any], timeout: float) -> requests.Response:
        """Send the request, or fail."""
        assert url == "https://api.example/api/v1/appointments/create"
        assert timeout > 29
        self.calls += 1
        response = requests.Response()
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        body = failure or self.harness.handle(event(**json)).body
        response._content = body if isinstance(body, bytes) else _encode(body)
        return response


def _encode(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("failures", "calls", "status"),
    [
        ([], 1, "action-successful"),
        ([requests.ConnectionError("reset")], 2, "action-successful"),
        ([{"message": "Too Many Requests"}, b"<html>", requests.Timeout()], 4, "action-successful"),
        ([{"status": "route-not-found", "retryable": True}] * 4, 4, "route-not-found"),
        ([requests.Timeout()] * 4, 4, None),
    ],
)
def test_the_python_example(
    harness: EmailHarness,
    monkeypatch: pytest.MonkeyPatch,
    failures: list[Any],
    calls: int,
    status: str | None,
) -> None:
    """The example retries what it should, four times at most, and creates one appointment."""
    [code] = re.findall(r"```python\n(.*?)```", CALLING, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/calling.md", "exec"), names)  # noqa: S102 - the page's own code
    api = Api(harness, list(failures))
    monkeypatch.setattr(requests, "post", api.post)
    body = names["create_appointment"]("https://api.example", {"order_id": 1001})
    assert (body and body["status"], api.calls) == (status, calls)
    assert len(harness.aws.items()) == (status == "action-successful")
