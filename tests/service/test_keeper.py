"""The keeper: each notification is stored once, and is resolved when its email is settled."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from appointments.timestamps import iso
from tests.support.fake_aws import DynamoFaults, FakeAws

DAY: Final = timedelta(days=1)
CHECK: Final = {"check": "open"}


@pytest.fixture(autouse=True)
def keeper_log(aws: FakeAws) -> Iterator[None]:
    """Write the keeper's lines into the same log as the function's."""
    from appointments.tab import logger  # noqa: PLC0415 - moto first

    handler: Any = logger.registered_handler
    stdout = handler.setStream(aws.out)
    yield
    handler.setStream(stdout)


def facts_of_a_failure(aws: FakeAws) -> dict[str, Any]:
    """Cause one failure whose email fails, and return what the queue got of it."""
    assert aws.post(token="session-token", photographer_user_id=502).status == (
        "mandrill-email-failed"
    )
    (facts,) = aws.facts()
    return facts


def set_email(aws: FakeAws, uuid: str, status: str) -> None:
    """Set the email state of an appointment."""
    aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuid},
        UpdateExpression="SET email_status = :status",
        ExpressionAttributeValues={":status": status},
    )


def stored(aws: FakeAws) -> dict[str, Any]:
    """Return the one notification that is stored."""
    (item,) = aws.items("notifications")
    return item


def test_what_is_stored(aws: FakeAws) -> None:
    """The item has every fact, when the topic had it, its state, and when it expires."""
    facts = facts_of_a_failure(aws)
    now = datetime.now(UTC)
    assert aws.hand_to_keeper(facts) == {"batchItemFailures": []}
    item = stored(aws)
    assert {name: item[name] for name in facts if facts[name] is not None} == {
        name: value for name, value in facts.items() if value is not None
    }
    assert item["came_at"] == iso(now)
    assert item["day"] == now.date().isoformat()
    assert (item["state"], item["open"], item["history"]) == ("open", "open", [])
    assert item["ttl"] == int((now + timedelta(days=365)).timestamp())


def test_what_came_is_when_the_topic_had_it(aws: FakeAws) -> None:
    """A keeper that was down for a day stores when the notification came, not when it was back."""
    yesterday = datetime.now(UTC) - DAY
    aws.hand_to_keeper(facts_of_a_failure(aws), sent_at=yesterday.timestamp())
    assert stored(aws)["day"] == yesterday.date().isoformat()


@pytest.mark.parametrize("state", ["resolved", "dismissed"])
def test_a_message_that_comes_again_resets_no_state(aws: FakeAws, state: str) -> None:
    """What is delivered again leaves the item as it is, with whatever state it has by then."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(facts, facts)
    table = aws.dynamodb.Table("notifications")
    table.update_item(
        Key={"notification_id": facts["notification_id"]},
        UpdateExpression="SET #state = :state REMOVE #open",
        ExpressionAttributeNames={"#state": "state", "#open": "open"},
        ExpressionAttributeValues={":state": state},
    )
    before = stored(aws)
    assert aws.hand_to_keeper(facts) == {"batchItemFailures": []}
    assert stored(aws) == before


@pytest.mark.parametrize(
    "body",
    [
        *("no JSON", "[]", "null", "{}", '{"notification_id": ""}', '{"notification_id": 7}'),
        *('{"notification_id": "a", "uuid": 7}', '{"notification_id": "a", "request_id": []}'),
        *('{"notification_id": "a", "x": NaN}'),
    ],
)
def test_an_unreadable_message_fails_alone(aws: FakeAws, body: str) -> None:
    """The others of the batch are stored; the queue gets back the one that is no notification."""
    first = facts_of_a_failure(aws)
    failed = aws.hand_to_keeper(first, body, {"notification_id": "another"})
    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    found = {item["notification_id"] for item in aws.items("notifications")}
    assert found == {first["notification_id"], "another"}


def test_a_batch_that_fails_as_a_whole_is_no_crash(aws: FakeAws) -> None:
    """Each message goes its own way to the dead-letter queue, also if all of a batch fail."""
    failed = aws.hand_to_keeper("no JSON")
    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}


def test_facts_of_another_version_are_stored(aws: FakeAws) -> None:
    """A fact that this version does not know is stored, and none takes the keeper's own place."""
    aws.hand_to_keeper(
        {"notification_id": "a", "new": {"x": [1.5, True, None]}, "state": "resolved"}
    )
    item = stored(aws)
    assert json.dumps(item["new"], default=float) == '{"x": [1.5, true, null]}'
    assert item["state"] == "open"


@pytest.mark.parametrize("status", ["sent", "skipped"])
def test_a_settled_email_resolves(aws: FakeAws, status: str) -> None:
    """The check resolves what is settled by now, says why and when, and leaves the open index."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(facts)
    set_email(aws, facts["uuid"], status)
    assert aws.invoke_keeper(CHECK) == {"open": 0, "resolved": 1, "older_than_a_day": 0}
    item = stored(aws)
    assert item["state"] == "resolved"
    assert "open" not in item
    (change,) = item["history"]
    assert change["by"] == "keeper"
    assert change["state"] == "resolved"
    assert change["done"] == f"the email of the appointment is {status}"
    assert datetime.fromisoformat(change["at"]) <= datetime.now(UTC)


@pytest.mark.parametrize("status", ["failed", "partly-sent", "unknown", "pending", ""])
def test_an_email_that_is_not_settled_stays_open(aws: FakeAws, status: str) -> None:
    """A notification is resolved by what was seen, and by nothing else."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(facts)
    set_email(aws, facts["uuid"], status)
    assert aws.invoke_keeper(CHECK) == {"open": 1, "resolved": 0, "older_than_a_day": 0}
    assert stored(aws)["state"] == "open"


@pytest.mark.parametrize("uuid", [None, "", "an appointment that is not there"])
def test_without_its_appointment_it_stays_open(aws: FakeAws, uuid: str | None) -> None:
    """What has no appointment is for a person, and does not stop the check of the others."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper({"notification_id": "a", "uuid": uuid}, facts)
    set_email(aws, facts["uuid"], "sent")
    assert aws.invoke_keeper(CHECK) == {"open": 1, "resolved": 1, "older_than_a_day": 0}


def test_the_check_reaches_them_all(aws: FakeAws) -> None:
    """The check has no page limit: of 120 open ones each settled one is resolved."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(
        *({"notification_id": f"{place}", "uuid": facts["uuid"]} for place in range(120))
    )
    set_email(aws, facts["uuid"], "sent")
    assert aws.invoke_keeper(CHECK) == {"open": 0, "resolved": 120, "older_than_a_day": 0}


def test_old_ones_are_counted_in_a_metric(aws: FakeAws) -> None:
    """The metric has the open ones that came more than a day ago, also if there are none."""
    now = time.time()
    aws.hand_to_keeper({"notification_id": "old"}, sent_at=now - DAY.total_seconds() - 1)
    aws.hand_to_keeper({"notification_id": "new"}, sent_at=now - DAY.total_seconds() + 1)
    assert aws.invoke_keeper(CHECK) == {"open": 2, "resolved": 0, "older_than_a_day": 1}
    (line,) = [line for line in aws.lines() if "OpenOlderThanADay" in line]
    assert line["OpenOlderThanADay"] == [1.0]
    assert line["OpenNotifications"] == [2.0]


class AlmostOver:
    """A context of an invocation whose time is up."""

    def get_remaining_time_in_millis(self) -> int:
        """Return less than what the check leaves of its time."""
        return 4_000


def test_a_check_without_time_leaves_the_rest_to_the_next(aws: FakeAws) -> None:
    """A check ends in its time, and counts what it did not resolve as open."""
    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(facts)
    set_email(aws, facts["uuid"], "sent")
    assert aws.invoke_keeper(CHECK, AlmostOver())["open"] == 1
    assert aws.invoke_keeper(CHECK)["resolved"] == 1


@pytest.mark.parametrize("event", [{}, None, [], {"check": "closed"}, {"schedule": "owed"}])
def test_any_other_event_is_refused(aws: FakeAws, event: Any) -> None:
    """An invocation of the keeper with another event fails."""
    with pytest.raises(ValueError, match="keeper"):
        aws.invoke_keeper(event)


def test_a_check_asks_again(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appointments that DynamoDB has no capacity for are read after a pause, in the same check."""
    from appointments.tables import notifications  # noqa: PLC0415 - moto first

    facts = facts_of_a_failure(aws)
    aws.hand_to_keeper(facts)
    set_email(aws, facts["uuid"], "sent")
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    faults = DynamoFaults(notifications._CLIENT)
    faults.inject["BatchGetItem"] = ["throttled"] * 5
    assert aws.invoke_keeper(CHECK)["resolved"] == 1
    faults.close()
    assert sum(slept) > 0
