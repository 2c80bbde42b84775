"""`admin owed`: what is pending or given up is listed, and sent at once."""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from click.testing import Result

from appointments.email import mandrill
from appointments_operator.admin import main
from tests.support.fake_operator_aws import FakeOperatorAws, function_error

TABLES = ("--appointments-table", "appointments", "--function", "appointments:live")
REASON = "connection refused"
Admin = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function retry the email at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def admin(operator_aws: FakeOperatorAws) -> Admin:
    """Run the command against AWS on moto."""
    return lambda *arguments: operator_aws.run(main, *TABLES, "owed", *arguments)


def fail_email(operator_aws: FakeOperatorAws, request_id: str) -> str:
    """Create an appointment whose email fails; return its uuid."""
    response = operator_aws.post(request_id, token="session-token")
    assert response.status == "mandrill-email-failed"
    return str(response.body["uuid"])


def change(operator_aws: FakeOperatorAws, uuid: str, update: str, **values: Any) -> None:
    """Change an appointment in the table."""
    operator_aws.aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuid},
        UpdateExpression=update,
        **(
            {"ExpressionAttributeValues": {f":{k}": v for k, v in values.items()}} if values else {}
        ),
    )


def give_up(operator_aws: FakeOperatorAws, uuid: str) -> None:
    """Leave an email as the fifth failed try leaves it."""
    change(operator_aws, uuid, "SET email_tries = :tries REMOVE owed, due, email_due", tries=5)


def responding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let Mandrill respond from now on; return the addresses that it has sent to."""
    sent: list[str] = []

    def send(*, to: list[tuple[str, str]], **_: object) -> list[mandrill.RecipientResult]:
        sent.extend(email for email, _ in to)
        return [mandrill.RecipientResult(email, "sent", "id") for email, _ in to]

    monkeypatch.setattr(mandrill, "send", send)
    return sent


def test_lists_and_settles_what_is_pending(
    operator_aws: FakeOperatorAws, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is pending is listed, sent at once if asked for, and not pending afterwards."""
    assert admin("list").stdout == "Nothing is owed.\n"
    first, second = fail_email(operator_aws, "req-1"), fail_email(operator_aws, "req-2")
    listed = admin("list").stdout
    assert first in listed
    assert second in listed
    assert "failed" in listed
    assert "in 1 min" in listed
    sent = responding(monkeypatch)

    done = admin("settle", first)
    assert done.exit_code == 0
    assert "nothing is left to send" in done.stdout
    assert sent == ["booker@planomatic.test"]
    assert second in admin("list").stdout

    assert admin("settle", "--all").exit_code == 0
    assert len(sent) == 2
    assert admin("settle", "--all").stdout == "Nothing is owed.\n"


def test_a_list_for_programs_has_iso_times(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """With --json, each item is an object, and a time is ISO 8601."""
    uuid = fail_email(operator_aws, "req-1")
    (facts,) = json.loads(admin("list", "--json").stdout)
    assert facts["uuid"] == uuid
    assert facts["email_tries"] == 0
    assert facts["due"].endswith("+00:00")
    assert json.loads(admin("list", "--given-up", "--json").stdout) == []


def test_a_given_up_email_is_named_and_sent(
    operator_aws: FakeOperatorAws, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given up is listed with its reason, and sent if its uuid is named."""
    uuid = fail_email(operator_aws, "req-1")
    assert admin("list", "--given-up").stdout == "No email was given up.\n"
    give_up(operator_aws, uuid)
    assert admin("list").stdout == "Nothing is owed.\n"
    listed = admin("list", "--given-up").stdout
    assert uuid in listed
    reason = operator_aws.aws.item()["email_reason"]
    assert reason in listed

    failed = admin("settle", uuid)
    assert failed.exit_code == 1
    assert failed.stdout.count(f"given up: {reason}") == 2
    assert operator_aws.aws.item()["email_tries"] == 5

    sent = responding(monkeypatch)
    done = admin("settle", uuid)
    assert (done.exit_code, sent) == (0, ["booker@planomatic.test"])
    assert f"given up: {reason}" in done.stdout
    assert "nothing is left to send" in done.stdout


def test_settling_all_uses_up_no_try(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """However often what is pending is settled in vain, its tries stay those of the schedule."""
    fail_email(operator_aws, "req-1")
    for _ in range(6):
        assert admin("settle", "--all").exit_code == 1
    item = operator_aws.aws.item()
    assert (item["email_tries"], item["email_unused"]) == (0, 1)
    assert "pending: " in admin("settle", "--all").stdout


def test_what_is_sent_already_or_missing_is_reported(
    operator_aws: FakeOperatorAws, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is invoked only for what is left to send."""
    responding(monkeypatch)
    uuid = str(operator_aws.post("req-1", token="session-token").body["uuid"])
    done = admin("settle", uuid)
    assert (done.exit_code, operator_aws.invoked) == (0, [])
    missing = admin("settle", uuid, str(uuid4()))
    assert missing.exit_code == 1
    assert "there is no such appointment" in missing.stdout
    assert operator_aws.invoked == []


def test_a_lease_is_shown(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """The list says whether an email is being sent, or whether Mandrill may have it."""
    uuid = fail_email(operator_aws, "req-1")
    for until, text in ((100, "(being sent)"), (-1, "(maybe sent)")):
        lease = {"holder": "another", "until": int(time.time()) + until}
        change(operator_aws, uuid, "SET lease = :holder, lease_until = :until", **lease)
        assert text in admin("list").stdout


def test_a_given_up_email_keeps_its_lease(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """An email that was maybe sent and given up is given up, not being sent."""
    uuid = fail_email(operator_aws, "req-1")
    give_up(operator_aws, uuid)
    change(operator_aws, uuid, "SET lease = :holder", holder="another")
    assert uuid in admin("list", "--given-up").stdout


def test_a_given_up_email_with_a_pending_notification_is_given_up(
    operator_aws: FakeOperatorAws, admin: Admin
) -> None:
    """A pending notification keeps the item in the index; its email is given up all the same."""
    uuid = fail_email(operator_aws, "req-1")
    change(
        operator_aws,
        uuid,
        "SET email_tries = :tries, notifications = :pending, notify_due = :now REMOVE email_due",
        tries=5,
        pending={"{}"},
        now=0,
    )
    assert uuid in admin("list", "--given-up").stdout
    assert uuid in admin("list").stdout


def test_a_failure_of_the_function_is_reported(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """If the function dies, the reason is shown with each email, and the exit code says so."""
    uuid = fail_email(operator_aws, "req-1")
    operator_aws.instead = [lambda: function_error("Task timed out")]
    done = admin("settle", uuid)
    assert done.exit_code == 1
    assert "Task timed out" in done.stdout
    assert "Traceback" not in done.output
