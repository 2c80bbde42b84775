"""The request's own try: who gets the email, what the response says, what stays secret."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import urllib3

from appointments import clients, parameters
from tests.support.email_harness import KEY, RESERVE, SLOW, UUID, EmailHarness, point_to
from tests.support.fake_aws import renew_clients
from tools.mandrill_sandbox.account import Struct

PAT, BOOKER = "pat@planomatic.test", "booker@planomatic.test"


def photographer(harness: EmailHarness, email: str) -> None:
    """Give the photographer this address."""
    harness.aws.put_record("user#501", name="Pat", email=email)


def test_both_roles_are_mailed(harness: EmailHarness) -> None:
    """Photographer and booker get one email each, and the answer lists both with Mandrill's ids."""
    answered = harness.create()
    assert answered.status == "action-successful"
    [mail] = harness.account.accepted_mail()
    assert mail["to"] == [{"email": PAT, "name": "Pat"}, {"email": BOOKER, "name": "Bo Booker"}]
    assert mail["template_name"] == "appointment-created"
    email = answered.body["data"]["email"]
    assert email["status"] == "sent"
    assert "reason" not in email
    assert [(one["email"], one["status"]) for one in email["recipients"]] == [
        (PAT, "sent"),
        (BOOKER, "sent"),
    ]
    assert {one["email"]: one["id"] for one in email["recipients"]} == mail["_ids"]
    assert harness.published() == []


def test_every_field_is_a_merge_variable(harness: EmailHarness) -> None:
    """The merge variables are the appointment's fields, all of them, and the metadata find it."""
    sent: dict[str, Any] = {
        name: "2027-01-05T10:00:00"
        if (kind := parameters.type_of(name).name) == "datetime"
        else {"boolean": True, "integer": 7, "date": "2027-01-05", "time": "10:00:00"}.get(
            kind, "x"
        )
        for name in parameters.NAMES
        if not name.endswith("_id")
    } | {"application": "planoorder", "token": "session-token", "month_first": False}
    sent |= {"uuid": UUID, "session_view": "full", "order_id": 1001}
    answered = harness.create(**sent)
    assert answered.status == "action-successful", answered.body
    [mail] = harness.account.accepted_mail()
    variables = {each["name"]: each["content"] for each in mail["global_merge_vars"]}
    assert variables == answered.body["data"]["appointment"]
    assert variables.keys() == sent.keys() - parameters.NOT_STORED | {"photographer_user_id"}
    assert mail["metadata"] == {"appointment_uuid": UUID, "request_id": "req-1"}


@pytest.mark.parametrize("address", [BOOKER, BOOKER.upper(), f" {BOOKER} "])
def test_one_address_in_both_roles_gets_one_email(harness: EmailHarness, address: str) -> None:
    """Who is photographer and booker at once, in whatever case, is mailed once."""
    photographer(harness, address)
    email = harness.create().body["data"]["email"]
    assert [one["roles"] for one in email["recipients"]] == [["photographer", "booker"]]
    assert len(harness.mailed()) == 1


@pytest.mark.parametrize("user", [503, None])
def test_no_recipient_is_a_success(harness: EmailHarness, user: int | None) -> None:
    """Without any address the email is skipped; no call is made and nothing is owed."""
    answered = harness.create(token="application-token", photographer_user_id=user)
    assert (answered.status, answered.body["data"]["email"]) == (
        "action-successful",
        {"status": "skipped", "recipients": []},
    )
    assert harness.account.calls == []
    assert not {"owed", "due", "lease"} & set(harness.item())


def test_a_photographer_without_address_leaves_the_booker(harness: EmailHarness) -> None:
    """Where only the booker has an address, he alone is mailed."""
    assert harness.create(photographer_user_id=503).body["data"]["email"]["status"] == "sent"
    assert harness.mailed() == [BOOKER]


def unavailable(said: str) -> str:
    """Return the reason of an outcome "unavailable"."""
    return f"mandrill-unavailable ({said})"


# An address: the email's status, the photographer's, the reason, the calls made.
REFUSED = [
    ("a@queued.test", "sent", "queued", None, 1),
    ("a@rejected.test", "partly-sent", "rejected", "a@rejected.test rejected (hard-bounce)", 1),
    ("a@invalid.test", "partly-sent", "invalid", "a@invalid.test invalid", 1),
    ("a@down.test", "failed", "unknown", unavailable("GeneralError"), 1),
    ("a@unpaid.test", "failed", "unknown", unavailable("PaymentRequired"), 1),
    ("a@unavailable.test", "failed", "unknown", unavailable("ServiceUnavailable"), 3),
    ("a@busy.test", "failed", "unknown", unavailable("RequestLimitExceeded"), 3),
    ("a@empty.test", "unknown", "unknown", unavailable("HTTP 500 without a readable response"), 1),
    (
        "a@garbage.test",
        "unknown",
        "unknown",
        unavailable("HTTP 200 without a readable response"),
        1,
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_what_mandrill_says_decides(
    harness: EmailHarness, case: tuple[str, str, str, str, int]
) -> None:
    """HTTP 200 is not success: each recipient's status and Mandrill's error name decide."""
    address, status, of_him, reason, calls = case
    photographer(harness, address)
    answered = harness.create()
    email = answered.body["data"]["email"]
    failed = status != "sent"
    assert answered.status == ("mandrill-email-failed" if failed else "action-successful")
    assert answered.code == (500 if failed else 200)
    assert (answered.body["saved"], answered.body["retryable"]) == (True, False)
    assert "The appointment was " in answered.body["message"]
    assert not failed or reason in answered.body["message"]
    assert answered.body["data"]["appointment"]["uuid"] == UUID
    assert (email["status"], email.get("reason")) == (status, reason)
    assert email["recipients"][0]["email"] == address
    assert email["recipients"][0]["status"] == of_him
    assert harness.account.calls == ["send"] * calls
    assert [each.facts["status"] for each in harness.published()] == [answered.status] * failed
    for notification in harness.published():
        assert reason in notification.facts["reason"]
        assert reason in notification.message["default"]


@pytest.mark.parametrize("state", ["sent", "queued", "scheduled"])
def test_what_mandrill_accepted_is_sent(harness: EmailHarness, state: str) -> None:
    """Each state in which Mandrill has accepted an email is a success, and ends its delivery."""
    send = harness.account.send_template

    def send_in_state(call: Any) -> Any:
        return [result | {"status": state} for result in list[Any](send(call))]

    with patch.object(harness.account, "send_template", send_in_state):
        answered = harness.create()
    assert (answered.status, answered.body["data"]["email"]["status"]) == (
        "action-successful",
        "sent",
    )
    assert {one["status"] for one in answered.body["data"]["email"]["recipients"]} == {state}
    assert "owed" not in harness.item()


@pytest.mark.parametrize(
    ("address", "sent", "failed"), [(PAT, 1, 0), ("a@rejected.test", 0, 1), ("a@down.test", 0, 1)]
)
def test_emails_are_counted(harness: EmailHarness, address: str, sent: int, failed: int) -> None:
    """Each email counts as sent, or as failed if its response is mandrill-email-failed."""
    photographer(harness, address)
    harness.create()
    assert (harness.count("EmailsSent"), harness.count("EmailsFailed")) == (sent, failed)


def test_no_recipient_reached_is_failed(harness: EmailHarness) -> None:
    """Where every recipient is refused the email has failed, not partly."""
    answered = harness.create(token="no-address-token", photographer_user_id=502)
    assert answered.body["data"]["email"]["status"] == "failed"
    assert harness.mailed() == []


def test_no_answer_in_time_is_unknown(harness: EmailHarness) -> None:
    """What is not answered within the function's time is unknown."""
    photographer(harness, "a@slow.test")
    answered = harness.create(seconds=RESERVE + SLOW / 4)
    assert answered.status == "mandrill-email-failed"
    email = answered.body["data"]["email"]
    assert (email["status"], email["reason"]) == (
        "unknown",
        unavailable("no response in time"),
    )
    assert {one["status"] for one in email["recipients"]} == {"unknown"}


def test_the_function_waits_no_longer_than_its_deadline(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Mandrill never responds, the function waits until its deadline, and no longer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_to(f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch)
        with patch.object(urllib3, "Timeout", wraps=urllib3.Timeout) as limits:
            email = harness.create(seconds=RESERVE + 0.5).body["data"]["email"]
    assert (email["status"], email["reason"]) == (
        "unknown",
        unavailable("no response in time"),
    )
    assert limits.call_args.kwargs == {"connect": 0.5, "total": 0.5}


def test_without_time_nothing_is_sent(harness: EmailHarness) -> None:
    """With no time left Mandrill is not called, and the email is not in doubt."""
    answered = harness.create(seconds=RESERVE)
    assert answered.body["data"]["email"]["reason"] == "no time left"
    assert answered.body["data"]["email"]["status"] == "failed"
    assert harness.account.calls == []


@pytest.mark.parametrize("refusal", ["ServiceUnavailable", "RequestLimitExceeded"])
def test_a_busy_mandrill_is_called_again_at_once(harness: EmailHarness, refusal: str) -> None:
    """What Mandrill surely did not accept is sent again inside the request."""
    harness.account.refusals = [refusal]
    assert harness.create().status == "action-successful"
    assert harness.account.calls == ["send", "send"]


def test_being_busy_does_not_outlast_the_limit(harness: EmailHarness) -> None:
    """A call is not repeated beyond the eight seconds that all calls have."""
    send = harness.account.send_template

    def take_long(call: Struct) -> Any:
        time.sleep(7.9)
        return send(call)

    harness.account.refusals = ["ServiceUnavailable"] * 9
    with patch.object(harness.account, "send_template", take_long):
        answered = harness.create()
    assert answered.body["data"]["email"]["reason"] == unavailable("ServiceUnavailable")
    assert harness.account.calls == ["send"]


def test_a_refused_connection_is_tried_again(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nothing listens, the email fails for certain, after more than one attempt."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    point_to(f"http://127.0.0.1:{port}", monkeypatch)
    email = harness.create().body["data"]["email"]
    assert (email["status"], email["reason"]) == (
        "failed",
        unavailable("connection refused"),
    )
    assert harness.clock.slept == [0.2, 0.6]


def test_a_trickling_answer_is_cut_off(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that comes byte by byte does not hold the function beyond its time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        point_to(f"http://127.0.0.1:{server.getsockname()[1]}", monkeypatch)
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        email = harness.create().body["data"]["email"]
        thread.join()
    assert (email["status"], email["reason"]) == (
        "unknown",
        unavailable("no response in time"),
    )


def trickle(server: socket.socket) -> None:
    """Answer the next call one byte a second, to the end."""
    connection, _ = server.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        with suppress(OSError):  # its caller has hung up
            for _ in range(100):
                time.sleep(1)
                connection.sendall(b" ")


@pytest.mark.parametrize("number", [0, 1])
def test_a_recipient_without_a_result_is_maybe_sent(harness: EmailHarness, number: int) -> None:
    """Of whom Mandrill's answer says nothing he is unknown: looked up, not mailed again."""
    send = harness.account.send_template
    with patch.object(harness.account, "send_template", lambda call: send(call)[:number]):
        email = harness.create().body["data"]["email"]
    assert email["status"] == "unknown"
    assert [one["status"] for one in email["recipients"]] == (["sent"] * number + ["unknown"] * 2)[
        :2
    ]
    harness.wait(121)
    harness.schedule()
    assert harness.mailed() == [PAT, BOOKER]


def test_a_wrong_key_fails(harness: EmailHarness) -> None:
    """A key that Mandrill does not know fails the email by its name; the key is read once more."""
    harness.account.keys = {"another"}
    answered = harness.create()
    assert answered.body["data"]["email"]["reason"] == unavailable("Invalid_Key")
    assert answered.status == "mandrill-email-failed"


def test_a_rotated_key_is_picked_up(harness: EmailHarness) -> None:
    """After one Invalid_Key the new key is read, and the same request's email is sent."""
    assert harness.create().status == "action-successful"
    harness.account.keys = {"rotated-key"}
    boto3.client("secretsmanager").put_secret_value(SecretId="mandrill", SecretString="rotated-key")
    other = "11111111-1111-4111-8111-111111111111"
    assert harness.create(uuid=other).status == "action-successful"
    assert len(harness.mailed()) == 4


@pytest.mark.parametrize("secret", [None, " "])
def test_no_key_fails(harness: EmailHarness, secret: str | None) -> None:
    """Without a key, or with a blank one, the email fails and says so."""
    secrets = boto3.client("secretsmanager")
    if secret is None:
        secrets.delete_secret(SecretId="mandrill", ForceDeleteWithoutRecovery=True)
    else:
        secrets.put_secret_value(SecretId="mandrill", SecretString=secret)
    answered = harness.create()
    assert answered.status == "mandrill-email-failed"
    assert answered.body["data"]["email"]["reason"] == unavailable("no API key")
    assert harness.account.calls == []


@pytest.mark.parametrize("keys", [{KEY}, {"another"}])
def test_the_key_is_nowhere(harness: EmailHarness, keys: set[str]) -> None:
    """Whether the key is good or bad, no answer, log line, item or notification holds it."""
    harness.account.keys = keys
    answered = harness.create(photographer_user_id=502)
    assert answered.status == "mandrill-email-failed"
    for kept in (answered.body, harness.written(), harness.item(), harness.published()):
        assert KEY not in json.dumps(kept, default=repr)
        assert "session-token" not in json.dumps(kept, default=repr)


@pytest.fixture
def calls(harness: EmailHarness) -> Iterator[list[str]]:  # noqa: ARG001 - within it
    """Count what botocore sends for the function."""
    sent: list[str] = []

    def count(model: Any, **_: Any) -> None:
        sent.append(model.name)

    session: Any = clients._SESSION
    session.register("before-call", count)
    renew_clients()
    yield sent
    session.unregister("before-call", count)


def test_a_success_without_email_pays_for_nothing_else(
    harness: EmailHarness, calls: list[str]
) -> None:
    """Without an email neither an SNS nor a Secrets Manager client is made."""
    made = clients.client.cache_info().currsize
    assert harness.create(token="application-token", photographer_user_id=503).code == 200
    assert calls == ["BatchGetItem", "PutItem"]
    assert clients.client.cache_info().currsize == made == 1


def test_a_success_with_email_makes_three_calls(harness: EmailHarness, calls: list[str]) -> None:
    """A mailed success reads, writes and marks; the key is read once for all."""
    assert harness.create().code == 200
    assert calls == ["BatchGetItem", "PutItem", "GetSecretValue", "UpdateItem"]
    calls.clear()
    assert harness.create(uuid="11111111-1111-4111-8111-111111111111").code == 200
    assert calls == ["BatchGetItem", "PutItem", "UpdateItem"]


@pytest.mark.parametrize(("user", "reads"), [(None, 1), (501, 2)])
def test_a_retry_reads_the_photographer_if_there_is_one(
    harness: EmailHarness, calls: list[str], user: int | None, reads: int
) -> None:
    """A retry reads the stored item, and the photographer's record only if it names one."""
    harness.account.refusals = ["GeneralError"]
    assert harness.create(photographer_user_id=user).code == 500
    calls.clear()
    assert harness.create(photographer_user_id=user).code == 200
    assert calls.count("GetItem") == reads
    assert calls.count("UpdateItem") == 2  # the lease and the mark
