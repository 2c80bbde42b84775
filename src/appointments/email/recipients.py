"""One try of an email: who has not got it yet, and what became of each (section 8)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from appointments.email import mandrill
from appointments.email.mandrill_client import CallFailed
from appointments.email.state import (
    ACCEPTED,
    EmailState,
    EmailStatus,
    Outcome,
    Recipient,
    RecipientRole,
)
from appointments.reasons import MANDRILL_UNAVAILABLE
from appointments.tables.appointments import Appointment
from appointments.tables.records import Record, find_user

# The user records that have the recipients' addresses, by role.
Users = Mapping[str, Record]
# By address in lower case: the recipient, with the address as it is, and the name.
Addresses = dict[str, tuple[Recipient, str | None]]
# The recipients who have the email, by address in lower case.
Reached = Mapping[str, Recipient]


def read_users(item: Appointment) -> Users:
    """Read the user records that the item's recipients come from, so that corrections count."""
    users = {role: find_user(user_id) for role, user_id in item.user_ids().items()}
    return {role: user for role, user in users.items() if user}


def addresses_of(item: Appointment, users: Users) -> Addresses:
    """Return who is to get the email; one address gets one email, whatever roles it has."""
    found: Addresses = {}
    for role in RecipientRole:
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


def reached_recipients(item: Appointment) -> Reached:
    """Return the recipients who have the email, by address in lower case."""
    known = item.email_recipients or ()
    return {each["email"].lower(): each for each in known if each["status"] in ACCEPTED}


def unreached_recipients(addresses: Addresses, reached: Reached) -> Addresses:
    """Return who has not got the email. A role whose former address has it is not mailed again."""
    roles = {role for each in reached.values() for role in each["roles"]}
    return {
        key: entry
        for key, entry in addresses.items()
        if key not in reached and not roles.issuperset(entry[0]["roles"])
    }


def settled_state(reached: Reached) -> EmailState:
    """Return the state of an email that no recipient misses."""
    status = EmailStatus.SENT if reached else EmailStatus.SKIPPED
    return EmailState(status, tuple(reached.values()), outcome=Outcome.SETTLED)


def unsent_state(
    reached: Reached, unreached: Addresses, reason: str, outcome: Outcome
) -> EmailState:
    """Return the state of an email that did not, or perhaps did not, reach every recipient."""
    unknown = (recipient_with(recipient, "unknown") for recipient, _ in unreached.values())
    status = EmailStatus.PARTLY_SENT if reached else EmailStatus.FAILED
    if outcome.maybe_sent:
        status = EmailStatus.UNKNOWN
    return EmailState(status, (*reached.values(), *unknown), reason, outcome)


def deliver(
    item: Appointment, addresses: Addresses, deadline: float, *, retry_at_once: bool
) -> EmailState:
    """Send to those who have not got it. The sender holds the lease and saves the result.

    `deadline` and `retry_at_once` are those of `mandrill.send`.
    """
    reached = reached_recipients(item)
    unreached = unreached_recipients(addresses, reached)
    if not unreached:
        return settled_state(reached)
    try:
        results = mandrill.send(
            to=[(recipient["email"], name) for recipient, name in unreached.values()],
            variables=item.api_fields(),
            metadata={"appointment_uuid": item.uuid, "request_id": item.request_id},
            deadline=deadline,
            retry_at_once=retry_at_once,
        )
    except CallFailed as failed:
        state = unsent_state(reached, unreached, str(failed), failed.outcome)
        return replace(state, called_mandrill=failed.outcome is not Outcome.NOT_SENT)
    return _state_from_results(reached.values(), unreached, results)


def _state_from_results(
    reached: Iterable[Recipient], unreached: Addresses, results: list[mandrill.RecipientResult]
) -> EmailState:
    """Return the state after what Mandrill said of each recipient: 200 is not success."""
    by_address = {result.email.lower(): result for result in results}
    tried, outcomes = [], []
    for key, (recipient, _) in unreached.items():
        if result := by_address.get(key):
            tried.append(recipient_with(recipient, result.status, result.id, result.reject_reason))
            outcomes.append(Outcome.of_recipient(result.status, result.reject_reason))
        else:  # Mandrill took the message: this recipient may have it
            tried.append(recipient_with(recipient, "unknown"))
            outcomes.append(Outcome.UNKNOWN)
    outcome = Outcome.worst(outcomes)
    recipients = (*reached, *tried)
    failed = [each for each in tried if each["status"] not in ACCEPTED]
    reason = "; ".join(map(describe, failed)) or None
    if outcome is Outcome.SETTLED:
        status = EmailStatus.SENT
    elif outcome is Outcome.UNKNOWN:
        # Without addresses: the circuit breaker shows this reason to other callers.
        status, reason = EmailStatus.UNKNOWN, f"{MANDRILL_UNAVAILABLE} (nothing about a recipient)"
    else:
        is_partly_sent = len(recipients) > len(failed)
        status = EmailStatus.PARTLY_SENT if is_partly_sent else EmailStatus.FAILED
    return EmailState(status, recipients, reason, outcome, called_mandrill=True)


def describe(recipient: Recipient) -> str:
    """Return an address with what Mandrill said of it."""
    reject_reason = f" ({recipient['reject_reason']})" if "reject_reason" in recipient else ""
    return f"{recipient['email']} {recipient['status']}{reject_reason}"


def recipient_with(
    known: Recipient, status: str, mandrill_id: str | None = None, reject_reason: str | None = None
) -> Recipient:
    """Return a recipient with what Mandrill said of it."""
    recipient = Recipient(email=known["email"], roles=known["roles"], status=status)
    if mandrill_id:
        recipient["id"] = mandrill_id
    if reject_reason:
        recipient["reject_reason"] = reject_reason
    return recipient
