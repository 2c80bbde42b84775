"""Our adapter says what Mandrill's own client says, and reads the same in the answers."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import uuid4

import mailchimp_transactional
import pytest
import trustme

from appointments.email import mandrill, mandrill_client
from appointments.email.mandrill_client import CallFailed
from appointments.email.state import Outcome
from tests.support.email_harness import KEY, SLOW, Clock, CountedAccount, point_to
from tools.mandrill_sandbox.account import ERRORS
from tools.mandrill_sandbox.server import Sandbox

VARIABLES: dict[str, Any] = {"uuid": "…", "notes": 'É "x"\n', "allday": True, "order_id": 1001}


@pytest.fixture
def account(
    sandbox: Sandbox,
    clock: Clock,  # noqa: ARG001 - nothing here goes by the machine's pace
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[CountedAccount]:
    """Give each test an account without mail, and the adapter its key."""
    sandbox.account = account = CountedAccount()
    point_to(url(sandbox), monkeypatch)
    monkeypatch.setattr(mandrill_client, "_key", cache(lambda: KEY))
    yield account
    mandrill_client._pool.clear()


def url(sandbox: Sandbox) -> str:
    """Return where the sandbox answers."""
    return f"http://127.0.0.1:{sandbox.server_port}"


@pytest.fixture
def official(sandbox: Sandbox) -> Any:
    """Return Mandrill's own client."""
    client = mailchimp_transactional.Client(KEY)
    client.api_client.host = url(sandbox)
    client.set_timeout(60)
    return client


def send(*emails: str, seconds: float = 5, uuid: str = "") -> list[mandrill.RecipientResult]:
    """Send as the service does."""
    return mandrill.send(
        to=[(email, "Ann") for email in emails],
        variables=VARIABLES,
        metadata={"appointment_uuid": uuid, "request_id": "JKJaXmPLvHcESHA="},
        deadline=time.monotonic() + seconds,
        retry_at_once=True,
    )


def search(*uuids: str) -> list[mandrill.FoundRecipient]:
    """Search as the service does, from today on."""
    today = datetime.fromtimestamp(time.time(), UTC).date()
    return mandrill.search(uuids, today, time.monotonic() + 5)


@contextmanager
def fails(said: str, outcome: Outcome) -> Iterator[None]:
    """Expect a call to fail with this reason and outcome."""
    with pytest.raises(CallFailed, match=f"^{re.escape(said)}$") as failed:
        yield
    assert failed.value.outcome is outcome


def test_a_message_arrives_as_from_mandrills_own_client(
    account: CountedAccount, official: Any
) -> None:
    """For one message both clients put the same JSON on the wire, the key included."""
    send("ann@example.com", "bob@example.com", uuid="1")
    message = {
        "to": [
            {"email": email, "name": "Ann", "type": "to"}
            for email in ("ann@example.com", "bob@example.com")
        ],
        "preserve_recipients": False,
        "merge": True,
        "merge_language": "handlebars",
        "global_merge_vars": [
            {"name": name, "content": content} for name, content in VARIABLES.items()
        ],
        "metadata": {"appointment_uuid": "1", "request_id": "JKJaXmPLvHcESHA="},
    }
    official.messages.send_template(
        {"template_name": "appointment-created", "template_content": [], "message": message}
    )
    ours, theirs = account.received
    assert ours == theirs
    assert ours["key"] == KEY
    one, other = account.accepted_mail()
    assert {**one, "_ids": 0, "accepted_at": 0} == {**other, "_ids": 0, "accepted_at": 0}


def test_results_are_read_the_same(account: CountedAccount, official: Any) -> None:
    """Both read each recipient's status, id and reject reason alike."""
    emails = ["ann@example.com", "b@queued.test", "c@rejected.test", "d@invalid.test"]
    ours = send(*emails)
    theirs = official.messages.send_template(account.received[0])
    assert [(one.email, one.status, one.reject_reason) for one in ours] == [
        (one["email"], one["status"], one["reject_reason"]) for one in theirs
    ]
    assert all(len(one.id or "") == 32 for one in ours)


def test_a_search_finds_what_mandrills_own_client_finds(
    account: CountedAccount, official: Any
) -> None:
    """Both find the recipients of the named appointments' messages, and of no other."""
    uuid, other = str(uuid4()), str(uuid4())
    send("ann@example.com", "c@rejected.test", uuid=uuid)
    send("bob@example.com", uuid=str(uuid4()))
    send("eve@example.com", uuid=other)
    ours = search(uuid, other)
    asked = account.received[3]
    theirs = official.messages.search(asked)
    assert [(one.email, one.state, one.id, one.uuid) for one in ours] == [
        (one["email"], one["state"], one["_id"], one["metadata"]["appointment_uuid"])
        for one in theirs
    ]
    assert [(one.email, one.state) for one in ours] == [
        ("eve@example.com", "sent"),
        ("ann@example.com", "sent"),
        ("c@rejected.test", "rejected"),
    ]
    assert asked["query"] == f'u_appointment_uuid:"{uuid}" OR u_appointment_uuid:"{other}"'
    assert (asked["date_from"], asked["limit"]) == ("2027-01-15", 1000)


def test_a_search_begins_on_the_day_that_is_named(account: CountedAccount) -> None:
    """What was sent more than seven days ago is found too, if the search begins early enough."""
    uuid = str(uuid4())
    send("ann@example.com", uuid=uuid)
    mandrill.search([uuid], date(2026, 12, 31), time.monotonic() + 5)
    assert account.received[-1]["date_from"] == "2026-12-31"


@pytest.mark.parametrize("answer", [{"status": "sent"}, [None], [{"email": "a", "state": "sent"}]])
def test_a_search_of_another_form_fails(
    account: CountedAccount, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """A list that does not say which appointment each recipient is of proves nothing."""
    monkeypatch.setattr(account, "search", lambda _: answer)
    with fails("mandrill-unavailable (a response of another form)", Outcome.UNKNOWN):
        search(str(uuid4()))


# What the spec's table says of each of Mandrill's named errors; the others are unavailable.
NAMED = {
    "ValidationError": ("ValidationError", Outcome.REFUSED),
    "RequestLimitExceeded": ("mandrill-unavailable (RequestLimitExceeded)", Outcome.BUSY),
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_published_error_is_named(account: CountedAccount, name: str) -> None:
    """Every error of Mandrill's means: not accepted, by this name; the code is never looked at."""
    account.refusals = [name] * 3
    said = (f"mandrill-unavailable ({name})", Outcome.UNAVAILABLE)
    with fails(*NAMED.get(name, said)):
        send("ann@example.com")
    assert account.mail == []


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("a@slow.test", "no response in time"),
        ("a@garbage.test", "HTTP 200 without a readable response"),
        ("a@empty.test", "HTTP 500 without a readable response"),
    ],
)
def test_what_is_unclear_is_unknown(account: CountedAccount, email: str, said: str) -> None:
    """If no response comes in time, or none that can be read, Mandrill may have the email."""
    with fails(f"mandrill-unavailable ({said})", Outcome.UNKNOWN):
        send(email, seconds=SLOW / 2)
    assert account.calls == ["send"]


@pytest.mark.parametrize(
    "answer",
    [
        *({"status": "sent"}, [None], ["sent"], [{"email": "a"}], 7, "sent", [[]]),
        [{"email": "ann@example.com", "status": "rejected", "reject_reason": "\ud800"}],
    ],
)
def test_a_response_of_another_form_is_unknown(
    account: CountedAccount, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """Whatever JSON comes under HTTP 200 in place of results, nothing breaks, now or later."""
    monkeypatch.setattr(account, "send_template", lambda _: answer)
    with pytest.raises(CallFailed) as failed:
        send("ann@example.com")
    assert failed.value.outcome is Outcome.UNKNOWN


def test_one_connection_serves_all(account: CountedAccount) -> None:
    """The connection is kept from call to call."""
    for _ in range(3):
        send("ann@example.com")
    pools = mandrill_client._pool.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118
    assert len(account.calls) == 3


SENT = b'[{"email": "ann@example.com", "status": "sent", "_id": "1", "reject_reason": null}]'


@contextmanager
def server(
    serve: Callable[[socket.socket], object], monkeypatch: pytest.MonkeyPatch, scheme: str = "http"
) -> Iterator[None]:
    """Let `serve` handle the adapter's one connection, in place of the sandbox."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def accept() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(10)
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        point_to(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}", monkeypatch)
        yield
        thread.join(10)
        assert not thread.is_alive()


def read_request(connection: socket.socket) -> bytes:
    """Read one call to its end; return its body."""
    with connection.makefile("rb") as call:
        length = 0
        while (line := call.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return call.read(length)


def respond(
    content: bytes, length: int | None = None, status: int = 200, header: str = ""
) -> Callable[[socket.socket], None]:
    """Return what reads a call, responds with this status and content, and hangs up."""
    length = len(content) if length is None else length
    head = f"HTTP/1.1 {status} Status\r\n{header}Content-Length: {length}\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head.encode() + content)

    return serve


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("is_trusted", [True, False])
def test_only_a_trusted_certificate_gets_the_email(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, *, is_trusted: bool
) -> None:
    """Over TLS the email goes to a certificate of a trusted authority, and surely to no other."""
    ours, others = trustme.CA(), trustme.CA()
    trusted = tmp_path / "authorities.pem"
    ours.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (ours if is_trusted else others).issue_cert("127.0.0.1").configure_cert(context)
    heard: list[bool] = []

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                respond(SENT)(secure)
                heard.append(True)
        except OSError:
            return

    with server(serve, monkeypatch, "https"):
        if is_trusted:
            assert [one.status for one in send("ann@example.com")] == ["sent"]
        else:
            with fails("mandrill-unavailable (no TLS)", Outcome.UNAVAILABLE):
                send("ann@example.com")
    assert bool(heard) is is_trusted


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (respond(SENT[:20], len(SENT)), "no response in time"),
        (respond(b" " * 1_000_001 + SENT), "a response without an end"),
        (read_request, "no response in time"),
        (lambda connection: connection.close(), "no response in time"),
    ],
    ids=["cut off", "endless", "no response", "hung up"],
)
def test_a_response_that_cannot_be_read_is_unknown(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[socket.socket], object], said: str
) -> None:
    """If the connection breaks after it was made, Mandrill may have accepted the email."""

    def serve_in_peace(connection: socket.socket) -> None:
        try:
            serve(connection)
        except OSError:  # the adapter hung up
            return

    with (
        server(serve_in_peace, monkeypatch),
        fails(f"mandrill-unavailable ({said})", Outcome.UNKNOWN),
    ):
        send("ann@example.com")


# A status and a body; what follows, and what is said of it.
RESPONSES: list[tuple[int, bytes, Outcome, str]] = [
    (500, b"{}", Outcome.UNKNOWN, "HTTP 500 without a readable response"),
    (500, b'{"name": null}', Outcome.UNKNOWN, "HTTP 500 without a readable response"),
    (500, b'{"name": ""}', Outcome.UNKNOWN, "HTTP 500 without a readable response"),
    (500, b"[]", Outcome.UNKNOWN, "HTTP 500 without a readable response"),
    (502, b"<html>", Outcome.UNKNOWN, "HTTP 502 without a readable response"),
    (200, b"<html>", Outcome.UNKNOWN, "HTTP 200 without a readable response"),
    (200, b'{"name": "GeneralError"}', Outcome.UNAVAILABLE, "GeneralError"),
    (400, b'{"name": "Unknown_Template"}', Outcome.UNAVAILABLE, "Unknown_Template"),
    (400, b"<html>", Outcome.UNAVAILABLE, "HTTP 400"),
    (404, b"[]", Outcome.UNAVAILABLE, "HTTP 404"),
    (302, b"", Outcome.UNAVAILABLE, "HTTP 302"),
    (500, b'{"name": "%s"}' % (b"n" * 300), Outcome.UNAVAILABLE, "n" * 100),
]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("status", "content", "outcome", "said"), RESPONSES, ids=lambda each: str(each)[:30]
)
def test_a_status_and_a_name_decide(
    monkeypatch: pytest.MonkeyPatch, status: int, content: bytes, outcome: Outcome, said: str
) -> None:
    """A name means not accepted; without one a 5xx may be, and a 4xx or a redirect is not.

    Of a name at most a hundred characters are repeated.
    """
    serve = respond(content, status=status, header="Location: /elsewhere\r\n")
    with server(serve, monkeypatch), fails(f"mandrill-unavailable ({said})", outcome):
        send("ann@example.com")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(("status", "outcome"), [(429, Outcome.BUSY), (503, Outcome.UNAVAILABLE)])
def test_a_busy_mandrill_needs_no_name(
    monkeypatch: pytest.MonkeyPatch, status: int, outcome: Outcome
) -> None:
    """429 and 503 mean not accepted, whatever comes with them."""
    monkeypatch.setattr(mandrill_client, "_RETRY_BACKOFF", ())
    with (
        server(respond(b"<html>", status=status), monkeypatch),
        fails(f"mandrill-unavailable (HTTP {status})", outcome),
    ):
        send("ann@example.com")


@pytest.mark.usefixtures("account")
def test_a_slow_connection_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no connection is made in time, the email was surely not sent, and is not sent again."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        point_to(f"http://127.0.0.1:{address[1]}", monkeypatch)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:  # a queue that is full takes no further connection
            each.setblocking(False)
            each.connect_ex(address)
        with fails("mandrill-unavailable (no connection)", Outcome.UNAVAILABLE):
            send("ann@example.com", seconds=0.3)
        for each in waiting:
            each.close()


@pytest.mark.parametrize(("seconds", "connect", "total"), [(20, 2, 8), (5, 2, 5), (1, 1, 1)])
@pytest.mark.usefixtures("account")
def test_a_call_has_two_seconds_to_connect_and_eight_in_all(
    monkeypatch: pytest.MonkeyPatch, seconds: float, connect: float, total: float
) -> None:
    """A call takes at most 2 s to connect and 8 s in all, and less if less time is left."""
    limits: list[Any] = []
    request = mandrill_client._pool.request

    def note(*given: Any, timeout: Any, **how: Any) -> Any:
        limits.append(timeout)
        return request(*given, timeout=timeout, **how)

    monkeypatch.setattr(mandrill_client._pool, "request", note)
    send("ann@example.com", seconds=seconds)
    [limit] = limits
    assert limit.total == pytest.approx(total, abs=0.5)
    assert limit.connect_timeout == pytest.approx(connect, abs=0.5)
