"""Section 7.3: an appointment expires some time after its email was settled or given up."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from pynamodb.exceptions import UpdateError

from appointments.email import expiry, outbox
from appointments.settings import SETTINGS, Settings
from tests.support.email_harness import PAT, START, EmailHarness

DAY = 24 * 3600
KEPT = (365 + expiry.MARGIN_DAYS) * DAY
LIMIT = 3 * DAY


@pytest.fixture
def kept_for_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a retention, so that appointments expire."""
    settings = replace(SETTINGS, appointment_retention_days=365)
    monkeypatch.setattr(expiry, "SETTINGS", settings)


@pytest.mark.parametrize(("value", "days"), [(None, 0), ("", 0), ("0", 0), ("365", 365)])
def test_the_retention_is_a_variable(
    monkeypatch: pytest.MonkeyPatch, value: str | None, days: int
) -> None:
    """APPOINTMENT_RETENTION_DAYS is optional; its default is 0, for ever."""
    monkeypatch.delenv("APPOINTMENT_RETENTION_DAYS", raising=False)
    if value is not None:
        monkeypatch.setenv("APPOINTMENT_RETENTION_DAYS", value)
    assert Settings.read().appointment_retention_days == days


def fail(harness: EmailHarness) -> None:
    """Put an address into the photographer's record at which Mandrill does not respond."""
    harness.aws.put_record("user#501", email="a@down.test")


def give_up(harness: EmailHarness) -> None:
    """Create an appointment whose email is given up."""
    fail(harness)
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.schedule()
    assert harness.item()["email_tries"] == 5


def retry(harness: EmailHarness) -> str:
    """Send the caller's request again, with a session that has not ended."""
    harness.renew_session("no-address-token")
    return harness.create(token="no-address-token").status


def test_by_default_nothing_expires(harness: EmailHarness) -> None:
    """Without the variable no item has a time of expiry, whatever became of its email."""
    harness.create()
    assert "ttl" not in harness.item()
    retry(harness)
    assert "ttl" not in harness.item()


@pytest.mark.usefixtures("kept_for_a_year")
class TestWithARetention:
    """What expires, and when."""

    def test_a_sent_email(self, harness: EmailHarness) -> None:
        """An item whose email is sent expires a year and a week later."""
        harness.create()
        assert harness.item()["ttl"] == START + KEPT

    def test_no_recipient(self, harness: EmailHarness) -> None:
        """An item without a recipient is settled when it is written."""
        harness.create(token="no-address-token", photographer_user_id=503)
        assert harness.item()["email_status"] == "skipped"
        assert harness.item()["ttl"] == START + KEPT

    def test_a_pending_email(self, harness: EmailHarness) -> None:
        """While its email is pending, an item does not expire, from the write on."""
        fail(harness)
        with patch.object(outbox, "save_result", return_value=False):
            harness.create(token="no-address-token")
        assert "ttl" not in harness.item()
        harness.wait(121)
        harness.schedule()
        assert harness.item()["email_status"] in ("failed", "unknown")
        assert "ttl" not in harness.item()

    def test_an_open_breaker(self, harness: EmailHarness) -> None:
        """An item that is written while the circuit breaker is open does not expire yet."""
        harness.put_circuit(5, 210)
        harness.create(token="no-address-token")
        assert "ttl" not in harness.item()

    def test_an_email_that_was_given_up(self, harness: EmailHarness) -> None:
        """An item whose email was given up expires too."""
        give_up(harness)
        assert harness.item()["ttl"] == START + LIMIT + 1 + KEPT

    @pytest.mark.parametrize("by", ["retry", "replay", "settle"])
    def test_a_repeat_moves_it(self, harness: EmailHarness, by: str) -> None:
        """A repeat of a settled request leaves all of the item but the time of expiry."""
        harness.create(token="no-address-token")
        before = harness.item()
        harness.wait(DAY)
        repeat(harness, by)
        assert harness.item() == {**before, "ttl": START + DAY + KEPT}

    @pytest.mark.parametrize("by", ["retry", "replay", "settle"])
    @pytest.mark.parametrize("address", [PAT, "a@rejected.test", "a@down.test"])
    def test_a_repeat_of_what_was_given_up(
        self, harness: EmailHarness, by: str, address: str
    ) -> None:
        """However a repeat of an email that was given up ends, the item expires later."""
        give_up(harness)
        harness.aws.put_record("user#501", email=address)
        harness.wait(DAY)
        repeat(harness, by)
        assert harness.item()["ttl"] == START + LIMIT + 1 + DAY + KEPT

    def test_a_repeat_that_is_pending_again(self, harness: EmailHarness) -> None:
        """A repeat of what was given up that ends maybe sent takes the time of expiry away."""
        give_up(harness)
        harness.aws.put_record("user#501", email="a@empty.test")
        retry(harness)
        assert "owed" in harness.item()
        assert "ttl" not in harness.item()

    def test_a_sender_that_dies(self, harness: EmailHarness) -> None:
        """From the moment that a repeat has the lease, the item does not expire."""
        give_up(harness)
        with patch.object(outbox, "save_result", return_value=False):
            retry(harness)
        assert "ttl" not in harness.item()

    def test_a_repeat_while_the_breaker_is_open(self, harness: EmailHarness) -> None:
        """A repeat that may not call Mandrill moves the time of expiry, and nothing else."""
        give_up(harness)
        harness.put_circuit(5, 210)
        before = harness.item()
        harness.wait(60)
        assert retry(harness) == "mandrill-email-failed"
        assert harness.item() == {**before, "ttl": before["ttl"] + 60}

    def test_a_repeat_of_a_pending_email(self, harness: EmailHarness) -> None:
        """A repeat that finds another sender at work sets no time of expiry."""
        with patch.object(outbox, "save_result", return_value=False):
            harness.create(token="no-address-token")
        before = harness.item()
        retry(harness)
        assert harness.item() == before
        assert "ttl" not in before

    @pytest.mark.parametrize("fault", [UpdateError("throttled"), None])
    def test_what_cannot_be_moved(self, harness: EmailHarness, fault: Any) -> None:
        """If the time of expiry cannot be moved, the response stays, and the log says so."""
        harness.create(token="no-address-token")
        harness.wait(60)
        hang = harness.clock.sleep
        with patch.object(outbox, "_update", side_effect=fault or (lambda *_: hang(29))):
            assert retry(harness) == "action-successful"
        assert len(harness.lines("expiry not moved")) == 1

    def test_a_conflict_moves_nothing(self, harness: EmailHarness) -> None:
        """A request with another content leaves the appointment as it is."""
        harness.create(token="no-address-token")
        before = harness.item()
        harness.wait(DAY)
        harness.renew_session("no-address-token")
        answered = harness.create(token="no-address-token", order_id=1001)
        assert answered.status == "invalid-param"
        assert harness.item() == before


def repeat(harness: EmailHarness, by: str) -> None:
    """Retry as a caller does, or replay or settle as an operator does."""
    if by == "retry":
        retry(harness)
    elif by == "replay":
        harness.renew_session("no-address-token")
        harness.replay()
    else:
        harness.settle(harness.item()["uuid"])
