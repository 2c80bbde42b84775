"""One delivery of an appointment's email: who has not got it yet, and what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from appointments import mandrill, reasons
from appointments.reasons import Reason
from appointments.tables.appointments import SETTLED, Appointment
from appointments.tables.records import Record

# States under which Mandrill's search lists an email that it never passed on.
_NOT_ACCEPTED: Final = frozenset({"rejected", "invalid"})

Entry = dict[str, Any]


@dataclass(frozen=True)
class Email:
    """The state of an appointment's email: the answer's `data.email`.

    `recipients` are objects with `email`, `roles`, `status`, and `id` and `reject_reason` where
    Mandrill gave them. A `suspect` email may have been accepted; `asked` tells whether Mandrill
    could be asked where that was due, `was_called` whether it was called to send. `recovery` says
    for people what is tried automatically, and until when.
    """

    status: str
    recipients: tuple[Entry, ...] = ()
    reason: str | None = None
    suspect: bool = False
    asked: bool = True
    was_called: bool = False
    recovery: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the answer's object."""
        shown: dict[str, Any] = {
            "status": self.status,
            "recipients": [{"id": None, **recipient} for recipient in self.recipients],
        }
        return shown | ({"reason": self.reason} if self.reason else {})

    @property
    def failure_reason(self) -> Reason:
        """Why the email did not reach every recipient."""
        return reasons.of_email(self.status, self.reason or self.status, self.recipients)

    @property
    def is_failure(self) -> bool:
        """Whether the contract's status for it is mandrill-email-failed."""
        return self.status not in SETTLED and self.status != "pending"


def stored(item: Appointment) -> Email:
    """Return the email's state as the item tells it."""
    recipients = tuple(dict(entry) for entry in item.email_recipients or ())
    return Email(item.email_status, recipients, item.email_reason)


def addresses(item: Appointment, photographer: Record | None) -> dict[str, Entry]:
    """Return who is to get the email, by address in lower case: one address gets one email."""
    found: dict[str, Entry] = {}
    for role, email, name in (
        ("photographer", photographer and photographer.email, photographer and photographer.name),
        ("booker", item.booker_email, item.booker_name),
    ):
        if address := (email or "").strip():
            entry = found.setdefault(address.lower(), {"email": address, "name": name, "roles": []})
            entry["roles"].append(role)
    return found


def deliver(
    item: Appointment,
    photographer: Record | None,
    until: float,
    *,
    suspect: bool,
    only_ask: bool = False,
) -> Email:
    """Send to those who have not got it. The caller holds the lease and marks the outcome.

    Of a `suspect` email Mandrill is asked first who has got it. `only_ask` does no more than that.
    """
    wanted, before = addresses(item, photographer), stored(item)
    earlier = {entry["email"].lower(): entry for entry in before.recipients}
    got = {address: entry for address, entry in earlier.items() if entry["status"] in mandrill.GOOD}
    if suspect:
        try:
            found = mandrill.search(item.uuid, until)
        except (mandrill.Refused, mandrill.Unanswered) as failed:
            reason = f"Mandrill could not be asked whether it has the email: {failed}"
            return Email("unknown", before.recipients, reason, suspect=True, asked=False)
        # An address that was corrected meanwhile has got it too.
        known = earlier | wanted
        for each in found:
            address = each.email.lower()
            if address in known and each.status not in _NOT_ACCEPTED:
                got.setdefault(address, _entry(known[address], "sent", each))
    settled = {role for entry in got.values() for role in entry["roles"]}
    owed = {
        address: entry
        for address, entry in wanted.items()
        if address not in got and not settled.issuperset(entry["roles"])
    }
    if not owed:
        return Email("sent" if got else "skipped", tuple(got.values()))
    unknown = [_entry(entry, "unknown") for entry in owed.values()]
    if only_ask:
        reason = "no answer to the last try, and Mandrill does not have the email"
        return Email("partly-sent" if got else "failed", (*got.values(), *unknown), reason)
    try:
        deliveries = mandrill.send(
            to=[(entry["email"], entry["name"]) for entry in owed.values()],
            variables=item.api_fields(),
            metadata={"appointment_uuid": item.uuid, "request_id": item.request_id},
            until=until,
        )
    except mandrill.Refused as refused:
        status = "partly-sent" if got else "failed"
        return Email(status, (*got.values(), *unknown), str(refused), was_called=True)
    except mandrill.Unanswered as unanswered:
        told = (*got.values(), *unknown)
        return Email("unknown", told, str(unanswered), suspect=True, was_called=True)
    return _judged(got.values(), owed, deliveries)


def _judged(
    got: Iterable[Entry], owed: dict[str, Entry], deliveries: list[mandrill.Delivery]
) -> Email:
    """Return the email's state after Mandrill's word on each recipient: 200 is not success."""
    by_address = {delivery.email.lower(): delivery for delivery in deliveries}
    entries = [
        _entry(entry, delivery.status if delivery else "unknown", delivery)
        for address, entry in owed.items()
        for delivery in [by_address.get(address)]
    ]
    failed = [entry for entry in entries if entry["status"] not in mandrill.GOOD]
    recipients = (*got, *entries)
    if not failed:
        return Email("sent", recipients, was_called=True)
    reason = "; ".join(
        f"{entry['email']} {entry['status']}"
        + (f" ({entry['reject_reason']})" if "reject_reason" in entry else "")
        for entry in failed
    )
    if any(entry["status"] == "unknown" for entry in failed):
        # Mandrill took the message and said nothing of somebody: he may have got it.
        return Email("unknown", recipients, reason, suspect=True, was_called=True)
    status = "partly-sent" if len(recipients) > len(failed) else "failed"
    return Email(status, recipients, reason, was_called=True)


def _entry(addressee: Entry, status: str, delivery: mandrill.Delivery | None = None) -> Entry:
    entry = {"email": addressee["email"], "roles": addressee["roles"], "status": status}
    if delivery and delivery.id:
        entry["id"] = delivery.id
    if delivery and delivery.reject_reason:
        entry["reject_reason"] = delivery.reject_reason
    return entry
