"""The sandbox answers as Mandrill does: what a test proves against it must hold in production."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import mailchimp_transactional
import pytest
import requests
import urllib3

PROJECT = Path(__file__).parents[2]
KEY = "sandbox-key"
SLOW = 1.0
PATIENCE = 60.0  # as long as any answer may take on a machine that is busy

Struct = dict[str, Any]


class Refused(Exception):
    """The HTTP status and the body of an answer that is no list of results."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


class NoAnswerError(Exception):
    """No answer within the client's time limit."""


class Client(Protocol):
    """What every client of Mandrill's is asked here."""

    def send(self, template: str, message: Struct) -> list[Struct]:
        """Call messages/send-template: one result for each recipient."""

    def search(self, **terms: object) -> list[Struct]:
        """Call messages/search."""


class OfficialClient:
    """Mandrill's own client gets that shape."""

    def __init__(self, url: str, key: str, time_limit: float) -> None:
        self.client = mailchimp_transactional.Client(key)
        self.client.api_client.host = url
        self.client.set_timeout(time_limit)

    def send(self, template: str, message: Struct) -> list[Struct]:
        """Send no template content: the template has it all."""
        call = {"template_name": template, "template_content": [], "message": message}
        return self._results(lambda: self.client.messages.send_template(call))

    def search(self, **terms: object) -> list[Struct]:
        """Hand over a dict of its own: the client writes the key into it."""
        return self._results(lambda: self.client.messages.search(terms))

    def _results(self, call: Callable[[], Any]) -> list[Struct]:
        try:
            answer: Any = call()
        except mailchimp_transactional.api_client.ApiClientError as error:
            raise Refused(error.status_code, error.text) from error
        except requests.Timeout as error:
            raise NoAnswerError from error
        if isinstance(answer, requests.Response):  # it hands back whatever was empty
            if not answer.ok:
                raise Refused(answer.status_code, answer.text)
            answer = answer.json()
        if isinstance(answer, str):
            raise Refused(200, answer)
        results: list[Struct] = answer
        return results


# Our own adapter takes its place here.
CLIENTS: dict[str, Callable[[str, str, float], Client]] = {"official": OfficialClient}
Connect = Callable[..., Client]
Accepted = Callable[[], list[Struct]]


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a sandbox of its own, and end it whatever happens."""
    command = [sys.executable, "-m", "tools.mandrill_sandbox", "--port", "0", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 -- our own module and the options of these tests
        command, cwd=PROJECT, text=True, stdout=pipe, stderr=pipe
    ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().split()[-1]
            yield url, process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def started() -> Iterator[str]:
    """Serve all tests of this file from one process, at this URL."""
    with serving("--slow", str(SLOW), "--key", KEY, "--key", "second-key") as (url, _):
        yield url


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """Plain HTTP, for what no client of Mandrill's would send."""
    with urllib3.PoolManager(timeout=PATIENCE, retries=False) as pool:
        yield pool


@pytest.fixture
def url(started: str, http: urllib3.PoolManager) -> str:
    """Give each test an account without mail."""
    http.request("DELETE", f"{started}/_sandbox/messages")
    return started


@pytest.fixture
def accepted(url: str, http: urllib3.PoolManager) -> Accepted:
    """Read what was accepted by now."""
    return lambda: http.request("GET", f"{url}/_sandbox/messages").json()


@pytest.fixture(params=CLIENTS)
def connect(request: pytest.FixtureRequest, url: str) -> Connect:
    """Run the test with each of the clients, connected as it asks."""

    def connected(url: str = url, key: str = KEY, time_limit: float = PATIENCE) -> Client:
        return CLIENTS[request.param](url, key, time_limit)

    return connected


@pytest.fixture
def client(connect: Connect) -> Client:
    """Connect as most tests do."""
    return connect()


def message(*emails: str, **more: object) -> Struct:
    """Make a message as the service sends it, for an appointment of its own."""
    return {
        "to": [{"email": email, "name": email.title(), "type": "to"} for email in emails],
        "global_merge_vars": [{"name": "date_start_local", "content": "2026-03-05"}],
        "metadata": {"appointment_uuid": str(uuid4()), "request_id": "JKJaXmPLvHcESHA="},
        **more,
    }


def refusal(perform: Callable[[], object]) -> tuple[int, Any]:
    """Perform what must be refused, and tell the status and the body."""
    with pytest.raises(Refused) as refused:
        perform()
    return refused.value.status, refused.value.body


def error(code: int, name: str, text: str) -> Struct:
    """Write out a body in the form Mandrill publishes."""
    return {"status": "error", "code": code, "name": name, "message": text}


def test_what_was_accepted_is_listed(client: Client, accepted: Accepted) -> None:
    """An accepted message is listed as it was sent, with its ids by address and its time."""
    sent = message("ann@example.com", "bob@example.com")
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # the sandbox reports milliseconds
    results = client.send("appointment-created", sent)
    assert [(one["email"], one["status"], one["reject_reason"]) for one in results] == [
        ("ann@example.com", "sent", None),
        ("bob@example.com", "sent", None),
    ]
    [listed] = accepted()
    accepted_at = datetime.fromisoformat(listed.pop("accepted_at"))
    assert "{{#summary}}" in listed.pop("html"), "the message named no Handlebars"
    assert accepted_at.utcoffset() == timedelta(0)
    assert before <= accepted_at <= datetime.now(UTC)
    assert listed == {
        "to": [
            {"email": "ann@example.com", "name": "Ann@Example.Com"},
            {"email": "bob@example.com", "name": "Bob@Example.Com"},
        ],
        "template_name": "appointment-created",
        "global_merge_vars": sent["global_merge_vars"],
        "metadata": sent["metadata"],
        "_ids": {one["email"]: one["_id"] for one in results},
        "subject": "Appointment on 2026-03-05",
        "text": "date_start_local: 2026-03-05",
    }


def test_the_list_is_oldest_first_and_can_be_emptied(
    client: Client, accepted: Accepted, http: urllib3.PoolManager, url: str
) -> None:
    """Messages stand in the order of their acceptance, until DELETE forgets them."""
    for template in ("first", "second", "third"):
        client.send(template, message("ann@example.com"))
    assert [one["template_name"] for one in accepted()] == ["first", "second", "third"]
    http.request("DELETE", f"{url}/_sandbox/messages")
    assert accepted() == []
    assert client.search(query="*") == []


@pytest.mark.parametrize(
    ("email", "status", "reason"),
    [
        ("ann@example.com", "sent", None),
        ("ann@queued.test", "queued", None),
        ("ann@rejected.test", "rejected", "hard-bounce"),
        ("Ann@REJECTED.test", "rejected", "hard-bounce"),
        ("ann@invalid.test", "invalid", None),
        ("ann", "invalid", None),
    ],
)
def test_an_address_decides_its_own_outcome(
    client: Client, accepted: Accepted, email: str, status: str, reason: str | None
) -> None:
    """Each recipient's status and reason follow from the domain; a refused one is not listed."""
    [result] = client.send("appointment-created", message(email))
    assert result == {
        "email": email,
        "status": status,
        "_id": result["_id"],
        "reject_reason": reason,
    }
    assert len(result["_id"]) == 32
    listed = [one["to"][0]["email"] for one in accepted()]
    assert listed == ([email] if status in {"sent", "queued"} else [])


def test_one_refused_recipient_does_not_stop_the_other(client: Client, accepted: Accepted) -> None:
    """Under one HTTP 200 one recipient is rejected and the other is sent the message."""
    results = client.send("appointment-created", message("a@rejected.test", "b@example.com"))
    assert [one["status"] for one in results] == ["rejected", "sent"]
    [listed] = accepted()
    assert listed["to"] == [{"email": "b@example.com", "name": "B@Example.Com"}]
    assert listed["_ids"] == {"b@example.com": results[1]["_id"]}


@pytest.mark.parametrize(
    ("email", "status", "body"),
    [
        (
            "ann@down.test",
            500,
            error(
                -1,
                "GeneralError",
                "An unknown error occurred processing your request. Please try again later.",
            ),
        ),
        (
            "ann@unavailable.test",
            503,
            error(-2, "ServiceUnavailable", "Service Temporarily Unavailable"),
        ),
        (
            "ann@busy.test",
            429,
            error(429, "RequestLimitExceeded", "Too Many Requests attempted recently"),
        ),
        (
            "ann@unpaid.test",
            500,
            error(
                10,
                "PaymentRequired",
                "Email scheduling is only available for accounts with a positive balance.",
            ),
        ),
        ("ann@empty.test", 500, ""),
    ],
)
def test_an_address_can_refuse_the_whole_call(
    client: Client, accepted: Accepted, email: str, status: int, body: object
) -> None:
    """Nothing is accepted, for any recipient, and the body is the one Mandrill publishes."""
    sent = message("bob@example.com", email)
    assert refusal(lambda: client.send("appointment-created", sent)) == (status, body)
    assert accepted() == []


def test_a_wrong_key_is_refused(connect: Connect, accepted: Accepted) -> None:
    """A key that the account does not have gets Invalid_Key from both calls."""
    stranger = connect(key="another-key")
    expected = (500, error(-1, "Invalid_Key", "Invalid API key"))
    sent = message("ann@example.com")
    assert refusal(lambda: stranger.send("appointment-created", sent)) == expected
    assert refusal(lambda: stranger.search(query="*")) == expected
    assert accepted() == []


def test_an_account_may_have_several_keys(connect: Connect, accepted: Accepted) -> None:
    """Every --key is accepted, as while a key is being rotated."""
    connect(key="second-key").send("appointment-created", message("ann@example.com"))
    assert len(accepted()) == 1


@pytest.mark.parametrize(
    ("template", "more", "body"),
    [
        (
            "unknown-template",
            {},
            error(5, "Unknown_Template", 'No such template "unknown-template"'),
        ),
        (
            "appointment-created",
            {"subaccount": "unknown-1"},
            error(12, "Unknown_Subaccount", "No subaccount exists with the id 'unknown-1'"),
        ),
    ],
)
def test_what_does_not_exist_is_refused(
    client: Client, accepted: Accepted, template: str, more: Struct, body: object
) -> None:
    """A template or subaccount whose name starts with `unknown` is not there."""
    sent = message("ann@example.com", **more)
    assert refusal(lambda: client.send(template, sent)) == (500, body)
    assert accepted() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"to": "ann@example.com"},
        {"to": ["ann@example.com"]},
        {"global_merge_vars": {"date_start_local": "2026-03-05"}},
        {"metadata": ["appointment_uuid"]},
        {"metadata": {"appointment": {"uuid": "nested"}}},
        {"metadata": {"appointment_uuid": "x" * 250}},
    ],
)
def test_an_undocumented_shape_is_refused(
    http: urllib3.PoolManager, url: str, accepted: Accepted, fault: Struct
) -> None:
    """A message that is not as documented gets ValidationError, so that it is seen here first."""
    call: Struct = {"key": KEY, "template_name": "any", "template_content": []}
    call["message"] = message("ann@example.com") | fault
    answer = http.request("POST", f"{url}/messages/send-template", json=call)
    assert (answer.status, answer.json()["code"]) == (500, -2)
    assert answer.json()["name"] == "ValidationError"
    assert next(iter(fault)) in answer.json()["message"]
    assert accepted() == []


@pytest.mark.parametrize("body", [b"", b"key=sandbox-key", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_body_without_a_key_is_refused(http: urllib3.PoolManager, url: str, body: bytes) -> None:
    """Whatever holds no key, JSON or not, gets the ValidationError that says so."""
    answer = http.request("POST", f"{url}/messages/search", body=body)
    assert (answer.status, answer.json()) == (
        500,
        error(-2, "ValidationError", "You must specify a key value"),
    )


def test_an_answer_that_is_not_json(client: Client, accepted: Accepted) -> None:
    """A text comes under HTTP 200 though the message was accepted: the client cannot know."""
    sent = message("ann@garbage.test")
    assert refusal(lambda: client.send("appointment-created", sent)) == (
        200,
        "<html>lost on the way</html>",
    )
    assert [one["metadata"] for one in accepted()] == [sent["metadata"]]


def test_an_answer_that_comes_too_late(connect: Connect, accepted: Accepted) -> None:
    """The message is accepted at once, though its client gives up before the answer."""
    sent = message("ann@slow.test")
    hasty = connect(time_limit=SLOW / 4)
    with pytest.raises(NoAnswerError):
        hasty.send("appointment-created", sent)
    until = time.monotonic() + PATIENCE
    while not accepted() and time.monotonic() < until:
        time.sleep(0.01)  # a machine that is busy may not have read it before its client went
    assert [one["metadata"] for one in accepted()] == [sent["metadata"]]
    [result] = connect().send("appointment-created", sent)
    assert result["status"] == "sent"


def test_a_message_is_found_by_its_metadata(client: Client) -> None:
    """`u_<field>:<value>` finds the messages that bear it and no others, newest first."""
    sent = message("ann@example.com", "bob@rejected.test", "eve@invalid.test", subject="New")
    before = time.time()
    results = client.send("appointment-created", sent)
    client.send("appointment-created", message("ann@example.com"))
    found = client.search(query=f"u_appointment_uuid:{sent['metadata']['appointment_uuid']}")
    assert all(int(before) <= one.pop("ts") <= time.time() for one in found)
    common = {
        "sender": None,
        "subject": "New",
        "template": "appointment-created",
        "tags": [],
        "metadata": sent["metadata"],
    }
    ids = [one["_id"] for one in results]
    assert found == [
        common | {"_id": ids[0], "email": "ann@example.com", "state": "sent"},
        common | {"_id": ids[1], "email": "bob@rejected.test", "state": "rejected"},
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("*", 3),
        ("", 3),
        ("email:example.com", 2),
        ("email:ann", 1),
        ("email:ann@example.com", 1),
        ("full_email:ann@example.com", 1),
        ("full_email:example.com", 0),
        ('u_request_id:"JKJaXmPLvHcESHA="', 3),
        ("u_request_id:JKJaXmPLvHcESHA= AND email:bob@example.com", 1),
        ("u_request_id:JKJaXmPLvHcESHA= AND state:rejected", 1),
        ("request_id:JKJaXmPLvHcESHA=", 0),
        ("ANN@example.com", 1),
        ('subject:"New appointment"', 3),
        ("email:ann OR email:bob", 2),
        ("email:ann AND subject:none OR email:cat", 1),
    ],
)
def test_the_query_language(client: Client, query: str, count: int) -> None:
    """A query is `*`, or terms with or without a field, quoted or bare, joined by AND and OR."""
    recipients = ("ann@example.com", "bob@example.com", "cat@rejected.test")
    client.send("appointment-created", message(*recipients, subject="New appointment"))
    assert len(client.search(query=query)) == count


@pytest.mark.parametrize("query", ["NOT email:ann", "ann*", "(email:ann)"])
def test_a_query_beyond_the_sandbox_is_refused(client: Client, query: str) -> None:
    """What Mandrill would read and the sandbox does not is an error, never a wrong finding."""
    client.send("appointment-created", message("ann@example.com"))
    status, body = refusal(lambda: client.search(query=query))
    assert (status, body["name"]) == (500, "ValidationError")


def test_a_search_is_bounded_by_days_and_number(client: Client) -> None:
    """date_from and date_to count whole days in UTC, limit the results."""
    client.send("appointment-created", message("ann@example.com", "bob@example.com"))
    today = datetime.now(UTC).date()
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}
    of = {name: (today + timedelta(days=count)).isoformat() for name, count in days.items()}
    assert len(client.search(date_from=of["yesterday"], date_to=of["tomorrow"])) == 2
    assert len(client.search(date_from=f"{of['yesterday']} 23:59:59", limit=1)) == 1
    assert client.search(date_from=of["tomorrow"]) == []
    assert client.search(date_to=of["yesterday"]) == []
    status, body = refusal(lambda: client.search(date_from="last week"))
    assert (status, body["name"]) == (500, "ValidationError")


def test_searches_can_be_limited(connect: Connect) -> None:
    """Beyond --search-limit a search in the same minute is refused, as Mandrill does after 20."""
    with serving("--search-limit", "2") as (url, _):
        limited = connect(url)
        assert [limited.search(query="*") for _ in range(2)] == [[], []]
        assert refusal(lambda: limited.search(query="*")) == (
            429,
            error(429, "RequestLimitExceeded", "Too Many Requests attempted recently"),
        )
        limited.send("appointment-created", message("ann@example.com"))


@pytest.mark.parametrize("prefix", ["", "/api/1.0", "/api/1.4"])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_every_path_of_mandrills_leads_here(
    http: urllib3.PoolManager, url: str, prefix: str, suffix: str
) -> None:
    """Any version's prefix or none, `.json` or not, and all over one kept connection."""
    call = {"key": KEY, "query": "*"}
    found = http.request("POST", f"{url}{prefix}/messages/search{suffix}", json=call)
    assert (found.status, found.json()) == (200, [])
    listed = http.request("GET", f"{url}{prefix}/_sandbox/messages")
    assert (listed.status, listed.json()) == (200, [])
    assert http.connection_from_url(url).num_connections == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/messages/send"),
        ("GET", "/messages/search"),
        ("DELETE", "/messages/search"),
        ("POST", "/_sandbox/messages"),
    ],
)
def test_what_is_no_call_is_not_found(
    http: urllib3.PoolManager, url: str, method: str, path: str
) -> None:
    """A path or a method that is not served gets HTTP 404."""
    assert http.request(method, url + path, body=b"{}").status == 404


@pytest.mark.parametrize(
    ("length", "status"), [("", 411), ("-1", 411), ("9" * 5000, 411), ("1048577", 413)]
)
def test_a_body_without_a_bounded_length_is_not_read(
    http: urllib3.PoolManager, url: str, length: str, status: int
) -> None:
    """A length that is missing, no number or above 1 MiB is refused before a byte is read."""
    headers = {"Content-Length": length}
    assert http.request("POST", f"{url}/messages/search", headers=headers).status == status


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_never_prints_the_key(connect: Connect, ending: signal.Signals) -> None:
    """A signal ends it in the midst of a slow answer, with nothing printed but its address."""
    with serving("--slow", "30") as (url, process):
        with pytest.raises(NoAnswerError):
            connect(url, time_limit=0.3).send("appointment-created", message("ann@slow.test"))
        refusal(lambda: connect(url, key="wrong-key").search(query="*"))
        process.send_signal(ending)
        assert process.communicate(timeout=25) == ("", "")
        assert process.returncode == 0


def test_the_mail_survives_a_restart(
    connect: Connect, http: urllib3.PoolManager, tmp_path: Path
) -> None:
    """With --mail, a new process has the mail of an earlier one, until DELETE empties it."""
    mail = ("--mail", str(tmp_path / "mail.jsonl"))
    with serving(*mail) as (url, _):
        connect(url).send("appointment-created", message("ann@example.com"))
    with (tmp_path / "mail.jsonl").open("a") as torn:
        torn.write('{"at": "2026-')  # as a process that is killed leaves it
    with serving(*mail) as (url, _):
        assert [
            one["to"][0]["email"] for one in http.request("GET", f"{url}/_sandbox/messages").json()
        ] == ["ann@example.com"]
        assert len(connect(url).search(query="*")) == 1
        http.request("DELETE", f"{url}/_sandbox/messages")
    with serving(*mail) as (url, _):
        assert http.request("GET", f"{url}/_sandbox/messages").json() == []


def listed(url: str) -> list[Struct]:
    """Read what was accepted."""
    messages: list[Struct] = urllib3.request("GET", f"{url}/_sandbox/messages").json()
    return messages


@pytest.mark.parametrize(
    ("outage", "name"),
    [("down", "GeneralError"), ("invalid-key", "Invalid_Key"), ("slow", None), ("hang", None)],
)
def test_an_outage_is_played(
    client: Client, connect: Connect, url: str, outage: str, name: str | None
) -> None:
    """Until its end, an outage concerns every call, whatever the addresses."""
    sent = message("ann@example.com")
    assert urllib3.request("PUT", f"{url}/_sandbox/outage", body=outage).status == 200
    try:
        if name:
            assert refusal(lambda: client.send("appointment-created", sent))[1]["name"] == name
            assert refusal(lambda: client.search(query="*"))[1]["name"] == name
        else:
            hasty = connect(time_limit=SLOW / 4)
            with pytest.raises(NoAnswerError):
                hasty.send("appointment-created", sent)
        until = time.monotonic() + PATIENCE
        while outage == "slow" and not listed(url) and time.monotonic() < until:
            time.sleep(0.01)
        assert bool(listed(url)) is (outage == "slow")
    finally:
        urllib3.request("DELETE", f"{url}/_sandbox/outage")
    [result] = client.send("appointment-created", sent)
    assert result["status"] == "sent"


def test_an_unknown_outage_is_refused(http: urllib3.PoolManager, url: str) -> None:
    """A word that names no outage changes nothing."""
    assert http.request("PUT", f"{url}/_sandbox/outage", body="holiday").status == 400
