"""Section 8.6: a schedule run hands what it has no time for to workers."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from appointments.email import outbox, workers
from appointments.settings import SETTINGS, Settings
from tests.support.email_harness import START, EmailHarness, Workers

OPEN: dict[str, Any] = {"failures": 5, "open_for": 100, "uuid": "x", "reason": "r"}


@pytest.fixture
def invoked(harness: EmailHarness, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Let the function invoke workers, already for a few emails."""
    monkeypatch.setattr(workers, "RUN_EMAILS", 4)
    monkeypatch.setattr(workers, "WORKER_EMAILS", 6)
    harness.workers = Workers()
    return harness.workers


def event(uuids: list[str]) -> dict[str, Any]:
    """Return a worker's event."""
    return {"schedule": "owed", "uuids": uuids}


def hand_over(number: int, mail_workers: int = 10) -> tuple[list[list[str]], list[str]]:
    """Hand over so many emails; return the workers' slices, and what is left for the run."""
    uuids = [str(place) for place in range(number)]
    taken: list[list[str]] = []

    def take(slice_: list[str], _: str) -> bool:
        taken.append(slice_)
        return True

    settings = replace(SETTINGS, mail_workers=mail_workers)
    with patch.object(workers, "_invoke", take), patch.object(workers, "SETTINGS", settings):
        left = workers.hand_over(uuids, _Invocation("create:live"))  # type: ignore[arg-type]
    return taken, left


class _Invocation:
    def __init__(self, function: str | None) -> None:
        self.function = function


@pytest.mark.parametrize(
    ("emails", "mail_workers", "slices", "left"),
    [
        (0, 10, 0, 0),
        (40, 10, 0, 40),
        (41, 10, 1, 40),
        (100, 10, 1, 40),
        (101, 10, 2, 39),
        (640, 10, 10, 40),
        (3000, 10, 10, 3000 - 990),
        (3000, 0, 0, 3000),
        (3000, 2, 2, 3000 - 198),
    ],
)
def test_the_slices(emails: int, mail_workers: int, slices: int, left: int) -> None:
    """At most MAIL_WORKERS share the oldest emails, at most 99 each; the run keeps the newest."""
    taken, kept = hand_over(emails, mail_workers)
    assert len(taken) == slices
    assert all(1 <= len(each) <= 99 for each in taken)
    assert len(kept) == left
    handed = sorted(int(uuid) for each in taken for uuid in each)
    assert handed == list(range(emails - left))
    assert [int(uuid) for uuid in kept] == list(range(emails - left, emails))
    assert all(each == sorted(each, key=int) for each in taken)


def test_each_worker_begins_with_some_of_the_oldest() -> None:
    """The oldest emails go first, whatever the number of workers."""
    taken, _ = hand_over(640)
    assert [each[0] for each in taken] == [str(place) for place in range(10)]


@pytest.mark.parametrize(("value", "number"), [(None, 10), ("", 10), ("100", 100), ("0", 0)])
def test_the_number_of_workers_is_a_variable(
    monkeypatch: pytest.MonkeyPatch, value: str | None, number: int
) -> None:
    """MAIL_WORKERS is optional; its default is 10."""
    if value is None:
        monkeypatch.delenv("MAIL_WORKERS", raising=False)
    else:
        monkeypatch.setenv("MAIL_WORKERS", value)
    assert Settings.read().mail_workers == number


def test_run_and_workers_send_everything_once(harness: EmailHarness, invoked: Workers) -> None:
    """Workers are the same function through the same alias; together nothing is left or doubled."""
    uuids = harness.put_overdue(15)
    done = harness.schedule()
    assert invoked.functions == {"create:live"}
    assert [set(each) for each in invoked.events] == [{"schedule", "uuids"}] * 2
    assert {each["schedule"] for each in invoked.events} == {"owed"}
    handed = [uuid for each in invoked.events for uuid in each["uuids"]]
    assert sorted(handed, key=uuids.index) == uuids[1 : len(handed) + 1]
    assert done["emails"] == 15 - len(handed)
    assert [harness.work()["emails"] for _ in range(2)] == [5, 5]
    assert not [item for item in harness.aws.items() if "owed" in item]
    assert len(harness.mailed()) == 15


def test_without_an_alias_no_worker_is_invoked(harness: EmailHarness, invoked: Workers) -> None:
    """A function that was not invoked through its alias works alone."""
    harness.put_overdue(15)
    harness.workers = None
    assert harness.schedule()["emails"] == 15
    assert invoked.events == []
    assert harness.count("HandOverFailed") == 0


@pytest.mark.parametrize("accepted", [0, 1])
def test_if_invoking_fails_the_run_continues_alone(
    harness: EmailHarness, invoked: Workers, accepted: int
) -> None:
    """It logs and counts the error, and sends what no worker got."""
    invoked.capacity = accepted
    harness.put_overdue(15)
    done = harness.schedule()
    handed = sum(len(each["uuids"]) for each in invoked.events)
    assert len(invoked.events) == accepted
    assert done["emails"] == 15 - handed
    assert harness.count("HandOverFailed") == 1
    assert len(harness.lines("emails not handed over")) == 1
    [harness.work() for _ in range(accepted)]
    assert len(harness.mailed()) == 15


def test_maybe_sent_emails_use_up_no_turns(harness: EmailHarness, invoked: Workers) -> None:
    """Maybe sent emails are handed to no worker, and make none necessary."""
    harness.put_overdue(15, maybe_sent=True)
    harness.schedule()
    assert invoked.events == []


def test_a_worker_sends_in_order_and_invokes_no_other(
    harness: EmailHarness, invoked: Workers
) -> None:
    """It processes its list in order, however long."""
    uuids = harness.put_overdue(12)[::-1]
    assert harness.work(event(uuids)) == {"emails": 12, "notifications": 0, "failed": 0}
    sent = [mail["metadata"]["appointment_uuid"] for mail in harness.account.accepted_mail()]
    assert sent == uuids
    assert invoked.events == []


def test_a_worker_skips_a_maybe_sent_email(harness: EmailHarness) -> None:
    """The next run searches for it."""
    uuids = harness.put_overdue(2, maybe_sent=True)
    before = harness.aws.items()
    assert harness.work(event(uuids))["emails"] == 0
    assert harness.account.calls == []
    assert harness.aws.items() == before


@pytest.mark.parametrize(
    "change",
    [
        {"email_due": START + 60, "due": START + 60},
        {"email_status": "sent", "email_due": None, "owed": None, "due": None},
        {"email_tries": 5, "email_due": None, "owed": None, "due": None},
        {"lease": "another", "lease_until": START + 100, "email_due": START + 100},
    ],
    ids=["later", "sent", "given up", "leased"],
)
def test_a_worker_skips_what_is_not_overdue(harness: EmailHarness, change: dict[str, Any]) -> None:
    """An item that is not overdue when it is read is left as it is."""
    uuids = harness.put_overdue(1, **change)
    before = harness.aws.items()
    assert harness.work(event(uuids)) == {"emails": 0, "notifications": 0, "failed": 0}
    assert harness.account.calls == []
    assert harness.aws.items() == before


def test_a_worker_of_items_that_are_not_there(harness: EmailHarness) -> None:
    """A list of nothing, or of what no longer exists, does no harm."""
    assert harness.work(event(["gone", "gone too"])) == {
        "emails": 0,
        "notifications": 0,
        "failed": 0,
    }
    assert harness.work(event([])) == {"emails": 0, "notifications": 0, "failed": 0}


def test_an_open_breaker_stops_a_worker(harness: EmailHarness) -> None:
    """A worker starts nothing if the breaker is open when it reads its items."""
    harness.put_circuit(**OPEN)
    uuids = harness.put_overdue(3)
    before = harness.aws.items()
    assert harness.work(event(uuids))["emails"] == 0
    assert harness.account.calls == []
    assert harness.aws.items() == before


def test_two_failures_in_a_row_stop_a_worker(harness: EmailHarness) -> None:
    """After two outcomes "unavailable" in a row it ends; the rest stays overdue."""
    uuids = harness.put_overdue(4)
    before = {item["uuid"]: item for item in harness.aws.items()}
    harness.account.refusals = ["GeneralError"] * 4
    assert harness.work(event(uuids))["emails"] == 2
    after = {item["uuid"]: item for item in harness.aws.items()}
    assert [uuid for uuid in uuids if after[uuid] == before[uuid]] == uuids[2:]


def test_a_429_stops_a_worker(harness: EmailHarness) -> None:
    """A 429 to a send ends the worker that got it, and counts for nothing."""
    uuids = harness.put_overdue(4)
    harness.account.refusals = ["RequestLimitExceeded"]
    assert harness.work(event(uuids))["emails"] == 1
    assert harness.account.calls == ["send"]
    assert harness.circuit() is None


def test_a_worker_ends_in_time(harness: EmailHarness) -> None:
    """What a worker does not do stays overdue."""
    uuids = harness.put_overdue(4)
    send = harness.account.send_template

    def send_slowly(call: Any) -> Any:
        harness.clock.now += 7
        return send(call)

    with patch.object(harness.account, "send_template", send_slowly):
        assert harness.work(event(uuids), seconds=20)["emails"] == 3
    assert harness.work(event(uuids))["emails"] == 1


def test_a_doubled_worker_sends_nothing_twice(harness: EmailHarness) -> None:
    """Of two workers with one list, in the midst of each other, each email is sent once."""
    uuids = harness.put_overdue(6)
    acquire, nested = outbox.acquire_lease, list[bool]()

    def acquire_after_another(*given: Any) -> bool:
        if not nested:
            nested.append(True)
            assert harness.work(event(uuids))["emails"] == 6
        return acquire(*given)

    with patch.object(outbox, "acquire_lease", acquire_after_another):
        assert harness.work(event(uuids))["emails"] == 0
    assert harness.work(event(uuids))["emails"] == 0
    assert len(harness.mailed()) == 6


@pytest.mark.parametrize("uuids", ["all", None, [1], {"a": "b"}])
def test_a_list_of_another_form_is_a_run(harness: EmailHarness, uuids: Any) -> None:
    """An event whose `uuids` are no list of texts is a schedule run."""
    harness.put_overdue(1)
    assert harness.schedule(uuids=uuids)["emails"] == 1
