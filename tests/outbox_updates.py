"""The outbox's conditional updates, case by case, as every engine of DynamoDB must take them.

The mocks take an update that DynamoDB refuses, for example of a missing attribute. So the same
cases run on the mocks and on the local stack's engine.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pytest
from pynamodb.exceptions import UpdateError

from appointments.email import outbox
from appointments.email.retries import NextTry
from appointments.email.state import EmailState
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
_INDEXED: Final = {"owed": "7", "due": NOW}
_LEASED: Final = {"lease": "a", "lease_until": NOW + 120, **_INDEXED}
_CLAIMED: Final = {
    "email_status": "pending",
    "lease": "b",
    "lease_until": NOW + 120,
    "owed": "7",
    "due": NOW + 120,
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
    return outbox.acquire_lease(item, "b", NOW, use_try=True)


def _mark(item: Appointment, **how: Any) -> bool:
    given: dict[str, Any] = {"status": "sent", "recipients": SENT, "reason": None, "tries": 2}
    given |= {"due": None, "lease_until": None, "notification": None} | how
    state = EmailState.from_item(given["status"], given["recipients"], given["reason"])
    planned = NextTry(given["tries"], given["due"], given["lease_until"])
    return outbox.save_result(item, "a", state, planned, given["notification"])


def _owe(item: Appointment) -> None:
    outbox.add_pending_notification(item.uuid, "n", NOW + 0.5)


def _settle(item: Appointment) -> None:
    outbox.remove_pending_notification(item, "n")


_SETTLED: Final = {
    "email_status": "sent",
    "email_recipients": SENT,
    "email_tries": 2,
    "email_reason": None,
    **dict.fromkeys(("lease", "lease_until", "owed", "due")),
}
_FAILED: Final = {
    "email_status": "failed",
    "email_recipients": SENT,
    "email_tries": 2,
    "email_reason": "r",
    "lease": None,
    "lease_until": None,
    "due": NOW + 60,
}
_fail: Final = partial(_mark, status="failed", reason="r", due=NOW + 60)

CASES: Final = [
    # Who takes the lease.
    Case("claim", _claim, True, _INDEXED | {"email_tries": 1}, {}, _CLAIMED | {"email_tries": 2}),
    Case("claim what has neither tries nor times", _claim, True, {}, {},
         _CLAIMED | {"email_tries": 1}),
    Case("claim after a lease that ended", _claim, True, _LEASED | {"email_tries": 1}, {},
         _CLAIMED | {"email_tries": 2}),
    Case("claim what another has leased since", _claim, False, _LEASED,
         {"lease": None, "lease_until": None}),
    Case("claim what another has given back since", _claim, False, _INDEXED, {"lease": "a"}),
    Case("claim what got a time since", _claim, False, _INDEXED, {"due": None}),
    Case("claim what lost its time since", _claim, False, {}, {"due": NOW}),
    Case("claim what was settled since", _claim, False, {"email_status": "sent"},
         {"email_status": "failed"}),
    Case("claim once more what the lost response was about", _claim, True, _CLAIMED, _INDEXED),
    # Who marks.
    Case("mark as sent", _mark, True, _LEASED | {"email_reason": "r"}, {}, _SETTLED),
    Case("mark as sent what had no reason", _mark, True, _LEASED, {}, _SETTLED),
    Case("mark as sent while a notification is pending", _mark, True,
         _LEASED | {"notifications": {"m"}}, {}, _SETTLED | _INDEXED),
    Case("mark as failed", _fail, True, _LEASED, {}, _FAILED),
    Case("mark as maybe sent", partial(_mark, status="unknown", due=NOW + 130, tries=1,
                                       lease_until=NOW + 130), True, _LEASED, {},
         {"email_status": "unknown", "email_recipients": SENT, "email_tries": 1,
          "lease_until": NOW + 130, "due": NOW + 130}),
    Case("mark with a first notification", partial(_fail, notification="n"), True, _LEASED, {},
         _FAILED | {"notifications": {"n"}}),
    Case("mark with one more notification", partial(_fail, notification="n"), True,
         _LEASED | {"notifications": {"m"}}, {}, _FAILED | {"notifications": {"m", "n"}}),
    Case("mark after the lease was lost", _mark, False, _LEASED | {"lease": "b"}),
    Case("mark as failed after the lease was lost", _fail, False, _LEASED | {"lease": "b"}),
    Case("mark without a lease", _mark, False, _INDEXED),
    # A notification that is pending, and then is not.
    Case("owe what is not in the index", _owe, None, {}, {},
         {"notifications": {"n"}, "owed": "7", "due": NOW}),
    Case("owe what is in the index", _owe, None, _INDEXED | {"due": NOW + 60}, {},
         {"notifications": {"n"}}),
    Case("owe one more", _owe, None, _INDEXED | {"notifications": {"m"}}, {},
         {"notifications": {"m", "n"}}),
    Case("settle the last", _settle, None, {"notifications": {"n"}}, {}, {"notifications": None}),
    Case("settle one of two", _settle, None, {"notifications": {"m", "n"}}, {},
         {"notifications": {"m"}}),
    Case("settle what is not there", _settle),
    # Out of the index.
    Case("leave", outbox.remove_from_index, None, _INDEXED | {"email_status": "sent"}, {},
         {"owed": None, "due": None}),
    Case("leave without a time", outbox.remove_from_index, None,
         {"email_status": "sent", "owed": "7"}, {}, {"owed": None}),
    Case("leave what was leased since", outbox.remove_from_index, None,
         _LEASED | {"email_status": "sent"}, {"lease": None}),
    Case("leave what got a notification since", outbox.remove_from_index, None,
         _INDEXED | {"email_status": "sent", "notifications": {"n"}}, {"notifications": None}),
    Case("leave what got another time since", outbox.remove_from_index, None,
         _INDEXED | {"email_status": "sent"}, {"due": NOW - 60}),
    Case("stay with an email that is scheduled", outbox.remove_from_index, None, _INDEXED),
    Case("stay away", outbox.remove_from_index, None, {"email_status": "sent"}),
    # What is found.
    Case("find what is due", lambda _: list(outbox.overdue(NOW, 5)), [UUID], _INDEXED),
    Case("find nothing before its time", lambda _: list(outbox.overdue(NOW - 1, 5)), [], _INDEXED),
    Case("find nothing outside the index", lambda _: list(outbox.overdue(NOW, 5)), [], {}),
]  # fmt: skip


# What is done to an item that no longer exists, and whether it raises.
WITHOUT_ITEM: Final[list[tuple[Operation, bool]]] = [
    (_owe, True),
    (_settle, True),
    (_claim, True),
    (_mark, False),
    (outbox.remove_from_index, False),
]


def check_without_item(table: Any, operation: Operation, *, raises: bool) -> None:
    """Check that an update makes no item where none is."""
    gone = Appointment.from_values(_BARE | {"email_status": "sent", "owed": "7"})
    with pytest.raises((UpdateError, Appointment.DoesNotExist)) if raises else nullcontext():
        operation(gone)
    assert table.scan(ConsistentRead=True)["Items"] == []
