"""The one error that ends a request lists all errors, and its status follows from them."""

import pytest

from appointments.errors import ApiError, ParamError, ParamWarning
from appointments.statuses import Status

MISSING = ParamError("token", Status.MISSING_PARAM, "Send token.")
INVALID = ParamError("notes", Status.INVALID_PARAM, "Send text, in quotes.", "[]")


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([INVALID], Status.INVALID_PARAM),
        ([MISSING], Status.MISSING_PARAM),
        ([INVALID, MISSING], Status.MISSING_PARAM),
        ([MISSING, INVALID], Status.MISSING_PARAM),
    ],
)
def test_a_missing_parameter_decides_the_status(errors: list[ParamError], status: Status) -> None:
    """The status is missing-param if a parameter is missing, else invalid-param; all are listed."""
    failure = ApiError.from_errors(errors, [ParamWarning("nots", "It was ignored.")])
    assert failure.status is status
    assert failure.errors == tuple(errors)
    assert failure.warnings == (ParamWarning("nots", "It was ignored."),)
    assert all(f"{error.param}: {error.message}" in failure.message for error in errors)


@pytest.mark.parametrize(("number", "more"), [(1, ""), (5, ""), (6, "1 more"), (20, "15 more")])
def test_the_message_names_five_errors(number: int, more: str) -> None:
    """The message lists the first five errors, and how many more are in `errors`."""
    failure = ApiError.from_errors(
        [ParamError(f"p{at}", Status.INVALID_PARAM, "Send it.") for at in range(number)]
    )
    assert failure.message.count("Send it.") == min(number, 5)
    assert failure.message.endswith(f" And {more}: see errors." if more else "Send it.")
    assert str(failure) == failure.message
