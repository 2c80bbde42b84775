"""The console in a real Chromium: from the failing request to *resolved*, by clicks and keys."""

import json
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from appointments.names import PATH
from tests.stack.browser import check_page, open_page
from tests.stack.table import item
from tools.local_stack import outage, processes, role, services
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.mandrill_sandbox.account import Outage

MAX_TABS: Final = 60
ORIGINAL_ROLES: Final = ["client", "employee", "liaison"]


@pytest.fixture
def url(stack: Stack, home: Path) -> str:  # noqa: ARG001 - it serves the console
    """Return the URL of the stack's console."""
    return services.console_url(home).read_text()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """Open the list; afterwards the browser's console has no error."""
    with open_page(browser, url) as opened:
        yield opened


def send(stack: Stack, headers: dict[str, str] | None = None, **params: Any) -> dict[str, Any]:
    """Send a request over HTTP; return the body of the response."""
    sent = {"token": stack.tokens["session"], "updated_at_mt": "2026-11-22 10:00:00", **params}
    body: dict[str, Any] = stack.request(
        "POST",
        PATH,
        json.dumps(sent).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    ).json()
    return body


def put_record(stack: Stack, record: str, **attributes: Any) -> None:
    """Put a record, malformed or not."""
    tables: Any = session.resource("dynamodb", endpoint_url=stack.endpoint_url)
    tables.Table(stack.records_table).put_item(Item={"record": record, **attributes})


def open_notification(page: Page, url: str, search: str) -> None:
    """Open the page of the one notification that a search finds, which arrives live."""
    page.goto(f"{url}?q={search}")
    page.locator("#rows a[id]").first.click()
    expect(page.locator("h1")).to_be_visible()


def run(page: Page, button: Locator) -> Locator:
    """Look first, then do it; return the result."""
    action = page.locator(".result", has=page.get_by_role("button", name="Do it"))
    for _ in range(10):  # the log may not have the response of the request yet
        button.click()
        expect(page.locator(".result").first).to_be_visible()
        page.wait_for_timeout(500)
        if action.count():
            break
    expect(action).to_be_visible()
    action.get_by_role("button", name="Do it").click()
    expect(action).to_have_count(0)
    result = page.locator(".result").first
    expect(result).to_be_visible()
    return result


def replay(page: Page) -> None:
    """Replay the request of the notification that is open, and see that it is resolved."""
    result = run(page, page.get_by_role("button", name="Preview the replay"))
    expect(result).to_contain_text("1 of 1 request is good now")
    page.reload()
    expect(page.locator("p .state")).to_have_text("resolved")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(MAX_TABS):
        if target.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("the keyboard does not reach it")


def test_it_listens_on_this_machine_alone(url: str, home: Path) -> None:
    """No other machine reaches it, no other user of this one learns its address."""
    process = processes.find(home / "console.pid")
    assert process is not None
    listening = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    assert {each.laddr.ip for each in listening} == {"127.0.0.1"}
    assert stat.S_IMODE(services.console_url(home).stat().st_mode) == 0o600
    key = url.rstrip("/").rpartition("/")[2]
    assert key not in " ".join(process.cmdline())
    assert len(key) >= 32


def test_a_rejected_address_by_keys_alone(stack: Stack, page: Page, url: str) -> None:
    """It arrives live; the address is corrected, the request replayed, all with the keyboard."""
    put_record(stack, "user#602", name="Rex", email="rex@rejected.test")
    uuid = str(uuid4())
    page.goto(f"{url}?q={uuid}")
    expect(page.get_by_text("There is no such notification")).to_be_visible()
    assert send(stack, uuid=uuid, photographer_user_id=602)["status"] == "mandrill-email-failed"
    row = page.locator("#rows a[id]")
    expect(row).to_be_visible()
    check_page(page, "notifications")
    tab_to(page, row)
    page.keyboard.press("Enter")
    address = page.get_by_label("Address")
    expect(address).to_have_value("rex@rejected.test")
    check_page(page, "notification")
    tab_to(page, address)
    page.keyboard.press("Control+a")
    page.keyboard.type("rex@planomatic.test")
    for button, expected in (
        ("Preview the change", "Corrected user#602"),
        ("Preview the replay", "1 of 1 request is good now"),
    ):
        tab_to(page, page.get_by_role("button", name=button))
        page.keyboard.press("Enter")
        do_it = page.get_by_role("button", name="Do it")
        expect(do_it).to_be_visible()
        tab_to(page, do_it)
        page.keyboard.press("Enter")
        expect(page.locator(".result", has_text=expected)).to_be_visible()
    page.reload()
    expect(page.locator("p .state")).to_have_text("resolved")
    history = page.locator(".history")
    for part in ("corrected user#602", "replayed", "resolved by keeper", "arn:aws:"):
        expect(history).to_contain_text(part)
    check_page(page, "resolved")
    stored = item(stack, uuid)
    assert stored
    assert stored["email_status"] == "sent"


def test_mandrill_down_and_back(stack: Stack, page: Page, url: str) -> None:
    """What failed in an outage is replayed when Mandrill is back."""
    uuid = str(uuid4())
    outage.begin(stack, Outage.DOWN.value)
    try:
        assert send(stack, uuid=uuid)["status"] == "mandrill-email-failed"
    finally:
        outage.end(stack)
    open_notification(page, url, uuid)
    replay(page)


def test_a_missing_permission(stack: Stack, page: Page, url: str) -> None:
    """The reason names the call; once the permission is back, the replay creates it."""
    uuid = str(uuid4())
    with role.without(stack, lambda _, action: action == "dynamodb:PutItem"):
        assert send(stack, uuid=uuid)["status"] == "application-crash"
    open_notification(page, url, uuid)
    expect(page.locator("h1")).to_contain_text("PutItem on appointments: AccessDeniedException")
    replay(page)


def test_a_malformed_record(stack: Stack, page: Page, url: str) -> None:
    """The page shows the attribute that is wrong, and its form repairs it."""
    put_record(stack, "user#604", name="Mal", email=7)
    uuid = str(uuid4())
    assert send(stack, uuid=uuid, photographer_user_id=604)["status"] == "application-crash"
    open_notification(page, url, uuid)
    expect(page.locator("p.bad")).to_have_text("user#604: email is not a text")
    page.get_by_label("Address").fill("mal@planomatic.test")
    run(page, page.get_by_role("button", name="Preview the change"))
    page.reload()
    expect(page.locator("p.bad")).to_have_count(0)
    replay(page)


def test_a_crash_of_which_nothing_was_saved(stack: Stack, page: Page, url: str) -> None:
    """Without a uuid only its replay resolves it, and the history says who made it."""
    key = {"Idempotency-Key": str(uuid4())}
    with role.without(stack, lambda sid, _: sid == "ReadAndMarkSessions"):
        crashed = send(stack, key, order_id=1001)
    assert crashed["status"] == "application-crash"
    assert "uuid" not in crashed
    open_notification(page, url, crashed["request_id"])
    replay(page)
    expect(page.locator(".history")).to_contain_text("the replay of")


def test_a_storm_is_repaired_at_once(stack: Stack, page: Page, url: str) -> None:
    """Three alike are one row: the address is corrected, and one replay resolves them all."""
    put_record(stack, "user#605", name="Stu", email="stu@rejected.test")
    for _ in range(3):
        send(stack, uuid=str(uuid4()), photographer_user_id=605)
    page.goto(f"{url}?q=stu@")
    page.get_by_role("link", name="Repair all 3").click()
    expect(page.locator("h1")).to_contain_text("did not reach everyone")
    check_page(page, "storm")
    put_record(stack, "user#605", name="Stu", email="stu@planomatic.test")
    result = run(page, page.get_by_role("button", name="Preview the replay"))
    expect(result).to_contain_text("3 of 3 requests are good now")
    page.goto(f"{url}?q=stu@")
    expect(page.get_by_text("There is no such notification")).to_be_visible()


def test_a_closed_route(stack: Stack, page: Page, url: str) -> None:
    """It is never notified: Health shows the switch, opens it, and replays who met it."""
    before = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    put_record(stack, "route#appointments/create", deployed=False, permissions=ORIGINAL_ROLES)
    uuid = str(uuid4())
    try:
        deadline = time.monotonic() + 45  # an open route is cached for half a minute
        while send(stack, uuid=uuid)["status"] != "route-not-found":
            assert time.monotonic() < deadline
            uuid = str(uuid4())
            time.sleep(1)
        page.goto(f"{url}health")
        switch = page.locator("dd", has_text="roles:")
        expect(switch).to_contain_text("closed")
        check_page(page, "health")
        run(page, page.get_by_role("button", name="Preview the change"))
    finally:
        put_record(stack, "route#appointments/create", deployed=True, permissions=ORIGINAL_ROLES)
    page.reload()
    expect(switch).to_contain_text("open")
    page.get_by_label("Since").fill(before)
    result = run(page, page.get_by_role("button", name="Preview the replay"))
    expect(result).to_contain_text(re.compile(r"(\d+) of \1 requests? (is|are) good now"))
    assert item(stack, uuid)


def test_the_story_and_what_is_owed(stack: Stack, page: Page, url: str) -> None:
    """The timeline is whole and in order, and Owed sends what is pending, preview first."""
    put_record(stack, "user#605", name="Rex", email="rex@rejected.test")
    uuid = str(uuid4())
    send(stack, uuid=uuid, photographer_user_id=605)
    page.goto(url)
    page.get_by_role("link", name="Appointment", exact=True).click()
    page.get_by_label("Uuid or request id").fill(uuid)
    page.keyboard.press("Enter")
    expect(page.get_by_text("this is all")).to_be_visible()
    kinds = page.locator(".timeline > li > p:first-child strong").all_inner_texts()
    assert {"request", "item", "email", "response"} <= set(kinds)
    check_page(page, "appointment")
    page.get_by_role("link", name="Owed", exact=True).click()
    expect(page.get_by_text(uuid)).to_be_visible()
    check_page(page, "owed")
    page.get_by_role("button", name=f"Send {uuid}: preview").click()
    expect(page.locator(".result")).to_contain_text(f"{uuid}: pending")


def test_a_story_stops_and_goes_on(stack: Stack, page: Page, url: str) -> None:
    """While a part is read, Stop ends it by the keyboard; Go on reads the same part, to the end."""
    uuid = str(uuid4())
    send(stack, uuid=uuid, order_id=1001)
    second_part = re.compile(r"part=2$")
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route(second_part, hold)
    page.goto(f"{url}appointment?order=1001")
    expect(page.locator(".timeline").first).to_contain_text(uuid)
    check_page(page, "story")
    page.locator("#stop").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped: the rest of the log was not read")).to_be_visible()
    with page.expect_response(second_part):  # it comes too late, and is left out
        late[0].continue_()
    page.unroute(second_part)
    expect(page.get_by_text("Stopped: the rest of the log was not read")).to_be_visible()
    go_on = page.get_by_role("button", name="Go on")
    tab_to(page, go_on)
    page.keyboard.press("Enter")
    expect(page.get_by_text("this is all")).to_be_visible()
