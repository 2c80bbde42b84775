"""Who gets an appointment's email, and its delivery, resumed where it stopped.

Every sender does the same: hold the lease, ask Mandrill first where the email is suspect, send what
is owed, mark the outcome. The request that creates an appointment holds the lease by its write.
"""

import time
from dataclasses import dataclass, replace
from typing import Any, Final

from pynamodb.exceptions import PynamoDBException

from appointments import appointments, mandrill, records
from appointments.appointments import LEASE_SECONDS, MOST_TRIES, SETTLED, Appointment
from appointments.logs import logger
from appointments.records import Record

# Seconds from the end of a try to the schedule's next, and from a failed search to the next.
_DELAYS: Final = (60, 240, 900, 3600)
_SEARCH_DELAY: Final = 60
# States under which Mandrill's search lists an email that it never passed on.
_NOT_ACCEPTED: Final = frozenset({"rejected", "invalid"})


@dataclass(frozen=True)
class Email:
    """The state of an appointment's email: the answer's `data.email`.

    `recipients` are objects with `email`, `roles`, `status`, and `id` and `reject_reason` where
    Mandrill gave them. A `suspect` email may have been accepted; `asked` tells whether Mandrill
    could be asked where that was due.
    """

    status: str
    recipients: tuple[dict[str, Any], ...] = ()
    reason: str | None = None
    suspect: bool = False
    asked: bool = True

    def shown(self) -> dict[str, Any]:
        """Return the answer's object."""
        shown: dict[str, Any] = {
            "status": self.status,
            "recipients": [{"id": None, **recipient} for recipient in self.recipients],
        }
        return shown | ({"reason": self.reason} if self.reason else {})

    @property
    def is_failure(self) -> bool:
        """Whether the contract's status for it is mandrill-email-failed."""
        return self.status not in SETTLED and self.status != "pending"


def prepare(item: Appointment, photographer: Record | None, holder: str) -> None:
    """Put the email's state into a new item: to be sent by `holder`, who writes it, or skipped."""
    item.attempt = holder
    if _addresses(item, photographer):
        item.email_status, item.email_tries = "pending", 1
        item.lend(holder, time.time())
    else:
        item.email_status = "skipped"


def deliver_first(
    item: Appointment, photographer: Record | None, holder: str, until: float
) -> Email:
    """Send the email of an item that `holder` has just written; the email's first try."""
    if item.email_status in SETTLED:
        return stored(item)
    email = _deliver(item, photographer, until, suspect=False)
    _mark(item, holder, email, tries=1, due=_next_due(email, 1))
    return email


def resume(item: Appointment, holder: str, until: float) -> Email:
    """Send what an earlier request left outstanding, unless another sender is at it.

    A caller's retry or a replay: it uses up no try, and an email that was given up is sent too.
    """
    now = time.time()
    if item.email_status in SETTLED:
        return stored(item)
    suspect, planned = item.lease is not None, item.due
    if item.is_held(now) or not appointments.claim(item, holder, now, counts=False):
        email = stored(item)
        return email if email.status in SETTLED | {"unknown"} else replace(email, status="pending")
    email = _deliver(item, _photographer(item), until, suspect=suspect)
    tries = int(item.email_tries or 0)
    if email.suspect or email.status in SETTLED:
        next_due = _next_due(email, tries)
    else:
        next_due = max(int(planned), int(now)) if planned and tries < MOST_TRIES else None
    _mark(item, holder, email, tries=tries, due=next_due)
    return email


def take_up(item: Appointment, holder: str, until: float) -> Email | None:
    """Send what the schedule finds due; the email that is to be given up is returned unmarked.

    Returns None where there was nothing to do or another sender was faster.
    """
    now = time.time()
    if not item.is_scheduled() or (item.due or 0) > now:
        return None
    suspect, spent = item.lease is not None, int(item.email_tries or 0) >= MOST_TRIES
    if not appointments.claim(item, holder, now, counts=not spent):
        return None
    email = _deliver(item, _photographer(item), until, suspect=suspect, only_ask=spent)
    tries = int(item.email_tries or 0)
    if is_given_up(item, email):
        return email
    if not email.asked and not spent:
        tries -= 1
    _mark(item, holder, email, tries=tries, due=_next_due(email, tries))
    return email


def is_given_up(item: Appointment, email: Email) -> bool:
    """Whether the schedule's last try has failed for certain."""
    return email.is_failure and not email.suspect and (item.email_tries or 0) >= MOST_TRIES


def give_up(item: Appointment, holder: str, email: Email, notification: str) -> None:
    """Mark the email as given up, and its notification as owed, in one write."""
    _mark(
        item,
        holder,
        email,
        tries=MOST_TRIES,
        due=int(time.time()) + _DELAYS[0],
        notification=notification,
    )


def stored(item: Appointment) -> Email:
    """Return the email's state as the item tells it."""
    recipients = tuple(dict(entry) for entry in item.email_recipients or ())
    return Email(item.email_status, recipients, item.email_reason)


def _next_due(email: Email, tries: int) -> int | None:
    now = int(time.time())
    if email.status in SETTLED:
        return None
    if not email.asked:
        return now + _SEARCH_DELAY
    if email.suspect:
        return now + LEASE_SECONDS
    return now + _DELAYS[min(tries, len(_DELAYS)) - 1]


def _mark(
    item: Appointment,
    holder: str,
    email: Email,
    *,
    tries: int,
    due: int | None,
    notification: str | None = None,
) -> None:
    """Mark the outcome; where that fails the lease stands, and Mandrill will be asked."""
    try:
        kept = appointments.mark(
            item,
            holder,
            status=email.status,
            recipients=list(email.recipients),
            reason=email.reason,
            tries=tries,
            due=due,
            suspect=email.suspect,
            notification=notification,
        )
    except PynamoDBException as failed:
        logger.warning("email not marked", reason=type(failed).__name__, uuid=item.uuid)
        if notification:
            raise
    else:
        if not kept:
            logger.warning("email not marked", reason="the lease was lost", uuid=item.uuid)


def _photographer(item: Appointment) -> Record | None:
    user_id = item.fields().get("photographer_user_id")
    return records.user(user_id) if user_id is not None else None


def _addresses(item: Appointment, photographer: Record | None) -> dict[str, dict[str, Any]]:
    """Return who is to get the email, by address in lower case: one address gets one email."""
    addresses: dict[str, dict[str, Any]] = {}
    for role, email, name in (
        ("photographer", photographer and photographer.email, photographer and photographer.name),
        ("booker", item.booker_email, item.booker_name),
    ):
        if address := (email or "").strip():
            entry = addresses.setdefault(
                address.lower(), {"email": address, "name": name, "roles": []}
            )
            entry["roles"].append(role)
    return addresses


def _deliver(
    item: Appointment,
    photographer: Record | None,
    until: float,
    *,
    suspect: bool,
    only_ask: bool = False,
) -> Email:
    """Send to those who have not got it. The caller holds the lease and marks the outcome."""
    addresses = _addresses(item, photographer)
    before = stored(item)
    got = [entry for entry in before.recipients if entry["status"] in mandrill.GOOD]
    if suspect:
        try:
            found = mandrill.search(item.uuid, until)
        except (mandrill.Refused, mandrill.Unanswered) as failed:
            reason = f"Mandrill could not be asked whether it has the email: {failed}"
            return Email("unknown", before.recipients, reason, suspect=True, asked=False)
        got += [
            _entry(addresses[each.email.lower()], "sent", each)
            for each in found
            if each.status not in _NOT_ACCEPTED and each.email.lower() in addresses
        ]
    reached = {entry["email"].lower() for entry in got}
    settled = {role for entry in got for role in entry["roles"]}
    owed = {
        address: entry
        for address, entry in addresses.items()
        if address not in reached and not settled.issuperset(entry["roles"])
    }
    if not owed:
        return Email("sent" if got else "skipped", tuple(got))
    unknown = [_entry(entry, "unknown") for entry in owed.values()]
    if only_ask:
        return Email("unknown", (*got, *unknown), before.reason)
    try:
        deliveries = mandrill.send(
            to=[(entry["email"], entry["name"]) for entry in owed.values()],
            variables=item.fields(),
            metadata={"appointment_uuid": item.uuid, "request_id": item.request_id},
            until=until,
        )
    except mandrill.Refused as refused:
        status = "partly-sent" if got else "failed"
        return Email(status, (*got, *unknown), str(refused))
    except mandrill.Unanswered as unanswered:
        return Email("unknown", (*got, *unknown), str(unanswered), suspect=True)
    return _judged(got, owed, deliveries)


def _judged(
    got: list[dict[str, Any]],
    owed: dict[str, dict[str, Any]],
    deliveries: list[mandrill.Delivery],
) -> Email:
    """Return the email's state after Mandrill's word on each recipient: 200 is not success."""
    by_address = {delivery.email.lower(): delivery for delivery in deliveries}
    entries = [
        _entry(entry, delivery.status if delivery else "unknown", delivery)
        for address, entry in owed.items()
        for delivery in [by_address.get(address)]
    ]
    refused = [entry for entry in entries if entry["status"] not in mandrill.GOOD]
    if not refused:
        return Email("sent", (*got, *entries))
    reason = "; ".join(
        f"{entry['email']} {entry['status']}"
        + (f" ({entry['reject_reason']})" if "reject_reason" in entry else "")
        for entry in refused
    )
    reached = len(got) + len(entries) - len(refused)
    return Email("partly-sent" if reached else "failed", (*got, *entries), reason)


def _entry(
    addressee: dict[str, Any], status: str, delivery: mandrill.Delivery | None = None
) -> dict[str, Any]:
    entry = {"email": addressee["email"], "roles": addressee["roles"], "status": status}
    if delivery and delivery.id:
        entry["id"] = delivery.id
    if delivery and delivery.reject_reason:
        entry["reject_reason"] = delivery.reject_reason
    return entry
