"""The contract's statuses as one closed set, and what an answer tells beside its status."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from appointments.reasons import Reason


class Status(Enum):
    """A status of the API document; `value` is its name there.

    Each row: the name, the HTTP code, and its marks in the table of specification section 2:
    `retryable` (the same request may be sent again) and `notified` (a person is told of it).
    """

    code: int
    retryable: bool
    notified: bool

    def __new__(cls, name: str, code: int, *marks: str) -> Self:
        """Make the name the member's value and read its marks."""
        member = object.__new__(cls)
        member._value_ = name
        member.code = code
        member.retryable = "retryable" in marks
        member.notified = "notified" in marks
        return member

    ACTION_SUCCESSFUL = "action-successful", 200
    INVALID_TOKEN = "invalid-token", 401
    SESSION_EXPIRED = "session-expired", 401
    CLIENT_REQUIRED = "client-required", 401
    MISSING_PARAM = "missing-param", 400
    INVALID_PARAM = "invalid-param", 400
    APPLICATION_CRASH = "application-crash", 500, "retryable", "notified"
    MANDRILL_EMAIL_FAILED = "mandrill-email-failed", 500, "notified"
    INVALID_CONTENT_TYPE = "invalid-content-type", 400
    ROUTE_NON_EXISTENT = "route-non-existent", 500
    NO_PARAMS_DECODED = "no-params-decoded", 400
    INVALID_ENCODED_PARAMS = "invalid-encoded-params", 400
    ROUTE_NOT_FOUND = "route-not-found", 503, "retryable"
    IDENTIFY_REQUEST_ERROR = "identify-request-error", 500, "retryable", "notified"
    SERVICE_NOT_FOUND = "service-not-found", 503, "retryable"


@dataclass(frozen=True)
class Fault:
    """One parameter at fault: an element of an answer's `errors`.

    `received` is at most 100 characters of the value, or None where there is nothing to repeat
    (a missing parameter, the token).
    """

    param: str
    status: Status
    message: str
    received: str | None = None


@dataclass(frozen=True)
class Warned:
    """A remark on a parameter that did not stop the request: an element of `warnings`."""

    param: str
    message: str


class Failure(Exception):
    """The request ends here with `status`; the one exception that carries a status up.

    `faults` are the parameters at fault, `warnings` what was remarked on the others. `reason` is
    what operators are told if the status is notified.
    """

    def __init__(
        self,
        status: Status,
        message: str,
        faults: Sequence[Fault] = (),
        warnings: Sequence[Warned] = (),
        reason: Reason | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.message = message
        self.faults = tuple(faults)
        self.warnings = tuple(warnings)

    @classmethod
    def of(cls, faults: Sequence[Fault], warnings: Sequence[Warned] = ()) -> Self:
        """Return the failure that tells `faults` all at once (specification section 1, step 5)."""
        missing = [fault for fault in faults if fault.status is Status.MISSING_PARAM]
        status = Status.MISSING_PARAM if missing else Status.INVALID_PARAM
        told = " ".join(f"{fault.param}: {fault.message}" for fault in faults[:5])
        more = f" And {len(faults) - 5} more: see errors." if len(faults) > 5 else ""
        message = f"Nothing was saved. Correct this and send it again. {told}{more}"
        return cls(status, message, faults, warnings)


@dataclass
class Outcome:
    """What an answer may tell, filled in as it becomes known: a failure tells all that came before.

    `saved` is None while it is unknown; `appointment`, `email` and `session` are the answer's
    objects of these names (specification section 2), None where they do not stand in it. `is_new`
    tells that this request wrote the appointment; `is_strict` that it was read with strict
    handling. For operators: `owner`, the `photographer` (a user id), and what `recovery` the email
    has.
    """

    uuid: str | None = None
    saved: bool | None = False
    replayed: bool = False
    appointment: dict[str, Any] | None = None
    email: dict[str, Any] | None = None
    session: dict[str, Any] | None = None
    warnings: list[Warned] = field(default_factory=list)
    is_new: bool = False
    is_strict: bool = False
    owner: str | None = None
    photographer: int | None = None
    recovery: str | None = None
