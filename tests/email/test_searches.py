"""Section 8.12: the schedule asks Mandrill about many maybe sent emails at a time."""

from typing import Any
from unittest.mock import patch

import pytest

from appointments.email import batch_search, mandrill, overdue
from appointments.email.overdue import Overdue
from tests.support.email_harness import PAT, START, EmailHarness
from tools.mandrill_sandbox.account import MandrillError

BO = "bo@planomatic.test"


def asked(harness: EmailHarness) -> list[list[str]]:
    """Return the appointments that each search was for."""
    queries = [call["query"] for call in harness.account.received if "query" in call]
    return [[term.split('"')[1] for term in query.split(" OR ")] for query in queries]


def test_one_call_covers_many(harness: EmailHarness) -> None:
    """After the test call, one search covers 99 appointments, the oldest first."""
    uuids = harness.put_overdue(101, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    assert harness.schedule() == {"emails": 101, "notifications": 0, "searches": 3, "failed": 0}
    assert asked(harness) == [uuids[:1], uuids[1:100], uuids[100:]]
    assert {item["email_status"] for item in harness.aws.items()} == {"sent"}
    assert not [item for item in harness.aws.items() if {"owed", "lease"} & set(item)]
    assert len(harness.mailed()) == 101


def test_at_most_eight_calls(harness: EmailHarness) -> None:
    """A run makes at most eight searches, its test call among them; the next run goes on."""
    uuids = harness.put_overdue(12, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    with patch.object(batch_search, "BATCH_SIZE", 1):
        assert harness.schedule()["searches"] == 8
        assert harness.account.calls == ["search"] * 8
        assert harness.schedule()["searches"] == 4
    assert not [item for item in harness.aws.items() if "owed" in item]


def test_at_most_eight_seconds(harness: EmailHarness) -> None:
    """The searches of a run take at most eight seconds, and each has only what is left of them."""
    for uuid in harness.put_overdue(9, maybe_sent=True):
        harness.accept(uuid, PAT)
    search = harness.account.search
    deadlines: list[float] = []

    def search_slowly(call: Any) -> Any:
        harness.clock.now += 3
        return search(call)

    call = mandrill.search

    def note(uuids: Any, since: Any, deadline: float) -> Any:
        deadlines.append(deadline - harness.clock.now)
        return call(uuids, since, deadline)

    with (
        patch.object(batch_search, "BATCH_SIZE", 1),
        patch.object(harness.account, "search", search_slowly),
        patch.object(mandrill, "search", note),
    ):
        assert harness.schedule()["searches"] == 3
    assert deadlines == [8, 5, 2]


def test_what_is_not_found_is_sent_in_the_same_run(harness: EmailHarness) -> None:
    """If none is listed, the lease is removed, and the run sends the email; no try is used up."""
    uuids = harness.put_overdue(3, maybe_sent=True)
    harness.accept(uuids[0], PAT)
    assert harness.schedule()["emails"] == 3
    assert harness.account.calls == ["search", "search", "send", "send"]
    assert {item["email_status"] for item in harness.aws.items()} == {"sent"}
    assert len(harness.mailed()) == 3


def test_a_released_email_is_due_now(harness: EmailHarness) -> None:
    """What the run has no time to send is overdue without a lease, its tries as they were."""
    [uuid] = harness.put_overdue(1, maybe_sent=True, email_unused=2)
    with patch("appointments.email.schedule.Drain.send_all"):
        harness.schedule()
    item = harness.item_of(uuid)
    assert not {"lease", "lease_until"} & set(item)
    assert (item["email_due"], item["due"]) == (START, START)
    assert (item["email_tries"], item["email_unused"]) == (0, 2)


@pytest.mark.parametrize(
    "change", [{"lease": "another"}, {"lease_until": START + 100}], ids=["another", "renewed"]
)
def test_a_lease_that_changed_stays(harness: EmailHarness, change: dict[str, Any]) -> None:
    """The lease is removed only if it is the one that was read, and as it was read."""
    [uuid] = harness.put_overdue(1, maybe_sent=True)
    search = harness.account.search

    def search_meanwhile(call: Any) -> Any:
        harness.put_overdue(1, maybe_sent=True, **change)
        return search(call)

    with patch.object(harness.account, "search", search_meanwhile):
        harness.schedule()
    item = harness.item_of(uuid)
    assert {name: item[name] for name in change} == change
    assert harness.account.calls == ["search"]


def test_a_lease_that_has_not_ended_is_not_searched_for(harness: EmailHarness) -> None:
    """Mandrill is not asked earlier than the lease ends, whatever `due` says."""
    harness.put_overdue(2, maybe_sent=True, lease_until=START + 1)
    assert harness.schedule()["searches"] == 0


def test_some_listed_and_some_not(harness: EmailHarness) -> None:
    """Then Mandrill is asked once more two minutes later, before the missing ones get the email."""
    [uuid] = harness.put_overdue(1, maybe_sent=True, booker_email=BO, email_unused=4)
    harness.accept(uuid, BO)
    harness.schedule()
    item = harness.item_of(uuid)
    assert item["searched_at"] == START
    assert item["due"] == item["email_due"] == item["lease_until"] == START + 120
    assert harness.account.calls == ["search"]
    harness.wait(119)
    harness.schedule()
    assert harness.account.calls == ["search"]
    harness.wait(1)
    harness.schedule()
    assert harness.account.calls == ["search", "search", "send"]
    assert harness.mailed() == [BO, PAT]
    item = harness.item_of(uuid)
    assert item["email_status"] == "sent"
    assert "searched_at" not in item


def test_one_refused_and_one_not_listed(harness: EmailHarness) -> None:
    """The second search decides, also if it lists no more than the first did."""
    refused = "a@rejected.test"
    [uuid] = harness.put_overdue(1, maybe_sent=True, booker_email=refused)
    harness.accept(uuid, refused)
    harness.schedule()
    assert harness.item_of(uuid)["searched_at"] == START
    harness.wait(120)
    harness.schedule()
    assert harness.account.calls == ["search", "search", "send"]
    item = harness.item_of(uuid)
    assert (item["email_status"], item["email_tries"]) == ("partly-sent", 1)
    assert harness.mailed() == [PAT]


def test_a_sender_that_is_faster_than_the_search(harness: EmailHarness) -> None:
    """An email that another sender has leased since the run planned its work is not asked about."""
    uuids = harness.put_overdue(2, maybe_sent=True, lease_until=START + 100)
    with patch.object(overdue, "find", return_value=Overdue(maybe_sent=list(uuids))):
        assert harness.schedule()["searches"] == 0


def test_a_failed_search_leaves_everything(harness: EmailHarness) -> None:
    """Emails that Mandrill cannot be asked about stay pending as they are, and use up no try."""
    harness.put_overdue(5, maybe_sent=True)
    before = harness.aws.items()
    harness.account.refusals = ["GeneralError"] * 2
    harness.schedule()
    assert harness.aws.items() == before


def test_a_full_result_is_halved(harness: EmailHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result as long as the limit proves nothing of whom it does not list: half is asked for."""
    monkeypatch.setattr(mandrill, "SEARCH_LIMIT", 3)
    uuids = harness.put_overdue(9, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    search = harness.account.search
    with patch.object(harness.account, "search", lambda call: search(call)[:3]):
        harness.schedule()
    sizes = [len(each) for each in asked(harness)]
    assert sizes[:3] == [1, 8, 4]
    assert "send" not in harness.account.calls
    left = [item for item in harness.aws.items() if "owed" in item]
    assert all("lease" in item for item in left)
    with patch.object(harness.account, "search", lambda call: search(call)[:3]):
        harness.schedule()
    assert not [item for item in harness.aws.items() if "owed" in item]
    assert len(harness.mailed()) == 9


def test_a_refused_or_is_replaced_by_single_searches(harness: EmailHarness) -> None:
    """If Mandrill refuses a query with OR, the run logs and counts it, and asks one by one."""
    uuids = harness.put_overdue(4, maybe_sent=True)
    for uuid in uuids:
        harness.accept(uuid, PAT)
    search = harness.account.search

    def refuse_or(call: Any) -> Any:
        found = search(call)
        if " OR " in call["query"]:
            raise MandrillError("ValidationError", "no OR")
        return found

    with patch.object(harness.account, "search", refuse_or):
        assert harness.schedule()["searches"] == 5
    assert asked(harness) == [uuids[:1], uuids[1:], *([uuid] for uuid in uuids[1:])]
    assert len(harness.lines("search by OR refused")) == 1
    assert harness.count("SearchRefused") == 1
    assert not [item for item in harness.aws.items() if "owed" in item]


def test_it_begins_the_day_before_the_earliest(harness: EmailHarness) -> None:
    """The search covers the time since the day before the earliest `owed_since` of those in it."""
    uuids = harness.put_overdue(4, maybe_sent=True)
    harness.aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuids[2]},
        UpdateExpression="SET owed_since = :since",
        ExpressionAttributeValues={":since": START - 48 * 3600},
    )
    harness.schedule()
    calls = [call for call in harness.account.received if "query" in call]
    assert [call["date_from"] for call in calls] == ["2027-01-14", "2027-01-12"]
    assert {call["limit"] for call in calls} == {1000}


def test_an_old_lease_without_times(harness: EmailHarness) -> None:
    """A maybe sent item of an older version, with only `due`, is searched for as any other."""
    [uuid] = harness.put_overdue(
        1, maybe_sent=True, email_due=None, owed_since=None, email_unused=None, email_tries=None
    )
    harness.accept(uuid, PAT)
    harness.schedule()
    assert harness.account.calls == ["search"]
    assert harness.item_of(uuid)["email_status"] == "sent"


def test_a_search_that_settles_is_logged(harness: EmailHarness) -> None:
    """Each email that a search settles leaves its log entry, under its own request id."""
    for uuid in harness.put_overdue(3, maybe_sent=True):
        harness.accept(uuid, PAT)
    harness.schedule()
    entries = harness.lines("email")
    assert [entry["trigger"] for entry in entries] == ["search"] * 3
    assert [entry["status"] for entry in entries] == ["sent"] * 3
    assert [entry["request_id"] for entry in entries] == ["req-0", "req-1", "req-2"]
