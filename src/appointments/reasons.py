"""Why a request failed: the reason that people read, its declared code, and where to look it up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from appointments.time_limit import OutOfTime

# The first words of the note that `clients` adds to an exception of a call to AWS.
CALL_NOTE: Final = "AWS call: "
# The first words of the reason if Mandrill did not accept a call, or only perhaps did. What it
# said follows in brackets.
MANDRILL_UNAVAILABLE: Final = "mandrill-unavailable"
# Words in our own reasons for a call that got no response of Mandrill's API.
_SILENCE: Final = ("connection", "HTTP", "TLS", "response")
# The statuses of a recipient that Mandrill refuses.
REFUSED_STATUSES: Final = frozenset({"rejected", "invalid"})


class Cause(Enum):
    """The cause of a failure; `value` is the anchor of its chapter in docs/operations.md.

    `repair` says in one sentence what a person does before the replay.
    """

    repair: str

    def __new__(cls, anchor: str, repair: str) -> "Cause":
        """Make the anchor the member's value."""
        member = object.__new__(cls)
        member._value_ = anchor
        member.repair = repair
        return member

    ADDRESS = "mandrill-refuses-an-address", "Correct the address that Mandrill refuses."
    MANDRILL = "mandrill-refuses-the-call", "Repair what Mandrill's error names, in its account."
    SILENCE = "mandrill-does-not-respond", "Wait until Mandrill responds again."
    AWS = "aws-refuses-a-call-or-does-not-respond", "Repair the permission or the limit it names."
    ITEM = "a-malformed-item", "Correct the attribute that it names."
    EVENT = "an-event-that-is-no-request", "Find out who invokes the function with this event."
    DEFECT = "a-defect-of-the-function", "Find the exception in the log, and correct the code."


@dataclass(frozen=True)
class Reason:
    """The `text` names what broke; the `code` holds only declared words, never a value."""

    text: str
    code: str
    cause: Cause

    @classmethod
    def of_code(cls, code: str, cause: Cause) -> "Reason":
        """Return the reason whose text is its code: it names no value."""
        return cls(code, code, cause)


class MalformedItem(Exception):
    """An item with an attribute of the wrong type, written by another service or a person.

    The text names the item and the attribute; `code` names only the table and the attribute.
    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


def of_exception(broken: BaseException) -> Reason:
    """Return why a request crashed.

    A call to AWS is named by operation, target and AWS's own error code. An exception's message is
    left out: it could hold anything.
    """
    causes = list(chain(broken))
    for each in causes:
        if isinstance(each, MalformedItem):
            return Reason(str(each), each.code, Cause.ITEM)
    if isinstance(broken, OutOfTime):
        return Reason.of_code("no time left", Cause.AWS)
    call = next((note for each in causes for note in _notes(each)), None)
    error = next((each for each in causes if isinstance(each, ClientError | BotoCoreError)), None)
    code = type(error or broken).__name__
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code") or code)
    if call:
        return Reason.of_code(f"{call}: {code}", Cause.AWS)
    return Reason.of_code(code, Cause.AWS if error else Cause.DEFECT)


def of_status(status: str) -> Reason:
    """Return the reason of an error that has no other one."""
    return Reason.of_code(status, Cause.DEFECT)


def of_email(status: str, reason: str, recipients: Iterable[Mapping[str, Any]]) -> Reason:
    """Return why an email in the state `status` did not reach every recipient."""
    codes = {
        str(recipient.get("reject_reason") or recipient["status"])
        for recipient in recipients
        if recipient["status"] in REFUSED_STATUSES
    }
    if codes:
        return Reason(reason, " ".join(sorted(codes)), Cause.ADDRESS)
    is_silent = status == "unknown" or any(word in reason for word in _SILENCE)
    cause = Cause.SILENCE if is_silent else Cause.MANDRILL
    return Reason(reason, reason.partition(" (")[0], cause)


def chain(error: BaseException | None) -> Iterable[BaseException]:
    """Yield an exception and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _notes(error: BaseException) -> Iterable[str]:
    """Yield the calls to AWS that `clients` noted on the exception."""
    for note in getattr(error, "__notes__", ()):
        if note.startswith(CALL_NOTE):
            yield note.removeprefix(CALL_NOTE)
