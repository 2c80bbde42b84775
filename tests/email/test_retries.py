"""What comes after the request's own try: the caller again, the schedule, giving up."""

import threading
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
import pytest

from appointments import handler
from appointments.email import mandrill, mandrill_client, outbox, overdue, schedule
from tests.support.email_harness import START, UUID, Context, EmailHarness
from tools.mandrill_sandbox.account import Struct

PAT, BOOKER, CORRECTED = "pat@planomatic.test", "booker@planomatic.test", "rex@planomatic.test"
MINUTE = 60
PATIENCE = 100  # how long a thread waits for another that has come to grief


def photographer(harness: EmailHarness, email: str, user: int = 501) -> None:
    """Give the photographer this address."""
    harness.aws.put_record(f"user#{user}", name="Pat", email=email)


def unknown(harness: EmailHarness) -> None:
    """Create an appointment whose email was accepted for both, without an answer in time."""
    photographer(harness, "a@garbage.test")
    email = harness.create().body["data"]["email"]
    assert email["status"] == "unknown"


def found_by_search(harness: EmailHarness, states: dict[str, str]) -> Any:
    """Let Mandrill's search list these recipients in these states."""
    found = [
        {"email": at, "state": state, "_id": at, "metadata": {"appointment_uuid": UUID}}
        for at, state in states.items()
    ]
    search = harness.account.search
    return patch.object(harness.account, "search", lambda call: [search(call), found][1])


def settled(harness: EmailHarness) -> bool:
    """Whether nothing is owed."""
    return not {"owed", "due", "lease", "lease_until", "notifications"} & set(harness.item())


def test_after_a_correction_a_retry_sends_the_email(harness: EmailHarness) -> None:
    """A retry mails only the corrected photographer; the next retry mails no one."""
    assert harness.create(photographer_user_id=502).status == "mandrill-email-failed"
    photographer(harness, CORRECTED, 502)
    answered = harness.create(photographer_user_id=502)
    assert (answered.status, answered.body["replayed"]) == ("action-successful", True)
    assert answered.headers["Idempotency-Replayed"] == "true"
    recipients = answered.body["data"]["email"]["recipients"]
    assert sorted((one["email"], one["status"]) for one in recipients) == [
        (BOOKER, "sent"),
        (CORRECTED, "sent"),
    ]
    assert harness.create(photographer_user_id=502).body["data"]["email"]["status"] == "sent"
    assert harness.mailed() == [BOOKER, CORRECTED]
    assert settled(harness)


def test_after_a_correction_the_schedule_sends_it_too(harness: EmailHarness) -> None:
    """Within two minutes of the correction the schedule has mailed who was left."""
    harness.create(photographer_user_id=502)
    photographer(harness, CORRECTED, 502)
    for _ in range(2):
        harness.wait(MINUTE)
        harness.schedule()
    assert harness.mailed() == [BOOKER, CORRECTED]
    assert settled(harness)


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_a_photographer_whose_record_vanished(harness: EmailHarness, who: str) -> None:
    """If the photographer's record no longer exists at a later try, the booker's email is all."""
    harness.create(photographer_user_id=502)
    boto3.resource("dynamodb").Table("records").delete_item(Key={"record": "user#502"})
    harness.wait(MINUTE)
    if who == "caller":
        assert harness.create(photographer_user_id=502).status == "action-successful"
    else:
        assert harness.schedule() == {"emails": 1, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.item()["email_status"] == "sent"
    assert [one["email"] for one in harness.item()["email_recipients"]] == [BOOKER]
    assert harness.mailed() == [BOOKER]
    assert settled(harness)


def test_a_photographer_who_vanished_and_no_booker(harness: EmailHarness) -> None:
    """If no recipient is left who has an address, the email is skipped: no recipient had it."""
    harness.create(token="no-address-token", photographer_user_id=502)
    boto3.resource("dynamodb").Table("records").delete_item(Key={"record": "user#502"})
    answered = harness.create(token="no-address-token", photographer_user_id=502)
    assert answered.body["data"]["email"] == {"status": "skipped", "recipients": []}
    assert settled(harness)


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_a_refused_second_try_is_partly_sent(harness: EmailHarness, who: str) -> None:
    """If Mandrill refuses the call for who is left, the others still have the email."""
    harness.create(photographer_user_id=502)
    harness.wait(MINUTE)
    harness.account.refusals = ["GeneralError"]
    harness.create(photographer_user_id=502) if who == "caller" else harness.schedule()
    item = harness.item()
    assert (item["email_status"], item["email_reason"]) == (
        "partly-sent",
        "mandrill-unavailable (GeneralError)",
    )
    assert sorted((one["email"], one["status"]) for one in item["email_recipients"]) == [
        (BOOKER, "sent"),
        ("rex@rejected.test", "unknown"),
    ]


def test_a_settled_email_is_not_sent_to_a_new_address(harness: EmailHarness) -> None:
    """Recipients who have the email do not get it again because their address was changed."""
    harness.create()
    photographer(harness, CORRECTED)
    harness.create()
    assert harness.mailed() == [PAT, BOOKER]


def test_another_sender_is_not_disturbed(harness: EmailHarness) -> None:
    """While one request sends, a repeat of it is answered `pending` and sends nothing."""
    answers, begun, go_on = [], threading.Event(), threading.Event()
    send = harness.account.send_template

    def take_long(call: Struct) -> Any:
        begun.set()
        go_on.wait(PATIENCE)
        return send(call)

    first = threading.Thread(target=lambda: answers.append(harness.create(seconds=2 * PATIENCE)))
    with (
        patch.object(mandrill_client, "CALL_SECONDS", PATIENCE),
        patch.object(harness.account, "send_template", take_long),
    ):
        first.start()
        assert begun.wait(PATIENCE)
        second = harness.create()
        go_on.set()
        first.join()
    assert (second.status, second.body["data"]["email"]["status"]) == (
        "action-successful",
        "pending",
    )
    assert answers[0].body["data"]["email"]["status"] == "sent"
    assert harness.account.calls == ["send"]


def test_an_unknown_email_is_left_for_two_minutes(harness: EmailHarness) -> None:
    """Neither caller nor schedule touches an email in doubt before two minutes have passed."""
    unknown(harness)
    for _ in range(11):
        harness.wait(10)
        answered = harness.create()
        assert answered.body["data"]["email"]["status"] == "unknown"
        harness.schedule()
    harness.wait(9)
    harness.create()
    assert harness.account.calls == ["send"]


def test_the_two_minutes_begin_when_the_try_ends(harness: EmailHarness) -> None:
    """The lease of a *maybe sent* email ends two minutes after the try, however long it took."""
    photographer(harness, "a@garbage.test")
    send = harness.account.send_template

    def send_slowly(call: Any) -> Any:
        harness.wait(8)
        return send(call)

    with patch.object(harness.account, "send_template", send_slowly):
        harness.create()
    assert harness.item()["lease_until"] == harness.item()["due"] == START + 8 + 120
    harness.wait(119)
    harness.create()
    harness.schedule()
    assert harness.account.calls == ["send"]


def test_after_a_failed_search_the_lease_ends_two_minutes_later(harness: EmailHarness) -> None:
    """If Mandrill cannot be asked by a caller, the next search is due two minutes later."""
    unknown(harness)
    harness.wait(121)
    harness.account.refusals = ["GeneralError"]
    assert harness.create().body["data"]["email"]["status"] == "unknown"
    assert harness.item()["lease_until"] == harness.item()["due"] == START + 121 + 120
    harness.wait(119)
    harness.create()
    harness.schedule()
    assert harness.account.calls == ["send", "search"]
    harness.wait(2)
    assert harness.create().body["data"]["email"]["status"] == "sent"


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_an_unknown_email_is_looked_up_first(harness: EmailHarness, who: str) -> None:
    """After that Mandrill is asked; what it has is not sent again."""
    unknown(harness)
    harness.wait(121)
    if who == "caller":
        assert harness.create().body["data"]["email"]["status"] == "sent"
    else:
        harness.schedule()
    assert harness.account.calls == ["send", "search"]
    assert settled(harness)
    assert {one["status"] for one in harness.item()["email_recipients"]} == {"sent"}


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_what_mandrill_does_not_have_is_sent(harness: EmailHarness, who: str) -> None:
    """If the search lists no recipient, the email is sent at once."""
    unknown(harness)
    photographer(harness, PAT)
    harness.wait(121)
    with found_by_search(harness, {}):
        harness.create() if who == "caller" else harness.schedule()
    assert harness.account.calls == ["send", "search", "send"]
    assert [to["email"] for to in harness.account.received[-1]["message"]["to"]] == [PAT, BOOKER]
    assert settled(harness)


@pytest.mark.parametrize("state", ["sent", "queued", "scheduled", "deferred"])
@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_whom_mandrill_lists_has_the_email(harness: EmailHarness, who: str, state: str) -> None:
    """A recipient whom the search lists in one of these states has the email."""
    unknown(harness)
    harness.wait(121)
    with found_by_search(harness, {"a@garbage.test": state, BOOKER: "sent"}):
        harness.create() if who == "caller" else harness.schedule()
    assert harness.account.calls == ["send", "search"]
    assert harness.item()["email_status"] == "sent"
    assert settled(harness)


@pytest.mark.parametrize("state", ["rejected", "invalid", "bounced"])
@pytest.mark.parametrize(("who", "used"), [("caller", 0), ("schedule", 1)])
def test_whom_mandrill_lists_as_refused_is_refused(
    harness: EmailHarness, who: str, used: int, state: str
) -> None:
    """If all are listed and some are refused, it is a try as if Mandrill had refused them now."""
    unknown(harness)
    harness.wait(121)
    with found_by_search(harness, {"a@garbage.test": state, BOOKER: "sent"}):
        harness.create() if who == "caller" else harness.schedule()
    item = harness.item()
    assert harness.account.calls == ["send", "search"]
    assert (item["email_status"], item["email_tries"]) == ("partly-sent", used)
    assert item["email_reason"] == f"a@garbage.test {state}"
    assert "lease" not in item


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_whom_mandrill_does_not_list_yet_is_asked_about_once_more(
    harness: EmailHarness, who: str
) -> None:
    """If some are listed and some are not, the missing ones get the email after a second search."""
    unknown(harness)
    photographer(harness, PAT)
    harness.wait(121)
    with found_by_search(harness, {BOOKER: "sent"}):
        harness.create() if who == "caller" else harness.schedule()
        item = harness.item()
        assert item["searched_at"] == START + 121
        assert item["due"] == item["lease_until"] == START + 121 + 120
        harness.wait(119)
        harness.create()
        harness.schedule()
        assert harness.account.calls == ["send", "search"]
        harness.wait(1)
        harness.create() if who == "caller" else harness.schedule()
    assert harness.account.calls == ["send", "search", "search", "send"]
    assert [to["email"] for to in harness.account.received[-1]["message"]["to"]] == [PAT]
    assert "searched_at" not in harness.item()
    assert settled(harness)


def test_the_second_search_comes_after_two_minutes_whatever_was_tried(
    harness: EmailHarness,
) -> None:
    """A partly found email is asked about two minutes later, after however many tries."""
    photographer(harness, "a@empty.test")
    harness.create()
    tries(harness, 9)
    harness.wait(MINUTE)
    with found_by_search(harness, {BOOKER: "sent"}):
        harness.schedule()
    assert harness.item()["due"] == START + 10 * MINUTE + 120


def test_an_address_corrected_in_doubt_is_not_mailed_twice(harness: EmailHarness) -> None:
    """Recipients who got the email at an old address do not get it at the corrected one too."""
    unknown(harness)
    photographer(harness, CORRECTED)
    harness.wait(121)
    assert harness.create().body["data"]["email"]["status"] == "sent"
    assert harness.mailed() == ["a@garbage.test", BOOKER]


def test_a_caller_need_not_wait_for_the_schedule(harness: EmailHarness) -> None:
    """A doubtful email that the schedule will try much later is looked up on a caller's request."""
    photographer(harness, "a@empty.test")
    harness.create()
    for _ in range(2):
        harness.wait(121)
        harness.schedule()
    assert harness.item()["due"] == START + 2 * 121 + 180
    harness.wait(121)
    photographer(harness, PAT)
    assert harness.create().body["data"]["email"]["status"] == "sent"
    assert settled(harness)


def tries(harness: EmailHarness, minutes: int) -> list[int]:
    """Run the schedule every minute; return at which minutes Mandrill was called to send."""
    at = []
    for minute in range(1, minutes + 1):
        harness.wait(MINUTE)
        before = harness.account.calls.count("send")
        harness.schedule()
        at += [minute] * (harness.account.calls.count("send") - before)
    return at


def test_the_schedule_tries_after_1_4_15_and_60_minutes(harness: EmailHarness) -> None:
    """A refused email is tried four times more, each after a longer pause, then given up."""
    photographer(harness, "a@rejected.test")
    harness.create(token="no-address-token")
    assert harness.item()["due"] == START + 60
    assert tries(harness, 79) == [1, 5, 20]
    assert harness.item()["due"] == START + 80 * 60
    harness.wait(MINUTE)
    assert harness.schedule() == {"emails": 1, "notifications": 1, "searches": 0, "failed": 0}
    assert harness.account.calls == ["send"] * 5
    assert tries(harness, 70) == []
    item = harness.item()
    assert (item["email_status"], item["email_tries"]) == ("failed", 5)
    assert settled(harness)
    _, given_up = harness.published()
    assert given_up.facts["status"] == "mandrill-email-failed"
    assert given_up.facts["reason"] == (
        "the email was given up: a@rejected.test rejected (hard-bounce)"
    )
    assert [one["email"] for one in given_up.facts["recipients"]] == ["a@rejected.test"]
    assert harness.count("EmailsGivenUp") == 1


def test_callers_use_up_no_try(harness: EmailHarness) -> None:
    """However often the caller comes back, the schedule keeps its four tries and their times."""
    photographer(harness, "a@rejected.test")
    harness.create()
    for _ in range(6):
        harness.wait(5)
        harness.create()
    assert harness.item()["email_tries"] == 1
    harness.wait(30)
    harness.schedule()
    assert harness.item()["email_tries"] == 2


def test_a_given_up_email_is_sent_on_request(harness: EmailHarness) -> None:
    """Giving up ends the schedule's tries only: the caller's or a replay's request still sends."""
    photographer(harness, "a@rejected.test")
    harness.create()
    tries(harness, 81)
    harness.wait(3600)
    harness.create()
    assert settled(harness)
    photographer(harness, PAT)
    line = harness.lines("request")[0]
    handler.lambda_handler({"replay": line}, Context(29))
    assert sorted(harness.mailed()) == [BOOKER, PAT]
    assert settled(harness)


def test_a_refused_search_uses_up_no_try(harness: EmailHarness) -> None:
    """As long as Mandrill cannot be asked the email stays owed, and no try is used up."""
    unknown(harness)
    harness.wait(61)
    for _ in range(4):
        harness.account.refusals = ["RequestLimitExceeded"]
        harness.wait(MINUTE)
        harness.schedule()
    item = harness.item()
    assert (item["email_status"], item["email_tries"]) == ("unknown", 0)
    assert harness.mailed() == ["a@garbage.test", BOOKER]
    assert harness.account.calls.count("send") == 1
    harness.account.refusals = []
    harness.wait(MINUTE)
    harness.schedule()
    assert settled(harness)


def test_a_dead_sender_is_followed(harness: EmailHarness) -> None:
    """An email whose sender died is looked up after its lease, and sent if it was not accepted."""
    with (
        patch.object(mandrill, "send", side_effect=SystemExit),
        pytest.raises(SystemExit),
    ):
        harness.create()
    assert harness.create().body["data"]["email"]["status"] == "pending"
    harness.wait(121)
    harness.schedule()
    assert harness.account.calls == ["search", "send"]
    assert harness.mailed() == [PAT, BOOKER]
    assert settled(harness)


def owing(harness: EmailHarness, number: int) -> None:
    """Put so many emails that were refused, spread over all shards."""
    photographer(harness, "a@rejected.test")
    for _ in range(number):
        harness.create(uuid=str(uuid4()))
    photographer(harness, PAT)
    harness.account.calls.clear()


def test_a_run_ends_in_time(harness: EmailHarness) -> None:
    """Nothing is begun that might not be ended; what there is no time for stays owed."""
    owing(harness, 3)
    harness.wait(MINUTE)
    before = harness.aws.items()
    assert harness.schedule(seconds=3.9)["emails"] == 0
    assert harness.account.calls == []
    assert harness.aws.items() == before
    assert harness.schedule()["emails"] == 3


def test_a_run_reads_the_oldest(harness: EmailHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run reads no more overdue appointments than it should; the oldest go first."""
    monkeypatch.setattr(schedule, "_MIN_READ_LIMIT", 2)
    monkeypatch.setattr(schedule, "_READ_PER_WORKER", 0)
    photographer(harness, "a@rejected.test")
    uuids = [str(uuid4()) for _ in range(3)]
    for uuid in uuids:
        harness.create(uuid=uuid)
        harness.wait(1)
    photographer(harness, PAT)
    harness.wait(MINUTE)
    assert harness.schedule()["emails"] == 2
    assert [item["uuid"] for item in harness.aws.items() if "owed" in item] == uuids[2:]


def test_every_shard_is_taken_up(harness: EmailHarness) -> None:
    """An item is found whatever digit its uuid begins with, under `0` to `7`."""
    photographer(harness, "a@rejected.test")
    for digit in range(16):
        harness.create(uuid=f"{digit:x}1111111-1111-4111-8111-111111111111")
    photographer(harness, PAT)
    assert {item["owed"] for item in harness.aws.items()} == set("01234567")
    harness.wait(MINUTE)
    assert harness.schedule()["emails"] == 16
    assert not [item for item in harness.aws.items() if "owed" in item]


def test_what_is_not_due_when_it_is_read_is_left(harness: EmailHarness) -> None:
    """If the index is behind the table, an email whose time has not come is not tried."""
    photographer(harness, "a@down.test")
    harness.create()
    harness.wait(59)
    with patch.object(overdue, "_keys", return_value=[UUID]):
        assert harness.schedule() == {"emails": 0, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.account.calls == ["send"]


def test_a_broken_item_does_not_hold_up_the_others(harness: EmailHarness) -> None:
    """An item that cannot be read is passed over, counted and logged."""
    owing(harness, 3)
    table = boto3.resource("dynamodb").Table("appointments")
    broken = harness.aws.items()[0]["uuid"]
    table.update_item(
        Key={"uuid": broken},
        UpdateExpression="SET email_tries = :never",
        ExpressionAttributeValues={":never": "never"},
    )
    harness.wait(MINUTE)
    done = harness.schedule()
    assert (done["emails"], done["failed"]) == (2, 1)
    assert [line["uuid"] for line in harness.lines("owed, not taken up")] == [broken]


def test_two_schedules_at_once_send_once(
    harness: EmailHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two runs at once one sends: the other's claim comes too late."""
    photographer(harness, "a@down.test")
    harness.create()
    photographer(harness, PAT)
    harness.wait(MINUTE)
    claim, nested = outbox.acquire_lease, list[bool]()

    def claim_after_another(*given: Any, **how: Any) -> bool:
        if not nested:
            nested.append(True)
            harness.schedule()
        return claim(*given, **how)

    monkeypatch.setattr(outbox, "acquire_lease", claim_after_another)
    assert harness.schedule() == {"emails": 0, "notifications": 0, "searches": 0, "failed": 0}
    assert harness.mailed() == [PAT, BOOKER]
    assert settled(harness)
