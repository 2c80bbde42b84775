"""The console in this process: what it refuses, shows as text, and does with a preview first."""

import json
from html import unescape
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from appointments.tables.keys import ROUTE_RECORD
from appointments_operator.deployment import Deployment
from appointments_operator.erasure import find_by_uuid
from appointments_operator.web import listing
from appointments_operator.web.guard import HEADERS
from appointments_operator.web.site import FOLDER
from tests.support.console import KEY, NAMES, path, story
from tests.support.fake_operator_aws import FakeOperatorAws, function_error

PAGES: Final = ("/", "/rows", "/appointment", "/owed", "/health", "/health/plots")
MARKUP: Final = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def fail(operator_aws: FakeOperatorAws, **facts: Any) -> str:
    """Cause a failure, let the keeper store it, with other facts if given; return its id."""
    operator_aws.post("req-1", token="session-token", photographer_user_id=502)
    stored = {**operator_aws.aws.facts()[-1], **facts}
    operator_aws.aws.hand_to_keeper(stored)
    return str(stored["notification_id"])


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_a_strict_policy(console: TestClient, page: str) -> None:
    """Nothing but the console's own files is loaded, nothing inline runs, no page frames it."""
    shown = console.get(path(page))
    assert shown.status_code == 200
    for name, value in HEADERS.items():
        assert shown.headers[name] == value
    assert "unsafe" not in shown.headers["Content-Security-Policy"]
    assert "<script>" not in shown.text
    assert " style=" not in shown.text
    assert " onclick=" not in shown.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "rebound.example:4568"}, 421),
        ({"Host": "127.0.0.1:80"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:80"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_others_are_refused(
    console: TestClient, method: str, headers: dict[str, str], code: int
) -> None:
    """Another host name (DNS rebinding), another origin and another site get nothing."""
    refused = console.request(method, path("/"), headers=headers)
    assert refused.status_code == code
    assert "Content-Security-Policy" in refused.headers


@pytest.mark.parametrize(
    "guess", ["/", "/guess/", f"/{KEY[:-1]}x/", f"/{KEY}", f"/{KEY}x/", f"//{KEY}/", "/static/"]
)
def test_a_guessed_address_has_no_page(console: TestClient, guess: str) -> None:
    """Without the key there is nothing, not even a file of the console."""
    assert console.get(guess).status_code == 404


def test_a_change_needs_the_own_origin(console: TestClient) -> None:
    """A form of another program, which sends no origin, changes nothing."""
    del console.headers["Origin"]
    assert console.get(path("/")).status_code == 200
    assert console.post(path("/route"), data={"what": "close", "run": "1"}).status_code == 403


CHANGES: Final = (
    *("/n/x/dismiss", "/n/x/replay", "/replay", "/record", "/route", "/owed/settle", "/check"),
    *("/storm/x/replay", "/storm/x/dismiss", "/job/x/stop"),
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_get_changes_nothing(
    operator_aws: FakeOperatorAws, console: TestClient, change: str
) -> None:
    """What changes something is no page: a GET of it is refused, and nothing is called."""
    before = operator_aws.aws.items("records"), operator_aws.invoked[:]
    assert console.get(path(change) + "?what=close&run=1&key=user%23502").status_code == 405
    assert (operator_aws.aws.items("records"), operator_aws.invoked) == before


def test_markup_is_shown_as_text(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Markup in any field of a notification or of its item is text on every page."""
    facts = dict.fromkeys(
        ("reason", "stage", "status", "owner", "repair", "recovery", "chapter", "replay"), MARKUP
    )
    recipients = [{"email": MARKUP, "roles": [MARKUP], "status": MARKUP, "reject_reason": MARKUP}]
    notification_id = fail(operator_aws, **facts, recipients=recipients)
    operator_aws.aws.put_record("user#502", name=MARKUP, email=MARKUP)
    request = {"message": "request", "params": {"notes": MARKUP}, "request_id": MARKUP}
    operator_aws.log(json.dumps({**request, "received_at": "2026-01-01T00:00:00Z"}))
    uuid = operator_aws.aws.item()["uuid"]
    shown = {page: console.get(path(page)).text for page in (*PAGES, f"/n/{notification_id}")}
    shown |= {key: story(console, q=key) for key in (uuid, "req-1", MARKUP)}
    for page, text in shown.items():
        assert "<img" not in text, page
        assert "<script>" not in text, page
    found = console.get(path("/"), params={"q": MARKUP, "stage": MARKUP, "state": MARKUP}).text
    assert "<img" not in found


def test_no_page_shows_a_token(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Neither a token nor its hash is on a page; of a sensitive request only that there was one."""
    notification_id = fail(operator_aws)
    uuid = operator_aws.aws.item()["uuid"]
    hashed = operator_aws.aws.line("request")["token_hash"]
    shown = [console.get(path(page)).text for page in (*PAGES, f"/n/{notification_id}")]
    for text in (*shown, story(console, q=uuid)):
        assert hashed not in text
        assert "session-token" not in text


def test_the_list_says_what_failed(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Each open notification is a sentence that leads to its page."""
    notification_id = fail(operator_aws)
    shown = console.get(path("/")).text
    assert "The appointment is saved, but its email did not reach everyone" in shown
    assert f"/{KEY}/n/{notification_id}" in shown
    assert notification_id not in console.get(path("/?state=resolved")).text
    assert notification_id not in console.get(path("/?q=unknown")).text


def test_the_list_offers_the_replay(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Each open notification has its command to copy, and a button that shows it first."""
    operator_aws.post("req-1", token="session-token")
    facts = operator_aws.aws.facts()[-1]
    operator_aws.aws.hand_to_keeper(facts)
    shown = console.get(path("/")).text
    assert facts["replay"] in unescape(shown)
    action = path(f"/n/{facts['notification_id']}/replay")
    assert f'action="{action}"' in shown
    operator_aws.invoked.clear()
    assert "1 request" in console.post(action).text
    assert operator_aws.invoked == []


def test_nothing_is_sent_if_nothing_is_new(
    operator_aws: FakeOperatorAws, console: TestClient, deployment: Deployment
) -> None:
    """The live list sends its rows only if they are others than those on the page."""
    fail(operator_aws)
    seen = listing.read(deployment, listing.Filter()).version
    assert console.get(path(f"/rows?seen={seen}")).status_code == 204
    operator_aws.aws.hand_to_keeper({"notification_id": "new"})
    assert console.get(path(f"/rows?seen={seen}")).status_code == 200


def test_a_storm_is_one_row(operator_aws: FakeOperatorAws, deployment: Deployment) -> None:
    """Failures of one kind within minutes are one row with all its members; others stay apart."""
    storm = [
        {
            "notification_id": f"{number}",
            "status": "application-crash",
            "reason": f"user#{number}: email is not a text",
        }
        for number in range(30)
    ]
    operator_aws.aws.hand_to_keeper(
        *storm, {"notification_id": "x", "status": "mandrill-email-failed"}
    )
    rows = listing.read(deployment, listing.Filter()).rows
    assert sorted(len(row.members) for row in rows) == [1, 30]


def test_older_ones_are_on_the_next_page(
    operator_aws: FakeOperatorAws, deployment: Deployment
) -> None:
    """Pages follow each other without a gap or a repeat, in each state."""
    import time  # noqa: PLC0415 - the frozen clock

    now = time.time()
    for number in range(listing.PAGE + 20):
        facts = {"notification_id": f"{number}", "status": f"status {number}"}
        operator_aws.aws.hand_to_keeper(facts, sent_at=now - number // 50)
    for state in ("open", ""):
        first = listing.read(deployment, listing.Filter(state=state))
        second = listing.read(deployment, listing.Filter(state=state, before=first.next_before))
        ids = [
            each["notification_id"]
            for page in (first, second)
            for row in page.rows
            for each in row.members
        ]
        assert sorted(ids, key=int) == [f"{number}" for number in range(listing.PAGE + 20)]
        assert second.next_before is None


def test_a_record_is_corrected_after_a_preview(
    operator_aws: FakeOperatorAws, console: TestClient
) -> None:
    """The preview changes nothing; then the record is corrected, and the history says by whom."""
    notification_id = fail(operator_aws)
    form = {"key": "user#502", "email": "rex@planomatic.test", "notification_id": notification_id}
    previewed = console.post(path("/record"), data=form)
    assert "rex@rejected.test → rex@planomatic.test" in previewed.text
    record = {"record": "user#502"}
    table = operator_aws.aws.dynamodb.Table("records")
    assert table.get_item(Key=record)["Item"]["email"] == "rex@rejected.test"
    assert "Corrected user#502" in console.post(path("/record"), data=form | {"run": "1"}).text
    assert table.get_item(Key=record)["Item"]["email"] == "rex@planomatic.test"
    (item,) = operator_aws.aws.items("notifications")
    (change,) = item["history"]
    assert change["by"].startswith("arn:aws:sts::")
    assert "corrected user#502" in change["done"]
    assert item["state"] == "open"


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("/record", {"key": "user#502", "email": "no address"}),
        ("/record", {"key": "circuit#mandrill", "email": "a@b.test", "run": "1"}),
        ("/record", {"key": "order#12", "email": "a@b.test", "run": "1"}),
        ("/route", {"what": "everything"}),
        ("/owed/settle", {}),
        ("/replay", {}),
        ("/replay", {"request_id": "req-1", "since": "yesterday"}),
        ("/n/unknown/dismiss", {"note": "x"}),
        ("/n/unknown/dismiss", {"note": " "}),
        ("/n/unknown/replay", {}),
        ("/storm/unknown/replay", {"run": "1"}),
        ("/storm/unknown/dismiss", {"note": "x"}),
        ("/job/unknown/stop", {}),
    ],
    ids=str,
)
def test_a_wrong_value_is_a_sentence(console: TestClient, page: str, form: dict[str, str]) -> None:
    """What cannot be done is said in a sentence, with no traceback, and nothing is done."""
    refused = console.post(path(page), data=form, headers={"HX-Request": "true"})
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text
    assert "Traceback" not in refused.text


def test_a_closed_route_is_opened(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """The switch is shown on Health, and opens with the code of the command, preview first."""
    table = operator_aws.aws.dynamodb.Table("records")
    operator_aws.aws.put_record(ROUTE_RECORD, deployed=False, permissions=["client"])
    assert "closed" in console.get(path("/health")).text
    for run, is_open in (({}, False), ({"run": "1"}, True)):
        console.post(path("/route"), data={"what": "open", "role-employee": "1", **run})
        record = table.get_item(Key={"record": ROUTE_RECORD})["Item"]
        assert record["deployed"] is is_open
    assert record["permissions"] == ["employee"]


def test_a_dismissed_notification_keeps_its_note(
    operator_aws: FakeOperatorAws, console: TestClient
) -> None:
    """A person dismisses it with a note; then its page offers no repair any more."""
    notification_id = fail(operator_aws)
    console.post(path(f"/n/{notification_id}/dismiss"), data={"note": "told by phone"})
    shown = console.get(path(f"/n/{notification_id}")).text
    assert "told by phone" in shown
    assert "arn:aws:sts::" in shown
    assert "Preview the change" not in shown


def test_a_circuit_breaker_is_shown_from_its_record(
    operator_aws: FakeOperatorAws, console: TestClient
) -> None:
    """Health shows an open breaker with its reason; a record that is none counts as closed."""
    operator_aws.aws.put_record(
        "circuit#mandrill",
        open_until=4_000_000_000,
        failures=5,
        reason="mandrill-unavailable (503)",
    )
    assert "mandrill-unavailable (503)" in console.get(path("/health")).text
    operator_aws.aws.put_record("circuit#mandrill", open_until="soon")
    assert console.get(path("/health")).status_code == 200


def test_htmx_is_the_pinned_file(console: TestClient) -> None:
    """The console serves htmx itself, of the version that its name says, with its licence."""
    (file,) = FOLDER.glob("static/htmx-*.min.js")
    version = file.name.removeprefix("htmx-").removesuffix(".min.js")
    served = console.get(path(f"/static/{file.name}"))
    assert f'version:"{version}"' in served.text
    assert served.headers["Content-Type"].startswith("text/javascript")
    assert "Zero-Clause BSD" in (FOLDER / "static" / "htmx-LICENSE.txt").read_text()
    assert f"/static/{file.name}" in console.get(path("/")).text


def test_what_was_done_stays_done_if_the_keeper_fails(
    operator_aws: FakeOperatorAws, console: TestClient
) -> None:
    """A replay that succeeded is shown as such, and that the tab was not brought up to date."""
    operator_aws.aws.faults.inject["BatchGetItem"] = ["refused"] * 2
    operator_aws.post("req-9")
    operator_aws.aws.faults.inject.clear()
    operator_aws.instead = [None, lambda: function_error("the keeper is broken")]
    form = {"request_id": "req-9", "since": "2020-01-01", "run": "1"}
    shown = console.post(path("/replay"), data=form).text
    assert "1 of 1 request is good now" in shown
    assert "the keeper is broken" in shown


def test_an_erased_appointment(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Its page says that it was erased, and shows what the log keeps."""
    uuid = str(operator_aws.post("req-1", notes="ring at Ada's").body["uuid"])
    (erasure,) = find_by_uuid(Deployment(None, "us-east-1", None, dict(NAMES)), [uuid])
    erasure.run(operator_aws.aws.dynamodb.Table("appointments"))
    assert "the appointment was erased" in console.get(path(f"/appointment?q={uuid}")).text.lower()
    shown = story(console, q=uuid)
    assert "the appointment was erased" in shown
    assert "received with" in shown
