"""Our adapter says what Mandrill's own client says, and reads the same in the answers."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import mailchimp_transactional
import pytest

from appointments import mandrill
from tests.email.conftest import KEY, SLOW, Clock, CountedAccount, point_to
from tools.mandrill_account import ERRORS
from tools.sandbox import Sandbox

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
    monkeypatch.setattr(mandrill, "_key", cache(lambda: KEY))
    yield account
    mandrill._pool.clear()


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


def send(*emails: str, seconds: float = 5, uuid: str = "") -> list[mandrill.Delivery]:
    """Send as the service does."""
    return mandrill.send(
        to=[(email, "Ann") for email in emails],
        variables=VARIABLES,
        metadata={"appointment_uuid": uuid, "request_id": "JKJaXmPLvHcESHA="},
        until=time.monotonic() + seconds,
    )


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
        "global_merge_vars": [
            {"name": name, "content": content} for name, content in VARIABLES.items()
        ],
        "metadata": {"appointment_uuid": "1", "request_id": "JKJaXmPLvHcESHA="},
    }
    official.messages.send_template(
        {"template_name": "appointment-created", "template_content": [], "message": message}
    )
    ours, theirs = account.heard
    assert ours == theirs
    assert ours["key"] == KEY
    one, other = account.accepted()
    assert {**one, "_ids": 0, "accepted_at": 0} == {**other, "_ids": 0, "accepted_at": 0}


def test_results_are_read_the_same(account: CountedAccount, official: Any) -> None:
    """Both read each recipient's status, id and reject reason alike."""
    emails = ["ann@example.com", "b@queued.test", "c@rejected.test", "d@invalid.test"]
    ours = send(*emails)
    theirs = official.messages.send_template(account.heard[0])
    assert [(one.email, one.status, one.reject_reason) for one in ours] == [
        (one["email"], one["status"], one["reject_reason"]) for one in theirs
    ]
    assert all(len(one.id or "") == 32 for one in ours)


def test_a_search_finds_what_mandrills_own_client_finds(
    account: CountedAccount, official: Any
) -> None:
    """Both find the recipients of one appointment's messages, and of no other."""
    uuid = str(uuid4())
    send("ann@example.com", "c@rejected.test", uuid=uuid)
    send("bob@example.com", uuid=str(uuid4()))
    ours = mandrill.search(uuid, time.monotonic() + 5)
    theirs = official.messages.search({"query": f"u_appointment_uuid:{uuid}"})
    assert [(one.email, one.status, one.id) for one in ours] == [
        (one["email"], one["state"], one["_id"]) for one in theirs
    ]
    assert [one.status for one in ours] == ["sent", "rejected"]
    assert account.heard[2]["query"] == f'u_appointment_uuid:"{uuid}"'


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_published_error_is_told_by_its_name(account: CountedAccount, name: str) -> None:
    """Every error of Mandrill's means: refused, by this name; the code is never looked at."""
    account.refusals = [name] * 3
    with pytest.raises(mandrill.Refused, match=f"^{name}$"):
        send("ann@example.com")
    assert account.mail == []


@pytest.mark.parametrize(
    ("email", "what"),
    [
        ("a@slow.test", "no answer in time"),
        ("a@garbage.test", "HTTP 200 without a readable answer"),
        ("a@empty.test", "HTTP 500 without a readable answer"),
    ],
)
def test_what_nobody_can_tell_is_unanswered(account: CountedAccount, email: str, what: str) -> None:
    """No answer in time, or none that can be read, is no refusal."""
    with pytest.raises(mandrill.Unanswered, match=f"^{what}$"):
        send(email, seconds=SLOW / 2)
    assert account.calls == ["send"]


@pytest.mark.parametrize(
    "answer",
    [
        *({"status": "sent"}, [None], ["sent"], [{"email": "a"}], 7, "sent", [[]]),
        [{"email": "ann@example.com", "status": "rejected", "reject_reason": "\ud800"}],
    ],
)
def test_an_answer_of_another_form_is_unanswered(
    account: CountedAccount, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """Whatever JSON comes under HTTP 200 in place of results, nothing breaks, now or later."""
    monkeypatch.setattr(account, "send_template", lambda _: answer)
    with pytest.raises(mandrill.Unanswered):
        send("ann@example.com")


def test_one_connection_serves_all(account: CountedAccount) -> None:
    """The connection is kept from call to call, and left alone once it has idled too long."""
    for _ in range(3):
        send("ann@example.com")
    pools = mandrill._pool.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118
    mandrill._used_at -= 60
    send("ann@example.com")
    assert [pools[key].num_requests for key in pools.keys()] == [1]  # noqa: SIM118
    assert len(account.calls) == 4
