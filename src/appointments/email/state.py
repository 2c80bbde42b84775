"""The states, recipient roles and outcomes of an email. It reads no environment variable."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Self, TypedDict, cast

from appointments import reasons
from appointments.reasons import Reason

# The request's own try and those of the schedule (specification section 8.5).
MAX_TRIES: Final = 5
# Statuses of a recipient under which Mandrill has the email (section 8.3).
ACCEPTED: Final = frozenset({"sent", "queued", "scheduled"})
# Reject reasons whose cause is Mandrill's account and not the recipient (section 8.5).
ACCOUNT_REASONS: Final = frozenset({"invalid-sender", "unsigned", "test-mode-limit", "rule"})


class EmailStatus(StrEnum):
    """The state of an email as a whole: `data.email.status` (section 8.3)."""

    SENT = "sent"
    PARTLY_SENT = "partly-sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    SKIPPED = "skipped"


# Nothing is left to send.
SETTLED_STATUSES: Final = frozenset({EmailStatus.SENT, EmailStatus.SKIPPED})


class RecipientRole(Enum):
    """Who gets the email (section 8.2). One more role is one more row.

    Each row: the role's name, and the parameter that names the user record with the address. A role
    without such a parameter is the booker, whose address the session has.
    """

    user_parameter: str | None

    def __new__(cls, name: str, user_parameter: str | None) -> Self:
        """Make the name the member's value."""
        member = object.__new__(cls)
        member._value_ = name
        member.user_parameter = user_parameter
        return member

    PHOTOGRAPHER = "photographer", "photographer_user_id"
    BOOKER = "booker", None


class Recipient(TypedDict, total=False):
    """One recipient: an element of `data.email.recipients`, and of the item's list."""

    email: str
    roles: list[str]
    status: str
    id: str
    reject_reason: str


class Trigger(StrEnum):
    """What causes a try (section 10.5)."""

    REQUEST = "request"
    RETRY = "retry"
    REPLAY = "replay"
    SETTLE = "settle"
    SCHEDULE = "schedule"
    SEARCH = "search"

    @property
    def keeps_plan(self) -> bool:
        """Whether the plan of tries stays as it was: a caller or an operator asked for this one."""
        return self in (Trigger.RETRY, Trigger.REPLAY, Trigger.SETTLE)


class Outcome(Enum):
    """How a try ends (section 8.5), the worst last.

    Each row: the name; whether the email is maybe sent; whether the try counts as used up; whether
    Mandrill is available, None if the outcome says nothing of that.
    """

    maybe_sent: bool
    uses_try: bool
    available: bool | None

    def __new__(cls, name: str, maybe_sent: bool, uses_try: bool, available: bool | None) -> Self:
        """Make the name the member's value."""
        member = object.__new__(cls)
        member._value_ = name
        member.maybe_sent = maybe_sent
        member.uses_try = uses_try
        member.available = available
        return member

    SETTLED = "settled", False, False, True  # every recipient has the email
    ACCOUNT_REFUSED = "account refused", False, False, True  # a setting of Mandrill's account
    REFUSED = "refused", False, True, True  # Mandrill refused one recipient or more
    NOT_SENT = "not sent", False, False, None  # no call, or a search did not find it
    UNAVAILABLE = "unavailable", False, False, False  # Mandrill certainly did not accept it
    BUSY = "busy", False, False, False  # HTTP 429: Mandrill certainly did not accept it
    UNKNOWN = "unknown", True, False, False  # Mandrill may have accepted it
    NOT_SEARCHED = "not searched", True, False, None  # Mandrill did not say whether it has it
    PARTLY_FOUND = "partly found", True, False, None  # Mandrill has it for some, and is asked again

    @staticmethod
    def worst(outcomes: Iterable["Outcome"]) -> "Outcome":
        """Return the outcome of a try from those of its recipients."""
        return max(outcomes, key=list(Outcome).index)

    @classmethod
    def of_recipient(cls, status: str, reject_reason: str | None) -> Self:
        """Return the outcome for a recipient of whom Mandrill said this."""
        if status in ACCEPTED:
            return cls.SETTLED
        return cls.ACCOUNT_REFUSED if reject_reason in ACCOUNT_REASONS else cls.REFUSED


@dataclass(frozen=True)
class EmailState:
    """The state of an email: `data.email`, and how the last try ended if there was one.

    `called_mandrill` says whether Mandrill was called to send. `recovery` says for people what is
    tried automatically, and until when.
    """

    status: EmailStatus
    recipients: tuple[Recipient, ...] = ()
    reason: str | None = None
    outcome: Outcome | None = None
    called_mandrill: bool = False
    recovery: str | None = None

    @classmethod
    def from_item(cls, status: str, recipients: Iterable[Any] | None, reason: str | None) -> Self:
        """Return the state that the attributes of an item describe."""
        listed = tuple(cast(Recipient, dict(each)) for each in recipients or ())
        return cls(EmailStatus(status), listed, reason)

    def to_response(self) -> dict[str, Any]:
        """Return `data.email`."""
        recipients: list[Mapping[str, Any]] = [
            {"id": None, **recipient} for recipient in self.recipients
        ]
        response = {"status": self.status.value, "recipients": recipients}
        return response | ({"reason": self.reason} if self.reason else {})

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to send."""
        return self.status in SETTLED_STATUSES

    @property
    def is_failure(self) -> bool:
        """Whether the status of the response is mandrill-email-failed."""
        return not self.is_settled and self.status is not EmailStatus.PENDING

    @property
    def maybe_sent(self) -> bool:
        """Whether this try or search left it open if Mandrill has the email."""
        return self.outcome is not None and self.outcome.maybe_sent

    @property
    def failure_reason(self) -> Reason:
        """Why the email did not reach every recipient."""
        return reasons.of_email(
            self.status.value, self.reason or self.status.value, self.recipients
        )


def next_try_at(item: Mapping[str, Any]) -> int | None:
    """Return when the schedule tries the email of an item, None if there is nothing to try.

    `item` has the attributes of section 7.1, whichever client read them. The time is in epoch
    seconds. None means that the email is settled or was given up.
    """
    if item.get("email_status") in SETTLED_STATUSES:
        return None
    if item.get("lease") is None and int(item.get("email_tries") or 0) >= MAX_TRIES:  # given up
        return None
    # Versions before 0.3.0 wrote `due` alone, for the email. In a newer item without `email_due`,
    # `due` is that of the notifications, and equals `notify_due`.
    is_old = item.get("owed_since") is None or item.get("notify_due") is None
    email_due = item.get("email_due")
    due = item.get("due") if email_due is None and is_old else email_due
    return None if due is None else int(due)
