"""Section 8.7: for how long an email is tried, and how it is given up."""

from unittest.mock import patch

import pytest

from appointments.email import mandrill
from tests.support.email_harness import PAT, START, UUID, EmailHarness
from tests.support.fake_aws import Response

DAY = 24 * 3600
LIMIT = 3 * DAY


def give_up(harness: EmailHarness) -> None:
    """Create an appointment whose email is given up: 72 hours later it still fails."""
    harness.aws.put_record("user#501", email="a@down.test")
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.schedule()


def retry(harness: EmailHarness) -> Response:
    """Send the caller's request again, with a session that has not ended."""
    harness.renew_session("no-address-token")
    return harness.create(token="no-address-token")


def is_given_up(harness: EmailHarness) -> bool:
    """Whether the schedule has left the email for good."""
    item = harness.item()
    return item["email_tries"] == 5 and not {"owed", "due", "email_due"} & set(item)


def test_until_the_limit_it_is_tried(harness: EmailHarness) -> None:
    """A try at the limit itself that fails gives nothing up."""
    harness.aws.put_record("user#501", email="a@down.test")
    harness.create(token="no-address-token")
    harness.wait(LIMIT)
    harness.schedule()
    assert harness.item()["due"] == START + LIMIT + 120
    assert not is_given_up(harness)


@pytest.mark.parametrize("address", ["a@down.test", "a@rejected.test", "a@busy.test"])
def test_after_the_limit_it_is_given_up(harness: EmailHarness, address: str) -> None:
    """A try after the limit that fails gives the email up, whatever its outcome."""
    harness.aws.put_record("user#501", email=address)
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.schedule()
    assert is_given_up(harness)
    assert "lease" not in harness.item()
    assert harness.count("EmailsGivenUp") == 1
    assert harness.published()[-1].facts["reason"].startswith("the email was given up: ")
    assert harness.published()[-1].facts["recovery"].startswith("Nothing any more")


def test_after_the_limit_it_may_still_succeed(harness: EmailHarness) -> None:
    """A try after the limit that succeeds settles the email."""
    harness.aws.put_record("user#501", email="a@down.test")
    harness.create(token="no-address-token")
    harness.aws.put_record("user#501", email=PAT)
    harness.wait(LIMIT + 1)
    harness.schedule()
    assert harness.item()["email_status"] == "sent"
    assert harness.mailed() == [PAT]


def test_two_items_are_given_up_under_two_ids(harness: EmailHarness) -> None:
    """The notification's id is made of the uuid and the time of giving up."""
    give_up(harness)
    harness.aws.put_record("user#501", email="a@empty.test")
    harness.replay()
    harness.aws.put_record("user#501", email=PAT)
    harness.wait(121)
    harness.schedule()
    ids = [one.facts["notification_id"] for one in harness.published() if "given" in one.subject]
    assert len(set(ids)) == len(ids) == 2


@pytest.mark.parametrize("refusal", ["GeneralError", "RequestLimitExceeded", None])
def test_a_search_after_the_limit_gives_up(harness: EmailHarness, refusal: str | None) -> None:
    """A search after the limit that fails, or lists no recipient, gives a maybe sent email up."""
    harness.aws.put_record("user#501", email="a@empty.test")
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.account.calls.clear()
    harness.account.refusals = [refusal] if refusal else []
    harness.schedule()
    assert harness.account.calls == ["search"]
    assert is_given_up(harness)
    assert harness.count("EmailsGivenUp") == 1


def test_a_lease_stays_if_nothing_is_known(harness: EmailHarness) -> None:
    """An email that was given up after a search that failed is searched for first by a retry."""
    harness.aws.put_record("user#501", email="a@empty.test")
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert is_given_up(harness)
    assert "lease" in harness.item()
    harness.account.calls.clear()
    harness.aws.put_record("user#501", email=PAT)
    harness.wait(121)
    assert retry(harness).status == "action-successful"
    assert harness.account.calls == ["search", "send"]


def test_a_search_after_the_limit_may_settle(harness: EmailHarness) -> None:
    """A search after the limit that lists every recipient settles the email."""
    harness.aws.put_record("user#501", email="a@garbage.test")
    harness.create(token="no-address-token")
    harness.wait(LIMIT + 1)
    harness.schedule()
    assert harness.item()["email_status"] == "sent"


def test_a_failed_retry_leaves_it_given_up(harness: EmailHarness) -> None:
    """A retry that fails for an email that was given up changes nothing about that."""
    give_up(harness)
    assert retry(harness).status == "mandrill-email-failed"
    assert is_given_up(harness)
    harness.wait(DAY)
    assert harness.schedule()["emails"] == 0


def test_a_maybe_sent_retry_is_searched_for(harness: EmailHarness) -> None:
    """If a retry of what was given up ends maybe sent, the schedule searches, and settles it."""
    give_up(harness)
    harness.aws.put_record("user#501", email="a@garbage.test")
    retry(harness)
    item = harness.item()
    assert item["retried_at"] == START + LIMIT + 1
    assert item["due"] == START + LIMIT + 1 + 120
    harness.wait(120)
    harness.schedule()
    assert harness.item()["email_status"] == "sent"
    assert harness.mailed() == ["a@garbage.test"]


def test_what_a_search_does_not_find_is_given_up_again(harness: EmailHarness) -> None:
    """If that search does not find the email, it is given up at once, without another try."""
    give_up(harness)
    harness.aws.put_record("user#501", email="a@empty.test")
    retry(harness)
    harness.account.calls.clear()
    harness.aws.put_record("user#501", email=PAT)
    harness.wait(120)
    harness.schedule()
    assert harness.account.calls == ["search"]
    assert is_given_up(harness)
    assert "lease" not in harness.item()
    assert harness.count("EmailsGivenUp") == 2


def test_the_limit_then_counts_from_the_retry(harness: EmailHarness) -> None:
    """Searches that fail go on until 72 hours after the last retry of what was given up."""
    give_up(harness)
    harness.aws.put_record("user#501", email="a@empty.test")
    retry(harness)
    harness.wait(LIMIT)
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert not is_given_up(harness)
    retry(harness)
    harness.wait(LIMIT)
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert not is_given_up(harness)
    harness.wait(1)
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert is_given_up(harness)


def test_a_sender_that_died_in_a_retry_is_followed(harness: EmailHarness) -> None:
    """If a retry of what was given up dies, the schedule searches for its email."""
    give_up(harness)
    with patch.object(mandrill, "send", side_effect=SystemExit), pytest.raises(SystemExit):
        retry(harness)
    harness.account.calls.clear()
    harness.wait(120)
    harness.schedule()
    assert harness.account.calls == ["search"]
    assert is_given_up(harness)


def test_a_sender_that_died_used_up_no_try(harness: EmailHarness) -> None:
    """Tries are counted when they are marked."""
    with patch.object(mandrill, "send", side_effect=SystemExit), pytest.raises(SystemExit):
        harness.create()
    assert harness.item()["email_tries"] == 0


def test_a_replay_does_not_move_the_beginning(harness: EmailHarness) -> None:
    """The limit counts from the write of the item, never from a replay's `received_at`."""
    harness.create()
    [logged] = harness.lines("request")
    uuid = UUID.replace("7d", "8d")
    logged |= {"request_id": "req-9", "received_at": "2027-01-10T08:00:00.000Z"}
    logged["params"] |= {"uuid": uuid, "photographer_user_id": 502}
    harness.handle({"replay": logged})
    assert harness.item_of(uuid)["owed_since"] == START


@pytest.mark.parametrize(("tries", "given_up"), [(0, False), (4, False)])
def test_an_item_of_an_older_version_without_a_beginning(
    harness: EmailHarness, tries: int, *, given_up: bool
) -> None:
    """For an item with only `owed` and `due`, `due` and `received_at` count."""
    harness.put_overdue(1, email_due=None, owed_since=None, email_unused=None, email_tries=tries)
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    item = harness.item()
    assert item["email_due"] == item["due"] == START + 60
    assert (item["email_tries"] == 5) is given_up
    assert item["owed_since"] == START - 3600  # as received


def test_an_item_of_an_older_version_after_the_limit(harness: EmailHarness) -> None:
    """For an item without `owed_since`, the limit counts from `received_at`."""
    harness.put_overdue(1, email_due=None, owed_since=None, received_at="2027-01-12T07:59:59.000Z")
    harness.account.refusals = ["GeneralError"]
    harness.schedule()
    assert is_given_up(harness)


def test_a_pending_notification_of_an_older_version(harness: EmailHarness) -> None:
    """A notification without `notify_due` is published when `due` has come."""
    give_up(harness)
    notification = harness.published()[-1].message["sqs"]
    harness.put_overdue(
        1,
        email_due=None,
        owed_since=None,
        email_unused=None,
        email_status="sent",
        notifications={notification},
    )
    assert harness.schedule()["notifications"] == 1
    left = harness.item_of("00000000-1111-4111-8111-111111111111")
    assert not {"owed", "due", "notifications"} & set(left)
