"""The page for callers in a real Chromium: it explains, reads values, and creates appointments."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import urllib3
from playwright.sync_api import Browser, Locator, Page, expect

from tests.stack.browser import check_page, open_page
from tests.stack.table import item
from tools.callers_page import page as built
from tools.callers_page import values
from tools.local_stack import processes
from tools.local_stack.stack import Stack


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Open the page that the stack serves."""
    with open_page(browser, stack.callers_page, api_url=stack.base_url) as opened:
        yield opened


def execute(page: Page) -> dict[str, Any]:
    """Send the request that the console shows; return the body of the response."""
    with page.expect_response(lambda response: response.request.method == "POST") as caught:
        page.get_by_role("button", name="Execute").click()
    shown = page.locator(".live-responses-table pre").first
    body: dict[str, Any] = caught.value.json()
    expect(shown).to_contain_text(body["request_id"])
    return body


def choose(page: Page, example: str) -> None:
    """Choose an example request of the console."""
    examples = page.get_by_label("Example request")
    option = examples.locator("option", has_text=example)
    examples.select_option(value=option.first.get_attribute("value"))


def test_an_appointment_is_created_and_repeated(stack: Stack, page: Page) -> None:
    """The console calls the API of the stack itself; the same example again is a repeat."""
    created = execute(page)
    assert (created["status"], created["replayed"]) == ("action-successful", False)
    assert item(stack, created["uuid"])
    page.get_by_role("button", name="Show the documented responses").click()
    page.get_by_role("tab", name="Schema").first.click()
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    check_page(page, "callers-page")
    page.get_by_role("tab", name="Edit Value").click()
    repeated = execute(page)
    assert (repeated["uuid"], repeated["replayed"]) == (created["uuid"], True)


def test_every_seeded_token_can_be_chosen(stack: Stack, page: Page) -> None:
    """The console has an example for each token of the stack, and each gets its own status."""
    statuses = {}
    for kind, token in stack.tokens.items():
        choose(page, f"Token {token}:")
        statuses[kind] = execute(page)["status"]
    assert statuses == {
        "session": "action-successful",
        "remember_me": "action-successful",
        "application": "action-successful",
        "expired": "session-expired",
        "idle": "session-expired",
        "no_roles": "client-required",
        "revoked": "invalid-token",
    }


def test_a_failure_is_repaired_in_the_console(page: Page) -> None:
    """The response names both wrong values; corrected, the request creates the appointment."""
    choose(page, "Two wrong values")
    refused = execute(page)
    assert {error["param"] for error in refused["errors"]} == {"date_start_local", "order_id"}
    body = page.get_by_label("Request body", exact=True)
    wrong = json.loads(body.input_value())
    body.fill(json.dumps(wrong | {"date_start_local": "2027-01-05", "order_id": 1001}))
    assert execute(page)["status"] == "action-successful"


def test_a_value_is_read_by_the_functions_parsers(page: Page) -> None:
    """What is typed is stored or refused as the function does it, with and without month_first."""
    form = page.locator("#reader")
    output: Locator = form.locator("output")
    expect(output).to_contain_text("Refused: Send the date as YYYY-MM-DD")
    form.get_by_label("month_first").check()
    expect(output).to_have_text('Stored: "2027-01-05"')
    form.get_by_label("Type").select_option("integer")
    form.get_by_label("Sent as").select_option("json")
    form.get_by_label("Value").fill("12.0")
    expect(output).to_have_text("Stored: 12")
    form.get_by_label("Value").fill("12.")
    expect(output).to_contain_text("Refused: This is not JSON")


def test_the_file_needs_no_server_and_no_network(browser: Browser, tmp_path: Path) -> None:
    """`make docs` writes one file: it opens from the disk, asks for nothing, and sends nothing."""
    path = tmp_path / "callers.html"
    path.write_text(built.build().html, encoding="utf-8")
    asked: list[str] = []
    with open_page(browser, "about:blank") as opened:
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(path.as_uri())
        expect(opened.locator("#viewer")).to_contain_text("/api/v1/appointments/create")
        assert opened.get_by_role("button", name="Execute").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_every_status_is_explained(page: Page) -> None:
    """Each status has what happened, what to do, what to show, and a real response."""
    cards = page.locator("details.status")
    assert cards.count() == 15
    for card in cards.all():
        card.locator("summary").click()
        status = card.locator("summary code").inner_text()
        expect(card.locator("dd")).to_have_count(4)
        shown = json.loads(card.locator("pre").first.inner_text())
        assert shown["status"] == status


def test_it_is_for_this_machine_and_its_own_origin(stack: Stack, home: Path) -> None:
    """It listens on 127.0.0.1, refuses another host, origin or site, and takes no POST."""
    process = processes.find(home / "callers-page.pid")
    assert process is not None
    listening = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    assert {each.laddr.ip for each in listening} == {"127.0.0.1"}

    def status(method: str, **headers: str) -> int:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib3.request(method, stack.callers_page, headers=names, retries=False).status

    assert status("GET") == 200
    assert status("GET", Host="evil.test") == 421
    assert status("GET", Origin="http://evil.test") == 403
    assert status("GET", Sec_Fetch_Site="cross-site") == 403
    assert status("POST") == 405


def test_the_policy_permits_no_foreign_and_no_inline_code(stack: Stack) -> None:
    """Scripts and styles are permitted by their hashes alone, calls to the API alone."""
    served = urllib3.request("GET", stack.callers_page, retries=False)
    policy = served.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert f"connect-src 'self' {stack.endpoint_url};" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_tools_get_the_document(stack: Stack, page: Page) -> None:
    """The OpenAPI document is to be had by its address and by a click, with the API's base URL."""
    served = urllib3.request("GET", f"{stack.callers_page}openapi.json", retries=False).json()
    written = json.loads(built.DOCUMENT.read_text())
    assert served == written | {"servers": [{"url": stack.base_url}]}
    with page.expect_download() as caught:
        page.get_by_role("link", name="openapi.json", exact=True).last.click()
    assert json.loads(Path(caught.value.path()).read_text()) == served


def test_a_type_that_does_not_exist_is_refused(stack: Stack) -> None:
    """`/read` accepts the types of the page, and refuses another."""
    url = f"{stack.callers_page}read?json=1&type="
    assert urllib3.request("GET", f"{url}colour", retries=False).status == 400
    for kind in values.TYPES:
        assert urllib3.request("GET", f"{url}{kind}", retries=False).status == 200
