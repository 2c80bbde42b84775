"""`admin notifications`: the table as operators see it, and what did not reach it."""

import json
from collections.abc import Callable
from typing import Any, Final

import boto3
import pytest
from click.testing import Result

from appointments_operator.admin import main
from appointments_operator.replay import main as replay
from tests.support.events import JSON
from tests.support.fake_aws import FakeAws, event, make_table
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:notifications"
NAMES: Final = (
    *("--notifications-table", "notifications", "--notifications-topic", TOPIC),
    *("--log-group", LOG_GROUP),
)
Admin = Callable[..., Result]


@pytest.fixture
def admin(operator_aws: FakeOperatorAws) -> Admin:
    """Run the command against AWS on moto."""
    return lambda *arguments: operator_aws.run(main, *NAMES, "notifications", *arguments)


def fail(operator_aws: FakeOperatorAws, request_id: str = "req-1") -> dict[str, Any]:
    """Cause a failure, let the keeper store it, and return its facts."""
    operator_aws.post(request_id, token="session-token", photographer_user_id=502)
    facts = operator_aws.aws.facts()[-1]
    operator_aws.aws.hand_to_keeper(facts)
    return facts


def states(aws: FakeAws) -> dict[str, str]:
    """Return the state of each stored notification."""
    return {item["notification_id"]: item["state"] for item in aws.items("notifications")}


def test_the_list_has_what_is_open(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """By default the open ones are listed, with what names them and why they failed."""
    facts = fail(operator_aws)
    (listed,) = json.loads(admin("list", "--json").stdout)
    assert listed["notification_id"] == facts["notification_id"]
    shown = admin("list").stdout
    for part in (facts["notification_id"], facts["uuid"], "connection refused"):
        assert part in shown


@pytest.mark.parametrize(
    ("arguments", "is_listed"),
    [
        (["--state", "resolved"], False),
        (["--state", "all"], True),
        (["--status", "application-crash"], False),
        (["--status", "mandrill-email-failed"], True),
        (["--search", "REX@rejected"], True),
        (["--search", "pat@"], False),
        (["--since", "2099-01-01"], False),
    ],
)
def test_the_list_is_searched(
    operator_aws: FakeOperatorAws, admin: Admin, arguments: list[str], *, is_listed: bool
) -> None:
    """State, status, time and a text of reason, recipient or id narrow the list."""
    operator_aws.aws.hand_to_keeper({"notification_id": "a", "status": "x"}, sent_at=1)
    facts = fail(operator_aws)
    listed = admin("list", "--json", *arguments)
    assert listed.exit_code == 0, listed.output
    found = json.loads(listed.stdout)
    assert [each["notification_id"] for each in found] == [facts["notification_id"]] * is_listed


def test_dismissing_records_who_when_and_why(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """A dismissed notification has the operator's AWS identity and the note, and is final."""
    facts = fail(operator_aws)
    dismissed = ("dismiss", facts["notification_id"], "--note", "the order was cancelled")
    assert admin(*dismissed).exit_code == 0
    (item,) = operator_aws.aws.items("notifications")
    assert item["state"] == "dismissed"
    assert "open" not in item
    (change,) = item["history"]
    assert change["by"].startswith("arn:aws:sts::")
    assert change["done"] == "the order was cancelled"
    assert change["at"]
    again = admin(*dismissed)
    assert (again.exit_code, "not open any more" in again.stderr) == (1, True)
    assert admin("dismiss", "unknown", "--note", "x").exit_code == 1


@pytest.fixture
def sns_outage(operator_aws: FakeOperatorAws) -> None:
    """Cause a crash of which nothing is saved, while SNS refuses everything."""
    sns = boto3.client("sns")
    sns.delete_topic(TopicArn=TOPIC)
    operator_aws.aws.faults.inject["BatchGetItem"] = ["refused"] * 2
    assert operator_aws.post().status == "application-crash"
    sns.create_topic(Name="notifications")
    operator_aws.aws.faults.inject.clear()


@pytest.mark.usefixtures("sns_outage")
def test_what_only_the_log_has_is_published_again(
    operator_aws: FakeOperatorAws, admin: Admin
) -> None:
    """After an outage of SNS the log's whole notification is published, under the same id."""
    logged = operator_aws.aws.line("notification not published")["notification"]
    assert "1 notification found" in admin("publish", "--since", "1h", "--dry-run").stdout
    assert operator_aws.aws.facts() == []
    assert "1 notification published" in admin("publish", "--since", "1h").stdout
    assert operator_aws.aws.facts() == [logged]
    (_, message, subject, *_) = operator_aws.aws.notifications()[0]
    assert subject.startswith("[test] application-crash: BatchGetItem on ")
    assert logged["replay"] in json.loads(message)["default"]


def test_dead_letters_are_sent_to_the_keeper_again(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each dead letter is in the queue of the keeper once, as it was."""
    from appointments_operator.deployment import Deployment  # noqa: PLC0415 - as patched here

    queues = boto3.client("sqs")
    urls = {
        output: queues.create_queue(QueueName=output)["QueueUrl"]
        for output in ("KeeperQueue", "KeeperDeadLetters")
    }
    monkeypatch.setattr(Deployment, "output", lambda _, output: urls[output])
    bodies = [json.dumps({"notification_id": f"{place}"}) for place in range(12)]
    for body in [*bodies, "no JSON"]:
        queues.send_message(QueueUrl=urls["KeeperDeadLetters"], MessageBody=body)
    done = admin("redeliver")
    assert "13 messages sent to the keeper" in done.stdout
    assert "no notification: 'no JSON'" in done.stdout
    found: list[str] = []
    while batch := queues.receive_message(QueueUrl=urls["KeeperQueue"]).get("Messages"):
        found += [message["Body"] for message in batch]
        for message in batch:
            queues.delete_message(
                QueueUrl=urls["KeeperQueue"], ReceiptHandle=message["ReceiptHandle"]
            )
    assert sorted(found) == sorted([*bodies, "no JSON"])


def test_a_replay_resolves_what_has_no_uuid(operator_aws: FakeOperatorAws) -> None:
    """A crash before the uuid was known is resolved by the replay that succeeds, and by whom."""
    table = make_table(boto3.resource("dynamodb"), "notifications", "appointments-notifications")
    operator_aws.aws.faults.inject["BatchGetItem"] = ["refused"] * 2
    keyed = event(
        token="no-address-token", headers={**JSON, "Idempotency-Key": "its owner is unknown"}
    )
    assert operator_aws.send(keyed).status == "application-crash"
    operator_aws.aws.faults.inject.clear()
    (facts,) = operator_aws.aws.facts()
    assert facts["uuid"] is None
    mine = {"request_id": facts["request_id"]}
    others: list[dict[str, str]] = [{"request_id": "another"}, {**mine, "uuid": "its own"}]
    for number, changes in enumerate([mine, *others]):
        table.put_item(
            Item={
                **{name: value for name, value in facts.items() if value is not None},
                "notification_id": f"{number}",
                "state": "open",
                "open": "open",
                "came_at": "2099-01-01T00:00:00.000Z",
                "history": [],
                **changes,
            }
        )
    done = operator_aws.run(replay, "--log-group", LOG_GROUP, "--yes")
    assert done.exit_code == 0, done.output
    found = {item["notification_id"]: item for item in table.scan()["Items"]}
    table.delete()
    assert [found[number]["state"] for number in ("0", "1", "2")] == ["resolved", "open", "open"]
    resolved = found["0"]
    assert resolved["history"][0]["by"].startswith("arn:aws:sts::")
