"""The outbox's conditional updates, case by case, as every engine of DynamoDB must take them.

The mocks take an update that DynamoDB refuses, for example of a missing attribute. So the same
cases run on the mocks and on the local stack's engine.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import pytest
from pynamodb.exceptions import UpdateError

from appointments.email import expiry, outbox
from appointments.email.retries import NextTry
from appointments.email.state import EmailState, Outcome
from appointments.settings import SETTINGS
from appointments.tables.appointments import Appointment

NOW: Final = 1_800_000_000
UUID: Final = "7d1f6f0e-0c5a-4c57-9a3e-5a0f6d9b2c11"  # in shard 7
SENT: Final = [{"email": "pat@planomatic.test", "roles": ["photographer"], "status": "sent"}]
_BARE: Final[dict[str, Any]] = {
    "uuid": UUID,
    "request_id": "req-1",
    "received_at": "2027-01-15T08:00:00.000Z",
    "role": "client",
    "owner": "user#45",
    "fingerprint": "f",
    "attempt": "first",
    "email_status": "failed",
}
_INDEXED: Final = {"owed": "7", "due": NOW, "email_due": NOW, "owed_since": NOW - 60}
_OLD: Final = {"owed": "7", "due": NOW}  # as versions before 0.3.0 wrote it
_LEASED: Final = {"lease": "a", "lease_until": NOW + 120, **_INDEXED}
_CLAIMED: Final = {
    "email_status": "pending",
    "lease": "b",
    "lease_until": NOW + 120,
    "owed": "7",
    "due": NOW + 120,
    "email_due": NOW + 120,
}

Operation = Callable[[Appointment], Any]


@dataclass(frozen=True)
class Case:
    """What is stored, what the sender had read of it, what it does, and what is stored then.

    `read` and `after` say only what differs from `stored`; None stands for a missing attribute.
    """

    name: str
    operation: Operation
    returns: Any = None
    stored: Mapping[str, Any] = field(default_factory=dict)
    read: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the case in pytest's output."""
        return self.name

    def check(self, table: Any) -> None:
        """Put the item, do it, and compare what lies in the table."""
        stored = {**_BARE, **self.stored}
        table.put_item(Item=stored)
        read = {name: value for name, value in {**stored, **self.read}.items() if value is not None}
        try:
            assert self.operation(Appointment.from_values(read)) == self.returns
            expected = {
                name: value for name, value in {**stored, **self.after}.items() if value is not None
            }
            assert table.scan(ConsistentRead=True)["Items"] == [expected]
        finally:
            table.delete_item(Key={"uuid": UUID})


def _claim(item: Appointment) -> bool:
    return outbox.acquire_lease(item, "b", NOW)


def _mark(item: Appointment, **how: Any) -> bool:
    given: dict[str, Any] = {"status": "sent", "reason": None, "outcome": Outcome.SETTLED}
    given |= {"tries": 2, "uncounted": 0, "due": None, "notification": None} | how
    state = replace(
        EmailState.from_item(given["status"], SENT, given["reason"]), outcome=given["outcome"]
    )
    next_try = NextTry(given["tries"], given["uncounted"], given["due"])
    return outbox.save_result(item, "a", state, next_try, NOW, notification=given["notification"])


def _owe(item: Appointment) -> None:
    outbox.add_pending_notification(item.uuid, "n", NOW + 0.5)


def _publish(item: Appointment, published: str = "") -> None:
    outbox.save_published(item, set(published), NOW)


_publish_all: Final = partial(_publish, published="n")


def _expire(operation: Operation, item: Appointment) -> Any:
    """Do it with a retention of 30 days, so that appointments expire."""
    settings = replace(SETTINGS, appointment_retention_days=30)
    with patch.object(expiry, "SETTINGS", settings):
        return operation(item)


def _move_expiry(item: Appointment) -> None:
    outbox.move_expiry(item, NOW)


_EXPIRES: Final = {"ttl": NOW + 37 * 24 * 3600}
_ERASED: Final = {"forgotten_at": "2027-01-15T08:00:00.000Z", "fingerprint": "-"}

_SETTLED: Final = {
    "email_status": "sent",
    "email_recipients": SENT,
    "email_tries": 2,
    "email_unused": 0,
    "email_reason": None,
    **dict.fromkeys(("lease", "lease_until", "owed", "due", "email_due")),
}
_FAILED: Final = {
    "email_status": "failed",
    "email_recipients": SENT,
    "email_tries": 2,
    "email_unused": 0,
    "email_reason": "r",
    "lease": None,
    "lease_until": None,
    "due": NOW + 60,
    "email_due": NOW + 60,
}
_UNKNOWN: Final = {
    "email_status": "unknown",
    "email_recipients": SENT,
    "email_tries": 0,
    "email_unused": 1,
    "lease_until": NOW + 120,
    "due": NOW + 130,
    "email_due": NOW + 130,
}
_fail: Final = partial(_mark, status="failed", reason="r", due=NOW + 60, outcome=Outcome.REFUSED)
_doubt: Final = partial(
    _mark, status="unknown", due=NOW + 130, tries=0, uncounted=1, outcome=Outcome.UNKNOWN
)
_PENDING: Final = {"notifications": {"n"}, "notify_due": NOW, "owed": "7", "due": NOW}
_SENT_PENDING: Final = {"email_status": "sent", **_PENDING}

CASES: Final = [
    # Who takes the lease.
    Case("claim", _claim, True, _INDEXED | {"email_tries": 1}, {}, _CLAIMED),
    Case("claim what an older version wrote", _claim, True, _OLD | {"email_tries": 1}, {},
         _CLAIMED),
    Case("claim what has neither tries nor times", _claim, True, {}, {}, _CLAIMED),
    Case("claim what was given up", _claim, True, {"email_tries": 5}, {},
         _CLAIMED | {"retried_at": NOW}),
    Case("claim with a notification that is due first", _claim, True, _INDEXED | _PENDING, {},
         _CLAIMED | {"due": NOW}),
    Case("claim after a lease that ended", _claim, True, _LEASED | {"email_tries": 1}, {},
         _CLAIMED),
    Case("claim what another has leased since", _claim, False, _LEASED,
         {"lease": None, "lease_until": None}),
    Case("claim what another has given back since", _claim, False, _INDEXED, {"lease": "a"}),
    Case("claim what got a time since", _claim, False, _INDEXED, {"due": None}),
    Case("claim what lost its time since", _claim, False, {}, {"due": NOW}),
    Case("claim what was settled since", _claim, False, {"email_status": "sent"},
         {"email_status": "failed"}),
    Case("claim once more what the lost response was about", _claim, True, _CLAIMED, _INDEXED),
    # Who marks.
    Case("mark as sent", _mark, True, _LEASED | {"email_reason": "r", "put_off": 900}, {},
         _SETTLED | {"put_off": None}),
    Case("mark as sent what had no reason", _mark, True, _LEASED, {}, _SETTLED),
    Case("mark as sent what an older version wrote", _mark, True,
         _OLD | {"lease": "a", "lease_until": NOW + 120}, {}, _SETTLED | {"owed_since": NOW}),
    Case("mark as sent while a notification is pending", _mark, True, _LEASED | _PENDING, {},
         _SETTLED | _PENDING),
    Case("mark as sent when a notification became pending since", _mark, True, _LEASED | _PENDING,
         {"notifications": None, "notify_due": None}, _SETTLED | _PENDING),
    Case("mark as failed", _fail, True, _LEASED, {}, _FAILED),
    Case("mark as maybe sent", _doubt, True, _LEASED | {"searched_at": NOW}, {},
         _UNKNOWN | {"searched_at": None}),
    Case("mark as partly found", partial(_doubt, outcome=Outcome.PARTLY_FOUND), True, _LEASED, {},
         _UNKNOWN | {"searched_at": NOW}),
    Case("mark as not searched", partial(_doubt, outcome=Outcome.NOT_SEARCHED), True,
         _LEASED | {"searched_at": NOW - 60}, {}, _UNKNOWN),
    Case("mark with a first notification", partial(_fail, notification="n"), True, _LEASED, {},
         _FAILED | _PENDING),
    Case("mark with one more notification", partial(_fail, notification="n"), True,
         _LEASED | {"notifications": {"m"}, "notify_due": NOW + 60}, {},
         _FAILED | _PENDING | {"notifications": {"m", "n"}}),
    Case("mark after the lease was lost", _mark, False, _LEASED | {"lease": "b"}),
    Case("mark after the lease was renewed", _mark, False, _LEASED | {"lease_until": NOW + 200},
         {"lease_until": NOW - 1}),
    Case("mark as failed after the lease was lost", _fail, False, _LEASED | {"lease": "b"}),
    Case("mark without a lease", _mark, False, _INDEXED),
    # When an item expires.
    Case("mark as sent what expires", partial(_expire, _mark), True, _LEASED, {},
         _SETTLED | _EXPIRES),
    Case("mark as failed what expires", partial(_expire, _fail), True, _LEASED | {"ttl": 1}, {},
         _FAILED | {"ttl": None}),
    Case("claim what expires", partial(_expire, _claim), True, {"email_tries": 5, "ttl": 1}, {},
         _CLAIMED | {"retried_at": NOW, "ttl": None}),
    Case("repeat what is settled", partial(_expire, _move_expiry), None, {"ttl": 1}, {}, _EXPIRES),
    Case("repeat what does not expire yet", partial(_expire, _move_expiry), None, {}, {}, _EXPIRES),
    Case("repeat what does not expire any more", _move_expiry, None, {"ttl": 1}, {},
         {"ttl": None}),
    Case("repeat what was leased since", partial(_expire, _move_expiry), None, _LEASED,
         {"lease": None, "lease_until": None}),
    Case("repeat what was erased since", partial(_expire, _move_expiry), None, _ERASED,
         {"fingerprint": "f"}),
    # A notification that is pending, and then is not.
    Case("owe what is not in the index", _owe, None, {}, {}, _PENDING),
    Case("owe what is in the index", _owe, None, _INDEXED | {"due": NOW + 60}, {}, _PENDING),
    Case("owe one more", _owe, None, _INDEXED | {"notifications": {"m"}}, {},
         _PENDING | {"notifications": {"m", "n"}}),
    Case("publish the last", _publish_all, None,
         _SENT_PENDING | {"notify_unused": 2, "put_off": 900}, {},
         dict.fromkeys(("notifications", "notify_due", "notify_unused", "put_off", "owed", "due"))),
    Case("publish the last of what is scheduled", _publish_all, None,
         _INDEXED | _PENDING | {"email_due": NOW + 60}, {},
         {"notifications": None, "notify_due": None, "due": NOW + 60}),
    Case("publish one of two", _publish_all, None, _SENT_PENDING | {"notifications": {"m", "n"}},
         {}, {"notifications": {"m"}, "notify_unused": 1, "notify_due": NOW + 60, "due": NOW + 60}),
    Case("publish none for the third time", _publish, None, _SENT_PENDING | {"notify_unused": 2},
         {}, {"notify_unused": 3, "notify_due": NOW + 180, "due": NOW + 180}),
    Case("publish while another one became pending", _publish_all, None,
         _SENT_PENDING | {"notifications": {"m", "n"}}, {"notifications": {"n"}},
         {"notifications": {"m"}}),
    Case("publish while the email was leased", _publish_all, None,
         _LEASED | _PENDING | {"notifications": {"m", "n"}}, {"lease": None},
         {"notifications": {"m"}}),
    # Out of the index.
    Case("leave", _publish, None, _OLD | {"email_status": "sent"}, {},
         {"owed": None, "due": None}),
    Case("leave what got a notification since", _publish, None, _SENT_PENDING,
         {"notifications": None}),
    Case("leave what was leased since", _publish, None, _LEASED | {"email_status": "sent"},
         {"lease": None}),
]  # fmt: skip


# What is done to an item that no longer exists, and whether it raises.
WITHOUT_ITEM: Final[list[tuple[Operation, bool]]] = [
    (_owe, True),
    (_publish, False),
    (_publish_all, False),
    (_claim, True),
    (_mark, True),
    (partial(_expire, _move_expiry), False),
]


def check_without_item(table: Any, operation: Operation, *, raises: bool) -> None:
    """Check that an update makes no item where none is."""
    gone = Appointment.from_values(_BARE | {"email_status": "sent", "owed": "7"})
    with pytest.raises((UpdateError, Appointment.DoesNotExist)) if raises else nullcontext():
        operation(gone)
    assert table.scan(ConsistentRead=True)["Items"] == []
