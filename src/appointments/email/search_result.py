"""What Mandrill's search says of a maybe sent email (specification section 8.12)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from appointments.email.mandrill import FoundRecipient
from appointments.email.recipients import (
    Addresses,
    describe,
    reached_recipients,
    recipient_with,
    settled_state,
    unreached_recipients,
    unsent_state,
)
from appointments.email.state import EmailState, EmailStatus, Outcome
from appointments.tables.appointments import Appointment

# States of a recipient in a search who has the email, and of one who never gets it.
_ACCEPTED: Final = frozenset({"sent", "queued", "scheduled", "deferred"})
_REFUSED: Final = frozenset({"rejected", "invalid", "bounced"})
NOT_FOUND: Final = "no response to the last try, and Mandrill does not have the email"
_PARTLY_FOUND: Final = "no response to the last try, and Mandrill has the email for some recipients"


def first_day(items: Iterable[Appointment]) -> date:
    """Return the day before the earliest of the items was written: the search begins there."""
    earliest = min(item.written_at() for item in items)
    return (datetime.fromtimestamp(earliest, UTC) - timedelta(days=1)).date()


def state_after(
    item: Appointment, addresses: Addresses, found: Iterable[FoundRecipient]
) -> EmailState:
    """Return the state of a maybe sent email after a search that succeeded.

    Its outcome is `settled`, `refused`, `not sent` if those who are left certainly have not got
    it, or `partly found` if Mandrill is to be asked once more.
    """
    before = reached_recipients(item)
    asked = unreached_recipients(addresses, before)
    # The email may have gone to an address as it was before its correction: that counts too.
    known = {each["email"].lower(): each for each in item.email_recipients or ()}
    known |= {key: recipient for key, (recipient, _) in addresses.items()}
    reached, refused = dict(before), {}
    for each in found:
        key = each.email.lower()
        if key in known and key not in before and each.state in _ACCEPTED:
            reached[key] = recipient_with(known[key], "sent", each.id)
        elif key in asked and each.state in _REFUSED:
            refused[key] = recipient_with(asked[key][0], each.state, each.id)
    unreached = unreached_recipients(addresses, reached)
    if not unreached:
        return settled_state(reached)
    refused = {key: each for key, each in refused.items() if key in unreached}
    not_found = {key: entry for key, entry in unreached.items() if key not in refused}
    if not not_found:
        status = EmailStatus.PARTLY_SENT if reached else EmailStatus.FAILED
        reason = "; ".join(map(describe, refused.values()))
        return EmailState(status, (*reached.values(), *refused.values()), reason, Outcome.REFUSED)
    has_some = len(reached) > len(before) or bool(refused)
    if has_some and item.searched_at is None:
        return unsent_state(reached, unreached, _PARTLY_FOUND, Outcome.PARTLY_FOUND)
    return unsent_state(reached, unreached, NOT_FOUND, Outcome.NOT_SENT)


def state_after_failure(item: Appointment, reason: str) -> EmailState:
    """Return the state of an email that Mandrill could not be asked about."""
    said = f"Mandrill could not be asked whether it has the email: {reason}"
    state = EmailState.from_item(EmailStatus.UNKNOWN, item.email_recipients, said)
    return replace(state, outcome=Outcome.NOT_SEARCHED)
