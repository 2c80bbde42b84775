"""What comes after the request's own try: the caller again, the schedule, giving up."""

import threading
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
import pytest

from appointments import handler
from appointments.email import mandrill, outbox
from tests.email.conftest import RESERVE, START, Context, Office
from tools.mandrill_sandbox.account import Struct

PAT, BOOKER, MENDED = "pat@planomatic.test", "booker@planomatic.test", "rex@planomatic.test"
MINUTE = 60
PATIENCE = 100  # how long a thread waits for another that has come to grief


def photographer(office: Office, email: str, user: int = 501) -> None:
    """Give the photographer this address."""
    office.world.put_record(f"user#{user}", name="Pat", email=email)


def unknown(office: Office) -> None:
    """Create an appointment whose email was accepted for both, without an answer in time."""
    photographer(office, "a@garbage.test")
    email = office.create().body["data"]["email"]
    assert email["status"] == "unknown"


def found_by_search(office: Office, states: dict[str, str]) -> Any:
    """Have Mandrill's search list these recipients in these states."""
    found = [{"email": email, "state": state, "_id": email} for email, state in states.items()]
    search = office.account.search
    return patch.object(office.account, "search", lambda call: [search(call), found][1])


def settled(office: Office) -> bool:
    """Whether nothing is owed."""
    return not {"owed", "due", "lease", "lease_until", "notifications"} & set(office.item())


def test_a_corrected_address_heals_the_email(office: Office) -> None:
    """The caller's retry mails the corrected photographer and nobody else; the next, nobody."""
    assert office.create(photographer_user_id=502).status == "mandrill-email-failed"
    photographer(office, MENDED, 502)
    answered = office.create(photographer_user_id=502)
    assert (answered.status, answered.body["replayed"]) == ("action-successful", True)
    assert answered.headers["Idempotency-Replayed"] == "true"
    recipients = answered.body["data"]["email"]["recipients"]
    assert sorted((one["email"], one["status"]) for one in recipients) == [
        (BOOKER, "sent"),
        (MENDED, "sent"),
    ]
    assert office.create(photographer_user_id=502).body["data"]["email"]["status"] == "sent"
    assert office.mailed() == [BOOKER, MENDED]
    assert settled(office)


def test_the_schedule_heals_it_too(office: Office) -> None:
    """Within two minutes of the correction the schedule has mailed who was left."""
    office.create(photographer_user_id=502)
    photographer(office, MENDED, 502)
    for _ in range(2):
        office.wait(MINUTE)
        office.schedule()
    assert office.mailed() == [BOOKER, MENDED]
    assert settled(office)


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_a_photographer_whose_record_vanished(office: Office, who: str) -> None:
    """If the photographer's record no longer exists at a later try, the booker's email is all."""
    office.create(photographer_user_id=502)
    boto3.resource("dynamodb").Table("records").delete_item(Key={"record": "user#502"})
    office.wait(MINUTE)
    if who == "caller":
        assert office.create(photographer_user_id=502).status == "action-successful"
    else:
        assert office.schedule() == {"emails": 1, "notifications": 0, "searches": 0, "failed": 0}
    assert office.item()["email_status"] == "sent"
    assert [one["email"] for one in office.item()["email_recipients"]] == [BOOKER]
    assert office.mailed() == [BOOKER]
    assert settled(office)


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_a_refused_second_try_is_partly_sent(office: Office, who: str) -> None:
    """If Mandrill refuses the call for who is left, the others still have the email."""
    office.create(photographer_user_id=502)
    office.wait(MINUTE)
    office.account.refusals = ["GeneralError"]
    office.create(photographer_user_id=502) if who == "caller" else office.schedule()
    item = office.item()
    assert (item["email_status"], item["email_reason"]) == ("partly-sent", "GeneralError")
    assert sorted((one["email"], one["status"]) for one in item["email_recipients"]) == [
        (BOOKER, "sent"),
        ("rex@rejected.test", "unknown"),
    ]


def test_a_settled_email_is_not_sent_to_a_new_address(office: Office) -> None:
    """Who has got the email does not get it again because his address was changed."""
    office.create()
    photographer(office, MENDED)
    office.create()
    assert office.mailed() == [PAT, BOOKER]


def test_another_sender_is_not_disturbed(office: Office) -> None:
    """While one request sends, a repeat of it is answered `pending` and sends nothing."""
    answers, begun, go_on = [], threading.Event(), threading.Event()
    send = office.account.send_template

    def take_long(call: Struct) -> Any:
        begun.set()
        go_on.wait(PATIENCE)
        return send(call)

    first = threading.Thread(target=lambda: answers.append(office.create(seconds=2 * PATIENCE)))
    with (
        patch.object(mandrill, "CALL_SECONDS", PATIENCE),
        patch.object(office.account, "send_template", take_long),
    ):
        first.start()
        assert begun.wait(PATIENCE)
        second = office.create()
        go_on.set()
        first.join()
    assert (second.status, second.body["data"]["email"]["status"]) == (
        "action-successful",
        "pending",
    )
    assert answers[0].body["data"]["email"]["status"] == "sent"
    assert office.account.calls == ["send"]


def test_an_unknown_email_is_left_for_two_minutes(office: Office) -> None:
    """Neither caller nor schedule touches an email in doubt before two minutes have passed."""
    unknown(office)
    for _ in range(11):
        office.wait(10)
        answered = office.create()
        assert answered.body["data"]["email"]["status"] == "unknown"
        office.schedule()
    office.wait(9)
    office.create()
    assert office.account.calls == ["send"]


def test_the_two_minutes_begin_when_the_try_ends(office: Office) -> None:
    """The lease of a *maybe sent* email ends two minutes after the try, however long it took."""
    photographer(office, "a@garbage.test")
    send = office.account.send_template

    def send_slowly(call: Any) -> Any:
        office.wait(8)
        return send(call)

    with patch.object(office.account, "send_template", send_slowly):
        office.create()
    assert office.item()["lease_until"] == office.item()["due"] == START + 8 + 120
    office.wait(119)
    office.create()
    office.schedule()
    assert office.account.calls == ["send"]


def test_after_a_failed_search_the_lease_ends_a_minute_later(office: Office) -> None:
    """If Mandrill cannot be asked, the next search is due one minute later, also for a caller."""
    unknown(office)
    office.wait(121)
    office.account.refusals = ["GeneralError"]
    assert office.create().body["data"]["email"]["status"] == "unknown"
    assert office.item()["lease_until"] == office.item()["due"] == START + 121 + 60
    office.wait(59)
    office.create()
    office.schedule()
    assert office.account.calls == ["send", "search"]
    office.wait(2)
    assert office.create().body["data"]["email"]["status"] == "sent"


@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_an_unknown_email_is_looked_up_first(office: Office, who: str) -> None:
    """After that Mandrill is asked; what it has is not sent again."""
    unknown(office)
    office.wait(121)
    if who == "caller":
        assert office.create().body["data"]["email"]["status"] == "sent"
    else:
        office.schedule()
    assert office.account.calls == ["send", "search"]
    assert settled(office)
    assert {one["status"] for one in office.item()["email_recipients"]} == {"sent"}


@pytest.mark.parametrize("state", ["rejected", "invalid"])
@pytest.mark.parametrize("who", ["caller", "schedule"])
def test_what_mandrill_does_not_have_is_sent(office: Office, who: str, state: str) -> None:
    """What the search does not find as accepted is sent; whom it finds is left alone."""
    unknown(office)
    photographer(office, PAT)
    found = {"a@garbage.test": state, BOOKER: "sent"}
    office.wait(121)
    with found_by_search(office, found):
        office.create() if who == "caller" else office.schedule()
    assert office.account.calls == ["send", "search", "send"]
    assert [to["email"] for to in office.account.heard[-1]["message"]["to"]] == [PAT]
    assert settled(office)


def test_an_address_corrected_in_doubt_is_not_mailed_twice(office: Office) -> None:
    """Who got the email at his old address does not get it at the corrected one as well."""
    unknown(office)
    photographer(office, MENDED)
    office.wait(121)
    assert office.create().body["data"]["email"]["status"] == "sent"
    assert office.mailed() == ["a@garbage.test", BOOKER]


def test_a_caller_need_not_wait_for_the_schedule(office: Office) -> None:
    """A doubtful email that the schedule will try much later is looked up on a caller's request."""
    photographer(office, "a@empty.test")
    office.create()
    for wait in (121, 241):
        office.wait(wait)
        office.schedule()
    assert office.item()["email_tries"] == 3
    office.wait(121)
    photographer(office, PAT)
    assert office.create().body["data"]["email"]["status"] == "sent"
    assert settled(office)


def tries(office: Office, minutes: int) -> list[int]:
    """Run the schedule every minute; return at which minutes Mandrill was called to send."""
    at = []
    for minute in range(1, minutes + 1):
        office.wait(MINUTE)
        before = office.account.calls.count("send")
        office.schedule()
        at += [minute] * (office.account.calls.count("send") - before)
    return at


def test_the_schedule_tries_after_1_4_15_and_60_minutes(office: Office) -> None:
    """A refused email is tried four times more, each after a longer pause, then given up."""
    photographer(office, "a@down.test")
    office.create()
    assert office.item()["due"] == START + 60
    assert tries(office, 79) == [1, 5, 20]
    assert office.item()["due"] == START + 80 * 60
    office.wait(MINUTE)
    assert office.schedule() == {"emails": 1, "notifications": 1, "searches": 0, "failed": 0}
    assert office.account.calls == ["send"] * 5
    assert tries(office, 70) == []
    item = office.item()
    assert (item["email_status"], item["email_tries"]) == ("failed", 5)
    assert settled(office)
    _, given_up = office.published()
    assert given_up.facts["status"] == "mandrill-email-failed"
    assert "given up after 5 tries: GeneralError" in given_up.facts["reason"]
    assert [one["email"] for one in given_up.facts["recipients"]] == ["a@down.test", BOOKER]
    assert office.count("EmailsGivenUp") == 1


def test_an_email_in_doubt_has_the_same_pauses(office: Office) -> None:
    """Where Mandrill never answers the tries do not run out sooner, and it is asked last."""
    photographer(office, "a@empty.test")
    office.create()
    assert tries(office, 90) == [2, 6, 21, 81]
    assert office.account.calls == ["send", *["search", "send"] * 4, "search"]
    assert settled(office)
    assert office.item()["email_status"] == "failed"
    assert "given up" in office.published()[-1].facts["reason"]


def test_an_email_in_doubt_that_one_recipient_has(office: Office) -> None:
    """If the last search finds the email of one recipient only, the email is partly sent."""
    photographer(office, "a@empty.test")
    office.create()
    tries(office, 82)
    with found_by_search(office, {BOOKER: "sent"}):
        assert tries(office, 8) == []
    item = office.item()
    assert (item["email_status"], item["email_tries"]) == ("partly-sent", 5)
    assert settled(office)


def test_callers_use_up_no_try(office: Office) -> None:
    """However often the caller comes back, the schedule keeps its four tries and their times."""
    photographer(office, "a@down.test")
    office.create()
    for _ in range(6):
        office.wait(5)
        office.create()
    assert office.item()["email_tries"] == 1
    office.wait(30)
    office.schedule()
    assert office.item()["email_tries"] == 2


def test_a_given_up_email_is_sent_on_request(office: Office) -> None:
    """Giving up ends the schedule's tries only: the caller's or a replay's request still sends."""
    photographer(office, "a@down.test")
    office.create()
    tries(office, 81)
    office.wait(3600)
    office.create()
    assert settled(office)
    photographer(office, PAT)
    line = office.lines("request")[0]
    handler.lambda_handler({"replay": line}, Context(29))
    assert sorted(office.mailed()) == [BOOKER, PAT]
    assert settled(office)


def test_a_refused_search_uses_up_no_try(office: Office) -> None:
    """As long as Mandrill cannot be asked the email stays owed, and no try is used up."""
    unknown(office)
    office.wait(61)
    for _ in range(4):
        office.account.refusals = ["RequestLimitExceeded"] * 3
        office.wait(MINUTE)
        office.schedule()
    item = office.item()
    assert (item["email_status"], item["email_tries"]) == ("unknown", 1)
    assert office.mailed() == ["a@garbage.test", BOOKER]
    assert office.account.calls.count("send") == 1
    office.account.refusals = []
    office.wait(MINUTE)
    office.schedule()
    assert settled(office)


def test_a_dead_sender_is_followed(office: Office) -> None:
    """An email whose sender died is looked up after its lease, and sent if it was not accepted."""
    with (
        patch.object(mandrill, "send", side_effect=SystemExit),
        pytest.raises(SystemExit),
    ):
        office.create()
    assert office.create().body["data"]["email"]["status"] == "pending"
    office.wait(121)
    office.schedule()
    assert office.account.calls == ["search", "send"]
    assert office.mailed() == [PAT, BOOKER]
    assert settled(office)


def owing(office: Office, number: int, *, in_doubt: bool) -> None:
    """Put so many emails that failed, or that are in doubt, spread over all shards."""
    photographer(office, "a@empty.test" if in_doubt else "a@down.test")
    for _ in range(number):
        office.create(uuid=str(uuid4()))
    photographer(office, PAT)
    office.account.calls.clear()


def test_searches_keep_within_mandrills_limit(office: Office) -> None:
    """One run asks Mandrill at most fifteen times; the next run goes on."""
    owing(office, 20, in_doubt=True)
    office.wait(121)
    assert office.schedule()["searches"] == 15
    assert office.account.calls.count("search") == 15
    office.wait(MINUTE)
    office.schedule()
    assert office.account.calls.count("search") == 20
    assert len(office.mailed()) == 40


def test_a_run_ends_in_time(office: Office) -> None:
    """Nothing is begun that might not be ended; what there is no time for stays owed."""
    owing(office, 3, in_doubt=False)
    office.wait(MINUTE)
    assert office.schedule(seconds=RESERVE + 8)["emails"] == 0
    assert office.account.calls == []
    assert office.schedule()["emails"] == 3


def test_a_batch_is_bounded(office: Office) -> None:
    """One run takes at most twenty-five items of each shard."""
    photographer(office, "a@down.test")
    for number in range(26):
        office.create(uuid=f"0{number:02}11111-1111-4111-8111-111111111111")
    photographer(office, PAT)
    office.wait(MINUTE)
    assert office.schedule()["emails"] == 25
    assert office.schedule()["emails"] == 1


def test_every_shard_is_taken_up(office: Office) -> None:
    """An item is found whatever digit its uuid begins with, under `0` to `7`."""
    photographer(office, "a@down.test")
    for digit in range(16):
        office.create(uuid=f"{digit:x}1111111-1111-4111-8111-111111111111")
    photographer(office, PAT)
    assert {item["owed"] for item in office.world.items()} == set("01234567")
    office.wait(MINUTE)
    assert office.schedule()["emails"] == 16
    assert not [item for item in office.world.items() if "owed" in item]


def test_a_broken_item_does_not_hold_up_the_others(office: Office) -> None:
    """An item that cannot be read is passed over, counted and logged."""
    owing(office, 3, in_doubt=False)
    table = boto3.resource("dynamodb").Table("appointments")
    broken = office.world.items()[0]["uuid"]
    table.update_item(
        Key={"uuid": broken},
        UpdateExpression="SET received_at = :never",
        ExpressionAttributeValues={":never": "never"},
    )
    office.wait(MINUTE)
    done = office.schedule()
    assert (done["emails"], done["failed"]) == (2, 1)
    assert [line["uuid"] for line in office.lines("owed, not taken up")] == [broken]


def test_two_schedules_at_once_send_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two runs at once one sends: the other's claim comes too late."""
    photographer(office, "a@down.test")
    office.create()
    photographer(office, PAT)
    office.wait(MINUTE)
    claim, nested = outbox.acquire_lease, list[bool]()

    def claim_after_another(*given: Any, **how: Any) -> bool:
        if not nested:
            nested.append(True)
            office.schedule()
        return claim(*given, **how)

    monkeypatch.setattr(outbox, "acquire_lease", claim_after_another)
    assert office.schedule() == {"emails": 0, "notifications": 0, "searches": 0, "failed": 0}
    assert office.mailed() == [PAT, BOOKER]
    assert settled(office)
