"""Section 8.5: what the end of a try decides, outcome by outcome, and when the next try is made."""

from typing import Any
from unittest.mock import patch

import boto3
import pytest

from appointments.email.state import ACCOUNT_REASONS, Outcome
from tests.support.email_harness import PAT, RESERVE, START, EmailHarness

BOOKER = "booker@planomatic.test"
MINUTE = 60
# What stands in the circuit breaker before a try, and after it.
BEFORE, COUNTED, RESET = 2, 3, 0


def says(harness: EmailHarness, **statuses: Any) -> Any:
    """Let Mandrill say this of the photographer (`pat`) and of the booker (`bo`).

    A pair is a status and a reject reason; of None nothing is said.
    """
    by_email = {PAT: statuses.get("pat", "sent"), BOOKER: statuses.get("bo", "sent")}

    def send(call: Any) -> Any:
        harness.account.calls.append("send")
        results = []
        for to in call["message"]["to"]:
            said = by_email[to["email"]]
            if said is not None:
                status, reason = (said, None) if isinstance(said, str) else said
                results.append(
                    {"email": to["email"], "status": status, "_id": "1", "reject_reason": reason}
                )
        return results

    return patch.object(harness.account, "send_template", send)


def check(harness: EmailHarness, *, maybe_sent: bool, used: int, failures: int) -> None:
    """Check what the last try decided."""
    item, circuit = harness.item(), harness.circuit()
    assert ("lease" in item) is maybe_sent
    assert item["email_tries"] == used
    assert circuit is not None
    assert circuit["failures"] == failures


@pytest.mark.parametrize(
    ("said", "used"),
    [
        *(
            (("rejected", reason), 1)
            for reason in ("hard-bounce", "soft-bounce", "spam", "unsub", "custom", "invalid")
        ),
        (("rejected", None), 1),
        (("rejected", "what Mandrill never said before"), 1),
        (("invalid", None), 1),
        (("what Mandrill never said before", None), 1),
        *((("rejected", reason), 0) for reason in sorted(ACCOUNT_REASONS)),
    ],
    ids=str,
)
def test_a_refused_recipient(harness: EmailHarness, said: Any, used: int) -> None:
    """An address that is refused uses up a try, the account does not; Mandrill is available."""
    harness.put_circuit(BEFORE)
    with says(harness, pat=said):
        answered = harness.create()
    check(harness, maybe_sent=False, used=used, failures=RESET)
    assert answered.body["data"]["email"]["status"] == "partly-sent"


def test_the_account_reasons_are_those_of_the_table() -> None:
    """Four reject reasons lie with Mandrill's account."""
    assert {"invalid-sender", "unsigned", "test-mode-limit", "rule"} == ACCOUNT_REASONS


@pytest.mark.parametrize(
    ("name", "used", "failures"),
    [
        ("ValidationError", 1, RESET),
        ("GeneralError", 0, COUNTED),
        ("Invalid_Key", 0, COUNTED),
        ("PaymentRequired", 0, COUNTED),
        ("Unknown_Template", 0, COUNTED),
        ("Unknown_Subaccount", 0, COUNTED),
        ("RequestLimitExceeded", 0, COUNTED),
        ("ServiceUnavailable", 0, COUNTED),
    ],
)
def test_a_named_error(harness: EmailHarness, name: str, used: int, failures: int) -> None:
    """Only ValidationError concerns this email; every other name means that Mandrill is away."""
    harness.put_circuit(BEFORE)
    harness.account.refusals = [name] * 3
    harness.create()
    check(harness, maybe_sent=False, used=used, failures=failures)
    if failures == COUNTED:
        assert harness.item()["email_reason"] == f"mandrill-unavailable ({name})"


@pytest.mark.parametrize("address", ["a@garbage.test", "a@empty.test"])
def test_a_response_without_a_meaning(harness: EmailHarness, address: str) -> None:
    """A response that cannot be read leaves the email maybe sent, and uses up no try."""
    harness.put_circuit(BEFORE)
    harness.aws.put_record("user#501", email=address)
    harness.create()
    check(harness, maybe_sent=True, used=0, failures=COUNTED)


def test_no_response_in_time(harness: EmailHarness) -> None:
    """No response after connecting leaves the email maybe sent, and uses up no try."""
    harness.put_circuit(BEFORE)
    harness.aws.put_record("user#501", email="a@slow.test")
    harness.create(seconds=RESERVE + 0.5)
    check(harness, maybe_sent=True, used=0, failures=COUNTED)


def test_nothing_about_a_recipient(harness: EmailHarness) -> None:
    """A recipient about whom the response says nothing may have the email."""
    harness.put_circuit(BEFORE)
    with says(harness, pat=None):
        harness.create()
    check(harness, maybe_sent=True, used=0, failures=COUNTED)


def test_no_address_is_in_the_circuit_breaker(harness: EmailHarness) -> None:
    """The breaker's reason is shown to other callers, so it names no recipient."""
    with says(harness, pat=None):
        harness.create()
    circuit = harness.circuit()
    assert circuit is not None
    assert circuit["reason"] == "mandrill-unavailable (nothing about a recipient)"


def test_no_key(harness: EmailHarness) -> None:
    """Without an API key the email is surely not sent, and Mandrill is unavailable."""
    harness.put_circuit(BEFORE)
    boto3.client("secretsmanager").delete_secret(
        SecretId="mandrill", ForceDeleteWithoutRecovery=True
    )
    harness.create()
    check(harness, maybe_sent=False, used=0, failures=COUNTED)


def test_no_time(harness: EmailHarness) -> None:
    """If no time is left, nothing is said of Mandrill, and the email is as it was."""
    harness.put_circuit(BEFORE)
    harness.create(seconds=RESERVE)
    check(harness, maybe_sent=False, used=0, failures=BEFORE)


def test_all_have_it(harness: EmailHarness) -> None:
    """An email that every recipient has says that Mandrill is available."""
    harness.put_circuit(BEFORE)
    harness.create()
    check(harness, maybe_sent=False, used=1, failures=RESET)


HARD, ACCOUNT = ("rejected", "hard-bounce"), ("rejected", "unsigned")


@pytest.mark.parametrize(
    ("pat", "bo", "maybe_sent", "used", "failures"),
    [
        (None, HARD, True, 0, COUNTED),
        (None, "sent", True, 0, COUNTED),
        (ACCOUNT, None, True, 0, COUNTED),
        (HARD, ACCOUNT, False, 1, RESET),
        (ACCOUNT, HARD, False, 1, RESET),
        (ACCOUNT, "sent", False, 0, RESET),
        ("sent", HARD, False, 1, RESET),
    ],
    ids=str,
)
def test_the_worst_of_the_recipients_decides(
    harness: EmailHarness, pat: Any, bo: Any, *, maybe_sent: bool, used: int, failures: int
) -> None:
    """Maybe sent is worse than refused; a try is used up if it is for any who is refused."""
    harness.put_circuit(BEFORE)
    with says(harness, pat=pat, bo=bo):
        harness.create()
    check(harness, maybe_sent=maybe_sent, used=used, failures=failures)


def test_unavailable_is_worse_than_refused() -> None:
    """The order of outcomes, worst first: maybe sent, unavailable, refused."""
    order = [Outcome.REFUSED, Outcome.UNAVAILABLE, Outcome.UNKNOWN]
    assert [Outcome.worst(order[: place + 1]) for place in range(3)] == order
    assert [Outcome.worst(order[place::-1]) for place in range(3)] == order


def pauses(harness: EmailHarness, number: int) -> list[int]:
    """Run the schedule as soon as something is due, so many times; return the minutes between."""
    waited: list[int] = []
    for _ in range(number):
        due = int(harness.item()["due"])
        waited.append((due - START - sum(waited) * MINUTE) // MINUTE)
        harness.wait(waited[-1] * MINUTE)
        harness.schedule()
    return waited


def test_the_pauses_of_tries_that_are_not_used_up(harness: EmailHarness) -> None:
    """The next try follows after 1, then 2, then every 3 minutes; no try is used up."""
    harness.aws.put_record("user#501", email="a@down.test")
    harness.create()
    assert pauses(harness, 5) == [1, 2, 3, 3, 3]
    assert harness.item()["email_tries"] == 0


def test_the_pauses_of_a_maybe_sent_email(harness: EmailHarness) -> None:
    """The next try of a maybe sent email is planned as ever, but two minutes later at least."""
    harness.aws.put_record("user#501", email="a@empty.test")
    harness.create()
    assert pauses(harness, 4) == [2, 2, 3, 3]


def test_the_account_has_a_pause_of_fifteen_minutes(harness: EmailHarness) -> None:
    """If a recipient was rejected because of the account, the next try follows in 15 minutes."""
    with says(harness, pat=ACCOUNT):
        harness.create()
        assert pauses(harness, 2) == [15, 15]
    assert harness.item()["email_tries"] == 0


def test_the_series_starts_again_after_a_used_up_try(harness: EmailHarness) -> None:
    """After a used-up try the pauses of tries that are not used up begin at one minute."""
    harness.aws.put_record("user#501", email="a@down.test")
    harness.create()
    pauses(harness, 2)
    harness.wait(3 * MINUTE)
    harness.aws.put_record("user#501", email="a@rejected.test")
    harness.schedule()
    now = START + 6 * MINUTE
    assert (harness.item()["due"], harness.item()["email_tries"]) == (now + MINUTE, 1)
    harness.aws.put_record("user#501", email="a@down.test")
    harness.wait(MINUTE)
    harness.schedule()
    assert harness.item()["due"] == now + 2 * MINUTE
    assert harness.item()["email_unused"] == 1
