"""Section 8.10: an item that cannot be processed is put off, and never delays another."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from appointments import clients, notifier
from appointments.email.sender import Sender
from tests.support.email_harness import PAT, START, EmailHarness

HOUR = 3600
PAUSES = [900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400]
# What no reader understands.
BROKEN: list[dict[str, Any]] = [
    {"email_tries": "five"},
    {"email_recipients": "pat"},
    {"booker_email": 7},
    {"request_id": 7},
    {"received_at": "yesterday", "owed_since": None},
    {"notifications": {"no JSON"}, "notify_due": START - 1},
    {"email_recipients": [{"roles": []}], "email_status": "partly-sent"},
    {"put_off": "often", "email_tries": "five"},
]


@pytest.mark.parametrize("broken", BROKEN, ids=" ".join)
def test_a_broken_item_is_put_off(harness: EmailHarness, broken: dict[str, Any]) -> None:
    """Its times move by 15 minutes, whatever else it holds; the others are processed."""
    uuids = harness.put_overdue(3)
    harness.put_overdue(1, **broken)
    done = harness.schedule()
    assert done["failed"] == 1
    item = harness.item_of(uuids[0])
    assert item["put_off"] == 900
    assert item["due"] == item["email_due"] == START + 900
    assert item.get("notify_due", START + 900) == START + 900
    assert {harness.item_of(uuid)["email_status"] for uuid in uuids[1:]} == {"sent"}
    assert harness.count("OwedBroken") == 1
    assert [line["uuid"] for line in harness.lines("owed, not taken up")] == [uuids[0]]
    assert harness.schedule()["failed"] == 0


def test_a_broken_record_of_a_user(harness: EmailHarness) -> None:
    """An error that the content of a record raises postpones the item too."""
    harness.aws.put_record("user#501", email=7)
    [uuid] = harness.put_overdue(1)
    assert harness.schedule()["failed"] == 1
    assert harness.item_of(uuid)["put_off"] == 900
    [notification] = harness.published()
    assert notification.facts["reason"] == "user#501: email is not a text"


@pytest.mark.parametrize("who", ["worker", "search"])
def test_wherever_it_breaks(harness: EmailHarness, who: str) -> None:
    """A worker and a search postpone it as the run does."""
    maybe_sent = who == "search"
    harness.put_overdue(2, maybe_sent=maybe_sent)
    [uuid] = harness.put_overdue(1, maybe_sent=maybe_sent, booker_email=7)
    if who == "worker":
        harness.work({"schedule": "owed", "uuids": [uuid]})
    else:
        harness.schedule()
    assert harness.item_of(uuid)["put_off"] == 900
    assert harness.count("OwedBroken") == 1


def test_the_pause_doubles_up_to_a_day(harness: EmailHarness) -> None:
    """Each time the pause is twice as long, and a day at most; people are notified once."""
    [uuid] = harness.put_overdue(1, email_tries="five")
    for pause in PAUSES:
        before = START + int(harness.clock.now - 1000)
        assert harness.schedule()["failed"] == 1
        item = harness.item_of(uuid)
        assert (item["put_off"], item["due"]) == (pause, before + pause)
        harness.wait(pause - 1)
        assert harness.schedule()["failed"] == 0
        harness.wait(1)
    assert harness.count("OwedBroken") == len(PAUSES)
    [notification] = harness.published()
    assert notification.facts["status"] == "application-crash"
    assert notification.facts["uuid"] == uuid
    assert notification.facts["reason"] == f"{uuid}: email_tries is not a number"


def test_the_id_is_made_of_the_uuid(harness: EmailHarness) -> None:
    """If the update itself did not arrive, the notification comes again under the same id."""
    harness.put_overdue(1, email_tries="five")
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem")
    with patch.object(clients.client("dynamodb"), "update_item", side_effect=denied):
        harness.schedule()
    harness.schedule()
    one, other = harness.published()
    assert one.facts["notification_id"] == other.facts["notification_id"]


def test_with_sns_down_the_log_has_it(harness: EmailHarness) -> None:
    """If the first postponement cannot publish its notification, the log has the whole of it."""
    harness.put_overdue(1, email_tries="five")
    with patch.object(notifier, "publish", return_value=False):
        harness.schedule()
    [line] = harness.lines("notification not published")
    assert line["notification"]["status"] == "application-crash"
    assert harness.count("NotificationFailed") == 1


def test_success_removes_it(harness: EmailHarness) -> None:
    """An item that was repaired and processed has no pause any more."""
    [uuid] = harness.put_overdue(1, put_off=1800)
    harness.schedule()
    item = harness.item_of(uuid)
    assert item["email_status"] == "sent"
    assert "put_off" not in item


def test_only_due_moves_if_there_is_only_due(harness: EmailHarness) -> None:
    """An item of an older version gets no times that it did not have."""
    [uuid] = harness.put_overdue(1, email_due=None, owed_since=None, email_tries="five")
    harness.schedule()
    item = harness.item_of(uuid)
    assert item["due"] == START + 900
    assert not {"email_due", "notify_due"} & set(item)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem"),
        ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=["throttled", "down", "no response"],
)
def test_aws_postpones_nothing(harness: EmailHarness, error: Exception) -> None:
    """After throttling or a missing response the item stays as it is, and the next has its turn."""
    uuids = harness.put_overdue(3)
    before = harness.item_of(uuids[0])
    send = Sender.send

    def fail_first(self: Sender, item: Any, *given: Any) -> Any:
        if item.uuid == uuids[0]:
            raise error
        return send(self, item, *given)

    with patch.object(Sender, "send", fail_first):
        assert harness.schedule() == {"emails": 2, "notifications": 0, "searches": 0, "failed": 1}
    assert harness.item_of(uuids[0]) == before
    assert harness.count("OwedBroken") == 0
    assert harness.published() == []
    assert harness.schedule()["emails"] == 1
    assert harness.mailed() == [PAT] * 3
