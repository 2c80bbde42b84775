"""While a deployment shifts traffic, this version and the older one process the same items.

The older version is not at hand. So these tests state what 0.2.0 reads of an item, and play what it
writes into an item of today's form: it reads only the attributes in `_KNOWN`.
"""

import json
from collections import Counter
from typing import Any, Final

import pytest

from appointments.tables.keys import SHARDS
from appointments_operator.erasure import Erasure
from tests.support.environment import reset_environment
from tests.support.fake_aws import FakeAws
from tests.upgrades.forms import ADDRESSES, FORMS, SCHEDULE, failed, make_due
from tests.upgrades.test_upgrades import items
from tools.mandrill_sandbox.account import Account

# What 0.2.0 reads of the email, and the types that it requires.
_KNOWN: Final = {
    "email_status": "S",
    "email_reason": "S",
    "email_recipients": "L",
    "email_tries": "N",
    "lease": "S",
    "lease_until": "N",
    "notifications": "SS",
    "owed": "S",
    "due": "N",
}
_STATUSES: Final = {"sent", "partly-sent", "failed", "unknown", "pending", "skipped"}
_FINAL: Final = {"sent", "skipped"}
_MAX_TRIES: Final = 5


@pytest.fixture(autouse=True)
def account(aws: FakeAws, mandrill: Account) -> Account:
    """Return Mandrill's account, after the photographers of the forms were put."""
    for record, address in ADDRESSES.items():
        aws.put_record(record, email=address)
    return mandrill


@pytest.mark.parametrize("form", FORMS)
def test_the_older_version_can_process_what_this_one_writes(aws: FakeAws, form: str) -> None:
    """It finds the item in the index, reads its states, and sends what this version would send."""
    FORMS[form](aws)
    (raw,) = items()
    for name, kind in _KNOWN.items():
        assert name not in raw or set(raw[name]) == {kind}, name
    item = aws.item()
    assert item["email_status"] in _STATUSES
    # A lease has its end: without one the older version would take it for a dead sender's.
    assert ("lease" in item) == ("lease_until" in item)
    assert item.get("email_tries", 0) <= _MAX_TRIES
    is_to_be_sent = item["email_status"] not in _FINAL and (
        "lease" in item or item.get("email_tries", 0) < _MAX_TRIES
    )
    # It looks for an item by these two, and takes it out if neither part is pending.
    is_pending = is_to_be_sent or bool(item.get("notifications"))
    assert ("owed" in item) == ("due" in item) == is_pending
    if is_pending:
        assert item["owed"] == SHARDS[int(item["uuid"][0], 16) % len(SHARDS)]
        planned = [item[name] for name in ("email_due", "notify_due") if name in item]
        assert item["due"] == min(planned)
    for notification in item.get("notifications", ()):
        assert {"notification_id", "status", "reason", "recipients"} <= set(
            json.loads(notification)
        )


def test_the_older_version_refuses_what_was_erased(aws: FakeAws) -> None:
    """It takes the item for another appointment's with nothing to send, and looks at no more."""
    FORMS["given_up"](aws)
    written = aws.item()
    erasure = Erasure(written["uuid"], written)
    erasure.run(aws.dynamodb.Table("appointments"))
    (raw,) = items()
    assert {name: set(value) for name, value in raw.items() if name in _KNOWN} == {
        "email_status": {_KNOWN["email_status"]}
    }
    item = aws.item()
    assert item["email_status"] in _FINAL
    # It compares both with those of a request: neither is ever equal.
    assert (item["fingerprint"], item.get("owner")) == ("-", None)
    assert len(written["fingerprint"]) == 64


# How the older version leaves an item: it moves `due`, and not `email_due` or `notify_due`.
_WRITES: Final[dict[str, tuple[str, dict[str, Any], bool]]] = {
    "died while sending": (
        (
            "SET email_status = :status, email_tries = email_tries + :one, #lease = :lease,"
            " lease_until = :past, due = :past"
        ),
        {":status": "pending", ":one": 1, ":lease": "older", ":past": 1},
        True,
    ),
    "failed": (
        "SET email_status = :status, email_tries = :tries, due = :past REMOVE #lease, lease_until",
        {":status": "failed", ":tries": 2, ":past": 1},
        True,
    ),
    "sent": (
        "SET email_status = :status REMOVE #lease, lease_until, owed, due",
        {":status": "sent"},
        False,
    ),
    "given up": (
        "SET email_status = :status, email_tries = :tries REMOVE #lease, lease_until, owed, due",
        {":status": "failed", ":tries": _MAX_TRIES},
        False,
    ),
}


@pytest.mark.parametrize("written", _WRITES)
def test_this_version_continues_what_the_older_one_did(
    aws: FakeAws, account: Account, written: str
) -> None:
    """What the older version tried is sent once if it is pending, and not at all if it is not."""
    failed(aws)
    aws.put_record("user#601", email="dee@planomatic.test")
    update, values, is_sent = _WRITES[written]
    _update(aws, update, values)
    make_due(aws)
    for _ in range(2):
        aws.invoke(SCHEDULE)
    mailed = Counter(to["email"] for mail in account.accepted_mail() for to in mail["to"])
    assert mailed == ({"dee@planomatic.test": 1} if is_sent else {})
    assert not {"owed", "due", "lease"} & set(aws.item())


def test_this_version_publishes_what_the_older_one_left(aws: FakeAws) -> None:
    """A notification that the older version left with a settled email is published, and once."""
    FORMS["unpublished"](aws)
    (notification,) = aws.item()["notifications"]
    _update(
        aws,
        "SET email_status = :status, due = :past REMOVE email_due, notify_due, #lease",
        {":status": "sent", ":past": 1},
    )
    reset_environment()  # so that the failed publish pauses no other
    before = len(aws.facts())
    for _ in range(2):
        aws.invoke(SCHEDULE)
    found = [json.loads(notification)["notification_id"]]
    assert [each["notification_id"] for each in aws.facts()[before:]] == found
    assert not {"owed", "due", "notifications"} & set(aws.item())


def _update(aws: FakeAws, update: str, values: dict[str, Any]) -> None:
    """Change the item as an older version does."""
    aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": aws.item()["uuid"]},
        UpdateExpression=update,
        ExpressionAttributeNames={"#lease": "lease"},
        ExpressionAttributeValues=values,
    )
