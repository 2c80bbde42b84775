"""Section 10.2: the event with which people settle emails."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from appointments.email import mandrill, outbox, settle
from tests.support.email_harness import PAT, START, EmailHarness
from tools.mandrill_sandbox.account import MandrillError

UNKNOWN = "99999999-1111-4111-8111-111111111111"


def statuses(settled: dict[str, Any]) -> dict[str, str | None]:
    """Return the status of each email by uuid."""
    return {uuid: email and email["status"] for uuid, email in settled.items()}


def test_what_is_pending_is_sent(harness: EmailHarness) -> None:
    """The result has each uuid with its `data.email`, whether or not its time has come."""
    uuids = harness.put_overdue(2, email_due=START + 3000, due=START + 3000)
    settled = harness.settle(*uuids)
    assert list(settled) == uuids
    [recipient] = settled[uuids[0]]["recipients"]
    assert settled[uuids[0]] == {"status": "sent", "recipients": [recipient]}
    assert (recipient["email"], recipient["status"]) == (PAT, "sent")
    assert len(harness.mailed()) == 2


def test_what_was_given_up_is_sent(harness: EmailHarness) -> None:
    """An email that the schedule does not try any more is sent."""
    [uuid] = harness.put_overdue(1, email_tries=5, email_due=None, owed=None, due=None)
    assert statuses(harness.settle(uuid)) == {uuid: "sent"}
    assert harness.item_of(uuid)["email_tries"] == 5


def test_it_uses_up_no_try(harness: EmailHarness) -> None:
    """If it fails, the plan of tries is as it was."""
    [uuid] = harness.put_overdue(1, email_tries=2, email_due=START + 300, due=START + 300)
    harness.aws.put_record("user#501", email="a@rejected.test")
    assert statuses(harness.settle(uuid)) == {uuid: "failed"}
    item = harness.item_of(uuid)
    assert (item["email_tries"], item["email_unused"], item["due"]) == (2, 1, START + 300)


def test_a_failure_leaves_it_given_up(harness: EmailHarness) -> None:
    """If it fails for an email that was given up, it stays given up."""
    [uuid] = harness.put_overdue(1, email_tries=5, email_due=None, owed=None, due=None)
    harness.account.refusals = ["GeneralError"] * 3
    assert statuses(harness.settle(uuid)) == {uuid: "failed"}
    item = harness.item_of(uuid)
    assert not {"owed", "due", "email_due"} & set(item)
    assert item["email_tries"] == 5


def test_it_is_logged_as_settle(harness: EmailHarness) -> None:
    """Its tries leave log entries of their own trigger."""
    harness.settle(*harness.put_overdue(1))
    assert [line["trigger"] for line in harness.lines("email")] == ["settle"]


def test_one_search_covers_all(harness: EmailHarness) -> None:
    """All that are maybe sent are asked about at once; what Mandrill has not got is sent."""
    uuids = harness.put_overdue(5, maybe_sent=True)
    harness.put_overdue(2)
    for uuid in uuids[2:4]:
        harness.accept(uuid, PAT)
    harness.account.calls.clear()
    assert set(statuses(harness.settle(*uuids)).values()) == {"sent"}
    assert harness.account.calls == ["search", "send", "send", "send"]
    assert len(harness.mailed()) == 5


@pytest.mark.parametrize("refused", ["all", "OR"])
def test_a_failed_search_for_all(harness: EmailHarness, refused: str) -> None:
    """If the one search fails, each appointment is asked about by itself."""
    uuids = harness.put_overdue(2, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    search = harness.account.search

    def refuse(call: Any) -> Any:
        found = search(call)
        if refused == "all" or " OR " in call["query"]:
            raise MandrillError("GeneralError" if refused == "all" else "ValidationError")
        return found

    with patch.object(harness.account, "search", refuse):
        settled = statuses(harness.settle(*uuids))
    assert set(settled.values()) == {"unknown" if refused == "all" else "sent"}
    assert harness.account.calls == ["search"] * 3
    assert len(harness.mailed()) == 2


def test_a_full_result_proves_nothing(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the one result is as long as the limit, each appointment is asked about by itself."""
    monkeypatch.setattr(mandrill, "SEARCH_LIMIT", 1)
    uuids = harness.put_overdue(2, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    search = harness.account.search
    with patch.object(harness.account, "search", lambda call: search(call)[:1]):
        assert set(statuses(harness.settle(*uuids)).values()) == {"sent"}
    assert len(harness.mailed()) == 2


def test_another_sender_is_not_disturbed(harness: EmailHarness) -> None:
    """What another sender holds is not touched: its state is the result."""
    [uuid] = harness.put_overdue(
        1, email_status="pending", lease="another", lease_until=START + 100
    )
    before = harness.aws.items()
    assert statuses(harness.settle(uuid)) == {uuid: "pending"}
    assert harness.aws.items() == before


def test_what_is_settled_stays(harness: EmailHarness) -> None:
    """An email that was sent is not sent again."""
    [uuid] = harness.put_overdue(1, email_status="sent", email_due=None, owed=None, due=None)
    assert statuses(harness.settle(uuid)) == {uuid: "sent"}
    assert harness.account.calls == []


def test_what_cannot_be_settled_is_null(harness: EmailHarness) -> None:
    """An unknown uuid, and an item that cannot be read, have null and keep no other."""
    uuids = harness.put_overdue(2)
    harness.put_overdue(1, email_tries="five")
    settled = harness.settle(UNKNOWN, *uuids, uuids[1])
    assert statuses(settled) == {UNKNOWN: None, uuids[0]: None, uuids[1]: "sent"}
    assert [line["uuid"] for line in harness.lines("not settled")] == [uuids[0]]


def test_more_than_one_read_covers(harness: EmailHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many appointments are named, each is settled."""
    monkeypatch.setattr(settle, "BATCH_SIZE", 2)
    uuids = harness.put_overdue(5)
    assert set(statuses(harness.settle(*uuids)).values()) == {"sent"}


def test_what_no_time_is_left_for_stays(harness: EmailHarness) -> None:
    """What does not fit into the time is left as it is, with its state as the result."""
    uuids = harness.put_overdue(3)
    save, saved = outbox.save_result, list[bool]()

    def save_slowly(*given: Any, **how: Any) -> bool:
        saved.append(save(*given, **how))
        harness.clock.now += 12
        return saved[-1]

    with patch.object(outbox, "save_result", save_slowly):
        settled = statuses(harness.settle(*uuids))
    assert list(settled.values()) == ["sent", "sent", "failed"]
    assert harness.account.calls == ["send", "send"]


def test_dynamodb_down(harness: EmailHarness) -> None:
    """If the appointments cannot be read, each has null, and the log says why."""
    uuids = harness.put_overdue(1)
    down = ClientError({"Error": {"Code": "InternalServerError"}}, "BatchGetItem")
    with patch("appointments.tables.base.read_batch", side_effect=down):
        assert harness.settle(*uuids) == {uuids[0]: None}
    assert len(harness.lines("broken")) == 1


@pytest.mark.parametrize("listed", [None, "all", [1, None], {}, []])
def test_an_event_of_another_form_settles_nothing(harness: EmailHarness, listed: Any) -> None:
    """The handler does not raise, whatever `settle` holds."""
    from appointments import handler  # noqa: PLC0415 - moto first

    assert handler.lambda_handler({"settle": listed}, None) == {}
    assert harness.account.calls == []
