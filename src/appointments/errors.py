"""The errors and warnings of a request, and the one exception that ends it: `ApiError`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from appointments.reasons import Reason
from appointments.statuses import Status

# The number of errors that a message lists. `errors` has all of them.
_MAX_LISTED: Final = 5


@dataclass(frozen=True)
class ParamError:
    """A parameter that must be corrected: an element of a response's `errors`.

    `received` is at most 100 characters of the value, or None for a missing parameter and
    for the token.
    """

    param: str
    status: Status
    message: str
    received: str | None = None


@dataclass(frozen=True)
class ParamWarning:
    """A remark on a parameter that did not stop the request: an element of `warnings`."""

    param: str
    message: str


class ApiError(Exception):
    """The request ends with `status`, a status of the contract.

    `errors` are the parameters that must be corrected, `warnings` the remarks on the others.
    `reason` goes into the notification, if the status is notified.
    """

    def __init__(
        self,
        status: Status,
        message: str,
        errors: Sequence[ParamError] = (),
        warnings: Sequence[ParamWarning] = (),
        reason: Reason | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.warnings = tuple(warnings)
        self.reason = reason

    @classmethod
    def from_errors(
        cls, errors: Sequence[ParamError], warnings: Sequence[ParamWarning] = ()
    ) -> Self:
        """Return the error that lists `errors` all at once (specification section 1.4, step 5)."""
        is_missing = any(error.status is Status.MISSING_PARAM for error in errors)
        status = Status.MISSING_PARAM if is_missing else Status.INVALID_PARAM
        listed = " ".join(f"{error.param}: {error.message}" for error in errors[:_MAX_LISTED])
        hidden = len(errors) - _MAX_LISTED
        more = f" And {hidden} more: see errors." if hidden > 0 else ""
        message = f"Nothing was saved. Correct this and send it again. {listed}{more}"
        return cls(status, message, errors, warnings)
