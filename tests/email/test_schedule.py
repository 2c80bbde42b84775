"""Sections 8.6 and 8.8: the order of a schedule run, its test call, and what ends it."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from appointments import notifier
from appointments.email import batch_search, drain, overdue, schedule, workers
from appointments.email.batch import EmailBatch
from appointments.notification import Notification
from appointments.reasons import Cause, Reason
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.tables import base
from tests.support.email_harness import START, EmailHarness, Workers

OPEN: dict[str, Any] = {"failures": 5, "open_for": 100, "uuid": "x", "reason": "r"}


def mailed_uuids(harness: EmailHarness) -> list[str]:
    """Return the appointments whose email Mandrill accepted, in order."""
    return [mail["metadata"]["appointment_uuid"] for mail in harness.account.accepted_mail()]


def sent_uuids(harness: EmailHarness) -> list[str]:
    """Return the appointments that Mandrill was called to send the email of, in order."""
    return [
        call["message"]["metadata"]["appointment_uuid"]
        for call in harness.account.received
        if "message" in call
    ]


def notification_of(uuid: str) -> Notification:
    """Return a notification of an appointment."""
    return notifier.make(
        Status.APPLICATION_CRASH,
        Reason("r", "r", Cause.DEFECT),
        id_seed=uuid,
        request_id="req-1",
        received_at="2027-01-15T08:00:00.000Z",
        uuid=uuid,
        saved=True,
        owner=None,
    )


def owe_notification(harness: EmailHarness, uuid: str, due: int = START - 1) -> None:
    """Put an appointment with a pending notification, to be published then."""
    harness.aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuid},
        UpdateExpression="SET notifications = :n, notify_due = :due",
        ExpressionAttributeValues={":n": {notification_of(uuid).to_json()}, ":due": due},
    )


def test_the_order_of_a_run(harness: EmailHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notifications, the test call, the workers, the searches, then further emails."""
    done: list[str] = []
    [owing, *_] = harness.put_overdue(7)
    harness.put_overdue(1, maybe_sent=True)
    owe_notification(harness, owing)
    monkeypatch.setattr(workers, "RUN_EMAILS", 4)
    harness.workers = Workers()
    harness.workers.on_invoke = lambda: done.append("worker")
    publish = notifier.publish

    def note(notification: Notification) -> bool:
        done.append("publish")
        return publish(notification)

    monkeypatch.setattr(notifier, "publish", note)
    monkeypatch.setattr(harness.account, "_count", done.append)
    harness.schedule()
    assert done[:4] == ["publish", "send", "worker", "search"]
    assert set(done[4:]) == {"send"}
    assert "lease" not in harness.item_of(owing)


def test_the_oldest_goes_first(harness: EmailHarness) -> None:
    """Overdue emails are sent in the order of their times, across shards."""
    uuids = harness.put_overdue(12)
    harness.schedule()
    assert mailed_uuids(harness) == uuids


def test_unknown_further_keys_are_a_run(harness: EmailHarness) -> None:
    """An event with keys of a later version is a schedule run."""
    uuids = harness.put_overdue(1)
    harness.schedule(slice=[1, 2], uuids="all")
    assert mailed_uuids(harness) == uuids


def test_the_test_call_is_made_though_the_breaker_is_open(harness: EmailHarness) -> None:
    """If Mandrill is available again, the run closes the breaker and sends everything."""
    harness.put_circuit(**OPEN)
    harness.put_overdue(3)
    assert harness.schedule()["emails"] == 3
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (0, 0)


def test_the_oldest_and_then_the_newest_are_tested(harness: EmailHarness) -> None:
    """If both fail, the run ends: it moves nothing else, and renews the breaker."""
    harness.put_overdue(5, maybe_sent=True)
    uuids = harness.put_overdue(4)
    harness.put_circuit(**OPEN)
    before = {item["uuid"]: item for item in harness.aws.items()}
    harness.account.refusals = ["GeneralError"] * 2
    assert harness.schedule()["emails"] == 2
    assert sent_uuids(harness) == [uuids[0], uuids[3]]
    assert harness.account.calls == ["send", "send"]
    after = {item["uuid"]: item for item in harness.aws.items()}
    assert {uuid for uuid in after if after[uuid] != before[uuid]} == {uuids[0], uuids[3]}
    assert "due" in after[uuids[0]]
    record = harness.circuit()
    assert record is not None
    assert record["open_until"] == START + 210


def fates(harness: EmailHarness, *refusals: str | None) -> Any:
    """Let Mandrill refuse the next calls with these errors, or accept them; then all."""
    left, count = list(refusals), harness.account._count

    def count_next(call: str) -> None:
        refusal = left.pop(0) if left else None
        harness.account.refusals = [refusal] if refusal else []
        count(call)

    return patch.object(harness.account, "_count", count_next)


def test_a_test_call_that_fails_once_goes_on(harness: EmailHarness) -> None:
    """If the newest succeeds, Mandrill is available, and the run goes on."""
    uuids = harness.put_overdue(4)
    with fates(harness, "GeneralError"):
        assert harness.schedule()["emails"] == 4
    assert sent_uuids(harness) == [uuids[0], uuids[3], uuids[1], uuids[2]]


def test_a_test_call_without_another_ends_the_run(harness: EmailHarness) -> None:
    """If the one overdue appointment fails, nothing else is called."""
    harness.put_overdue(1)
    harness.account.refusals = ["GeneralError"]
    assert harness.schedule() == {"emails": 1, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.account.calls == ["send"]


def test_the_other_may_be_one_that_is_maybe_sent(harness: EmailHarness) -> None:
    """If no other email may be sent, the second test call is a search."""
    harness.put_overdue(3, maybe_sent=True)
    uuids = harness.put_overdue(1)
    harness.account.refusals = ["GeneralError"] * 2
    harness.schedule()
    assert sent_uuids(harness) == uuids
    assert harness.account.calls == ["send", "search"]


def test_the_same_appointment_renews_nothing(harness: EmailHarness) -> None:
    """The breaker closes on time if only the appointment that failed last has failed again."""
    [uuid] = harness.put_overdue(1)
    harness.put_circuit(**OPEN | {"uuid": uuid})
    before = harness.circuit()
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert harness.account.calls == ["send"]
    assert harness.circuit() == before


def test_a_closed_breaker_is_not_opened_by_two_failures(harness: EmailHarness) -> None:
    """The failures of a test call count as any others."""
    harness.put_overdue(3)
    harness.account.refusals = ["GeneralError"] * 2
    harness.schedule()
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (2, 0)


@pytest.mark.parametrize("refusals", [[], ["GeneralError"]])
def test_if_only_maybe_sent_are_overdue_the_test_is_a_search(
    harness: EmailHarness, refusals: list[str]
) -> None:
    """The search of a test call that succeeds closes the breaker, and the run goes on."""
    harness.put_circuit(**OPEN)
    harness.put_overdue(4, maybe_sent=True)
    with fates(harness, *refusals):
        harness.schedule()
    tests = ["search"] * (len(refusals) + 1)
    assert harness.account.calls[: len(tests) + 1] == [*tests, "search"]
    assert len(harness.mailed()) == 4 - len(refusals)
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (0, 0)


def test_two_failed_searches_end_the_run(harness: EmailHarness) -> None:
    """If the searches for the oldest and the newest fail, nothing moves, and the breaker stays."""
    harness.put_circuit(**OPEN)
    harness.put_overdue(4, maybe_sent=True)
    before = harness.aws.items()
    harness.account.refusals = ["GeneralError"] * 2
    harness.schedule()
    assert harness.account.calls == ["search", "search"]
    assert harness.aws.items() == before
    record = harness.circuit()
    assert record is not None
    assert (record["failures"], record["open_until"]) == (7, START + 210)


def test_a_search_that_is_not_made_tests_nothing(harness: EmailHarness) -> None:
    """If no maybe sent email is left when it is read, the breaker stays as it is."""
    harness.put_circuit(**OPEN)
    before = harness.circuit()
    harness.put_overdue(2, maybe_sent=True)
    with patch("appointments.email.batch_search.BatchSearch._item_to_ask_about", return_value=None):
        harness.schedule()
    assert harness.account.calls == []
    assert harness.circuit() == before


def test_a_429_to_a_send_ends_the_sending(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the test call, it ends the sending, does not count, renews nothing; searches go on."""
    harness.put_circuit(**OPEN)
    before = harness.circuit()
    harness.put_overdue(5, maybe_sent=True)
    uuids = harness.put_overdue(4)
    harness.account.refusals = ["RequestLimitExceeded"]
    harness.workers = Workers()
    monkeypatch.setattr(workers, "RUN_EMAILS", 1)
    harness.schedule()
    assert sent_uuids(harness) == uuids[:1]
    assert harness.account.calls == ["send", "search"]
    assert harness.circuit() == before
    assert harness.workers.events == []
    assert harness.item_of(uuids[0])["due"] == START + 120


def test_a_429_in_the_midst_ends_the_sending(harness: EmailHarness) -> None:
    """A 429 to a later send ends the sending too, and counts for nothing."""
    harness.put_overdue(4)
    with fates(harness, None, "RequestLimitExceeded"):
        harness.schedule()
    assert harness.account.calls == ["send", "send"]
    assert harness.circuit() is None


def test_a_429_to_a_search_ends_the_searching(harness: EmailHarness) -> None:
    """No search follows it, and the emails that may be sent are sent."""
    searched = harness.put_overdue(3, maybe_sent=True)
    uuids = harness.put_overdue(5)
    harness.put_overdue(3, maybe_sent=True)
    with fates(harness, None, "RequestLimitExceeded"), patch.object(batch_search, "BATCH_SIZE", 1):
        harness.schedule()
    assert harness.account.calls == ["send", "search", "send"]
    assert mailed_uuids(harness) == uuids[3:]
    assert all("lease" in harness.item_of(uuid) for uuid in searched)


def test_a_429_to_the_search_of_a_test_call(harness: EmailHarness) -> None:
    """It does not count, is not repeated with the newest, and renews nothing."""
    harness.put_circuit(**OPEN)
    before = harness.circuit()
    harness.put_overdue(3, maybe_sent=True)
    harness.account.refusals = ["RequestLimitExceeded"]
    harness.schedule()
    assert harness.account.calls == ["search"]
    assert harness.circuit() == before


def test_two_failures_in_a_row_end_the_sending(harness: EmailHarness) -> None:
    """Two outcomes "unavailable" in a row end the sending, one in between does not."""
    harness.put_overdue(8)
    with fates(harness, None, "GeneralError", None, "GeneralError", "GeneralError"):
        harness.schedule()
    assert len(harness.account.calls) == 5


def test_no_retry_inside_the_schedule(harness: EmailHarness) -> None:
    """The schedule calls once for each try: what Mandrill did not accept follows in a later run."""
    harness.put_overdue(1)
    harness.account.refusals = ["ServiceUnavailable"]
    harness.schedule()
    assert harness.account.calls == ["send"]


def test_notifications_take_five_seconds_at_most(harness: EmailHarness) -> None:
    """Publishing ends after five seconds; the emails have their turn, the rest the next run's."""
    for uuid in harness.put_overdue(8, email_status="sent", email_due=None):
        owe_notification(harness, uuid)
    publish = notifier.publish

    def publish_slowly(notification: Notification) -> bool:
        harness.clock.sleep(2)
        return publish(notification)

    with patch.object(notifier, "publish", publish_slowly):
        assert harness.schedule()["notifications"] == 3
    assert harness.schedule()["notifications"] == 5


def test_one_failed_publish_ends_the_publishing(harness: EmailHarness) -> None:
    """It does not end the emails."""
    for uuid in harness.put_overdue(2):
        owe_notification(harness, uuid)
    with patch.object(notifier, "publish", return_value=False) as publish:
        assert harness.schedule() == {"emails": 2, "notifications": 0, "searches": 0, "failed": 0}
    assert publish.call_count == 1


def test_a_pending_notification_is_tried_without_an_end(harness: EmailHarness) -> None:
    """It is tried again after 1, 2 and then every 3 minutes, also after 72 hours."""
    [uuid] = harness.put_overdue(1, email_status="sent", email_due=None, owed_since=START - 300_000)
    owe_notification(harness, uuid)
    with patch.object(notifier, "publish", return_value=False) as publish:
        for pause in (60, 120, 180, 180):
            harness.schedule()
            harness.wait(pause - 1)
            harness.schedule()
            harness.wait(1)
        harness.schedule()
    assert publish.call_count == 5
    assert "email_due" not in harness.item()
    harness.wait(180)
    assert harness.schedule()["notifications"] == 1


def test_a_notification_waits_for_its_time(harness: EmailHarness) -> None:
    """The try of an email does not publish a notification whose time has not come."""
    [uuid] = harness.put_overdue(1)
    owe_notification(harness, uuid, START + 60)
    assert harness.schedule() == {"emails": 1, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.item()["due"] == START + 60
    harness.wait(60)
    assert harness.schedule()["notifications"] == 1


def test_an_email_waits_for_its_time(harness: EmailHarness) -> None:
    """A notification that is due does not make its email due."""
    [uuid] = harness.put_overdue(1, email_due=START + 60)
    owe_notification(harness, uuid)
    assert harness.schedule() == {"emails": 0, "notifications": 1, "searches": 0, "failed": 0}
    assert harness.item()["due"] == START + 60


def test_a_failed_read_ends_no_run(harness: EmailHarness) -> None:
    """If DynamoDB refuses one batch, the run goes on with the next, and postpones nothing."""
    harness.put_overdue(3)
    read, reads = EmailBatch.read, list[Any]()

    def refuse_second(uuids: Any, until: float) -> Any:
        reads.append(uuids)
        if len(reads) == 2:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")
        return read(uuids, until)

    with patch.object(drain, "BATCH_SIZE", 1), patch.object(EmailBatch, "read", refuse_second):
        done = harness.schedule()
    assert (done["emails"], done["failed"]) == (2, 0)
    assert harness.count("OwedBroken") == 0
    assert harness.schedule()["emails"] == 1


@pytest.mark.parametrize(("mail_workers", "limit"), [(10, 3000), (30, 3000), (100, 10_000)])
def test_how_much_a_run_reads(harness: EmailHarness, mail_workers: int, limit: int) -> None:
    """A run reads up to 100 overdue items per worker, and at least 3,000."""
    settings = replace(SETTINGS, mail_workers=mail_workers)
    with (
        patch.object(schedule, "SETTINGS", settings),
        patch.object(overdue, "find", wraps=overdue.find) as find,
    ):
        harness.schedule()
    find.assert_called_once_with(limit)


def test_what_has_nothing_pending_leaves_the_index(harness: EmailHarness) -> None:
    """An item of an older version that is in the index for nothing is taken out of it."""
    harness.put_overdue(1, email_status="sent", email_due=None)
    assert harness.schedule()["failed"] == 0
    assert not {"owed", "due"} & set(harness.item())


def test_what_dynamodb_returns_unread_stays(harness: EmailHarness) -> None:
    """Items for which DynamoDB has no capacity stay overdue; the others have their turn."""
    uuids = harness.put_overdue(3)
    read = base.read_batch

    def read_less(wanted: Any, **how: Any) -> Any:
        return read([(table, key) for table, key in wanted if key != uuids[1]], **how)

    with patch.object(base, "read_batch", read_less):
        assert harness.schedule() == {"emails": 2, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.schedule()["emails"] == 1


def test_users_that_are_not_read_are_read_again(harness: EmailHarness) -> None:
    """If the users of a batch cannot be read at once, each email reads its own."""
    harness.put_overdue(2)
    read = base.read_batch
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")

    def refuse_users(wanted: Any, **how: Any) -> Any:
        if all(key.startswith("user#") for _, key in wanted):
            raise throttled
        return read(wanted, **how)

    with patch.object(base, "read_batch", refuse_users):
        assert harness.schedule()["emails"] == 2
    assert harness.count("OwedBroken") == 0
