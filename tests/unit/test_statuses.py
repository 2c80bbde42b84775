"""The statuses: a closed set with the marks of specification section 2; errors that list them."""

import pytest

from appointments.errors import ApiError, ParamError, ParamWarning
from appointments.statuses import Status

# The table of section 2: status, HTTP code, retryable, notified. (The two of a closed route are
# counted only.)
SECTION_2 = """
    action-successful       200  no   no
    missing-param           400  no   no
    invalid-param           400  no   no
    invalid-content-type    400  no   no
    no-params-decoded       400  no   no
    invalid-encoded-params  400  no   no
    invalid-token           401  no   no
    session-expired         401  no   no
    client-required         401  no   no
    mandrill-email-failed   500  no   yes
    application-crash       500  yes  yes
    identify-request-error  500  yes  yes
    route-non-existent      500  no   no
    route-not-found         503  yes  no
    service-not-found       503  yes  no
"""

MISSING = ParamError("token", Status.MISSING_PARAM, "Send token.")
INVALID = ParamError("notes", Status.INVALID_PARAM, "Send text, in quotes.", "[]")


def test_marks_are_those_of_the_specification() -> None:
    """Each status has the code, and is retryable and notified, as section 2 says; no other is."""
    assert {
        (status.value, status.code, status.retryable, status.notified) for status in Status
    } == {
        (name, int(code), retryable == "yes", notified == "yes")
        for name, code, retryable, notified in map(str.split, SECTION_2.strip().splitlines())
    }


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ([INVALID], Status.INVALID_PARAM),
        ([MISSING], Status.MISSING_PARAM),
        ([INVALID, MISSING], Status.MISSING_PARAM),
        ([MISSING, INVALID], Status.MISSING_PARAM),
    ],
)
def test_a_missing_parameter_decides_the_status(faults: list[ParamError], status: Status) -> None:
    """The status is missing-param if a parameter is missing, else invalid-param; all are told."""
    failure = ApiError.from_errors(faults, [ParamWarning("nots", "It was ignored.")])
    assert failure.status is status
    assert failure.errors == tuple(faults)
    assert failure.warnings == (ParamWarning("nots", "It was ignored."),)
    assert all(f"{fault.param}: {fault.message}" in failure.message for fault in faults)


@pytest.mark.parametrize(("number", "more"), [(1, ""), (5, ""), (6, "1 more"), (20, "15 more")])
def test_the_message_names_five_faults(number: int, more: str) -> None:
    """The message tells the first five faults and how many more stand in `errors`."""
    failure = ApiError.from_errors(
        [ParamError(f"p{at}", Status.INVALID_PARAM, "Send it.") for at in range(number)]
    )
    assert failure.message.count("Send it.") == min(number, 5)
    assert failure.message.endswith(f" And {more}: see errors." if more else "Send it.")
    assert str(failure) == failure.message
