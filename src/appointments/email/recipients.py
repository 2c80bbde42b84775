"""One try of an email: who has not got it yet, and what became of each (section 8)."""

from collections.abc import Iterable, Mapping
from typing import Final

from appointments.email import mandrill
from appointments.email.state import ACCEPTED, EmailState, EmailStatus, Outcome, Recipient
from appointments.email.state import RecipientRole as Role
from appointments.tables.appointments import Appointment
from appointments.tables.records import Record, find_user

# States under which Mandrill's search lists an email that it never passed on.
_NOT_ACCEPTED: Final = frozenset({"rejected", "invalid"})
_NOT_FOUND: Final = "no answer to the last try, and Mandrill does not have the email"

# The user records that have the recipients' addresses, by role.
Users = Mapping[str, Record]
# A recipient's roles and addresses: by address in lower case, the address as it is, and the name.
Addresses = dict[str, tuple[Recipient, str | None]]


def read_users(item: Appointment) -> Users:
    """Read the user records that the item's recipients come from, so that corrections count."""
    users = {role: find_user(user_id) for role, user_id in item.user_ids().items()}
    return {role: user for role, user in users.items() if user}


def addresses_of(item: Appointment, users: Users) -> Addresses:
    """Return who is to get the email; one address gets one email, whatever roles it has."""
    found: Addresses = {}
    for role in Role:
        if role.user_parameter is None:
            email, name = item.booker_email, item.booker_name
        elif user := users.get(role.value):
            email, name = user.email, user.name
        else:
            continue
        if address := (email or "").strip():
            recipient, _ = found.setdefault(
                address.lower(), (Recipient(email=address, roles=[]), name)
            )
            recipient["roles"].append(role.value)
    return found


def deliver(
    item: Appointment,
    addresses: Addresses,
    deadline: float,
    *,
    maybe_sent: bool,
    search_only: bool = False,
) -> EmailState:
    """Send to those who have not got it. The sender holds the lease and saves the result.

    Of a `maybe_sent` email Mandrill is asked first who has it; `search_only` does no more than
    that. `deadline` bounds the calls (time.monotonic() seconds).
    """
    before = item.email_state()
    earlier = {each["email"].lower(): each for each in before.recipients}
    reached = {at: each for at, each in earlier.items() if each["status"] in ACCEPTED}
    if maybe_sent:
        try:
            found = mandrill.search(item.uuid, deadline)
        except (mandrill.MandrillRejected, mandrill.DeliveryUnknown) as failed:
            reason = f"Mandrill could not be asked whether it has the email: {failed}"
            return EmailState(EmailStatus.UNKNOWN, before.recipients, reason, Outcome.NOT_SEARCHED)
        # An address that was corrected meanwhile has got it too.
        known = earlier | {at: recipient for at, (recipient, _) in addresses.items()}
        for each in found:
            at = each.email.lower()
            if at in known and each.status not in _NOT_ACCEPTED:
                reached.setdefault(at, _recipient(known[at], "sent", each))
    reached_roles = {role for each in reached.values() for role in each["roles"]}
    missing = {
        at: entry
        for at, entry in addresses.items()
        if at not in reached and not reached_roles.issuperset(entry[0]["roles"])
    }
    if not missing:
        status = EmailStatus.SENT if reached else EmailStatus.SKIPPED
        return EmailState(status, tuple(reached.values()), outcome=Outcome.SETTLED)
    unknown = tuple(_recipient(recipient, "unknown") for recipient, _ in missing.values())
    listed = (*reached.values(), *unknown)
    incomplete = EmailStatus.PARTLY_SENT if reached else EmailStatus.FAILED
    if search_only:
        return EmailState(incomplete, listed, _NOT_FOUND, Outcome.REFUSED)
    try:
        results = mandrill.send(
            to=[(recipient["email"], name) for recipient, name in missing.values()],
            variables=item.api_fields(),
            metadata={"appointment_uuid": item.uuid, "request_id": item.request_id},
            deadline=deadline,
        )
    except mandrill.MandrillRejected as rejected:
        return EmailState(incomplete, listed, str(rejected), Outcome.REFUSED, was_called=True)
    except mandrill.DeliveryUnknown as silent:
        status, outcome = EmailStatus.UNKNOWN, Outcome.UNKNOWN
        return EmailState(status, listed, str(silent), outcome, was_called=True)
    return _state_from_results(reached.values(), missing, results)


def _state_from_results(
    reached: Iterable[Recipient], missing: Addresses, results: list[mandrill.RecipientResult]
) -> EmailState:
    """Return the state after what Mandrill said of each recipient: 200 is not success."""
    by_address = {result.email.lower(): result for result in results}
    tried = [
        _recipient(recipient, result.status if result else "unknown", result)
        for at, (recipient, _) in missing.items()
        for result in [by_address.get(at)]
    ]
    failed = [each for each in tried if each["status"] not in ACCEPTED]
    recipients = (*reached, *tried)
    if not failed:
        return EmailState(EmailStatus.SENT, recipients, None, Outcome.SETTLED, was_called=True)
    reason = "; ".join(map(_describe, failed))
    if any(each["status"] == "unknown" for each in failed):
        # Mandrill took the message and did not mention a recipient: they may have it.
        status, outcome = EmailStatus.UNKNOWN, Outcome.UNKNOWN
    else:
        is_partly_sent = len(recipients) > len(failed)
        status = EmailStatus.PARTLY_SENT if is_partly_sent else EmailStatus.FAILED
        outcome = Outcome.REFUSED
    return EmailState(status, recipients, reason, outcome, was_called=True)


def _describe(recipient: Recipient) -> str:
    """Return an address with what Mandrill said of it."""
    reject_reason = f" ({recipient['reject_reason']})" if "reject_reason" in recipient else ""
    return f"{recipient['email']} {recipient['status']}{reject_reason}"


def _recipient(
    known: Recipient, status: str, result: mandrill.RecipientResult | None = None
) -> Recipient:
    recipient = Recipient(email=known["email"], roles=known["roles"], status=status)
    if result and result.id:
        recipient["id"] = result.id
    if result and result.reject_reason:
        recipient["reject_reason"] = result.reject_reason
    return recipient
