"""What an answer says: the body of specification section 2, from a status and an outcome."""

from typing import Any

from appointments import reasons
from appointments.errors import ApiError, Outcome, ParamError
from appointments.statuses import Status


def crashed(outcome: Outcome, broken: Exception, *, is_identified: bool) -> ApiError:
    """Return the failure that stands for anything of ours that broke."""
    status = Status.APPLICATION_CRASH if is_identified else Status.IDENTIFY_REQUEST_ERROR
    if outcome.saved:
        happened = "The appointment was saved, then something on our side broke."
    elif outcome.saved is None:
        happened = "Something on our side broke, and it is unknown whether this was saved."
    else:
        happened = "Something on our side broke, and nothing was saved."
    return ApiError(status, happened, reason=reasons.of_exception(broken))


def body(request_id: str, outcome: Outcome, failure: ApiError | None) -> dict[str, Any]:
    """Return an answer's body as a JSON object."""
    status = failure.status if failure else Status.ACTION_SUCCESSFUL
    answer: dict[str, Any] = {
        "status": status.value,
        "code": status.code,
        "message": _message(outcome, failure),
        "request_id": request_id,
    }
    if outcome.uuid:
        answer["uuid"] = outcome.uuid
    answer["saved"] = outcome.saved
    answer["retryable"] = status.retryable
    is_told = status in (Status.ACTION_SUCCESSFUL, Status.MANDRILL_EMAIL_FAILED)
    if is_told or outcome.replayed:
        answer["replayed"] = outcome.replayed
    if is_told:
        answer["data"] = {"appointment": outcome.appointment, "email": outcome.email}
    if outcome.session is not None:
        answer["session"] = outcome.session
    if failure:
        answer["errors"] = [_error(fault) for fault in failure.errors]
    answer["warnings"] = [
        {"param": warned.param, "message": warned.message} for warned in outcome.warnings
    ]
    return answer


def _message(outcome: Outcome, failure: ApiError | None) -> str:
    if failure is None:
        if outcome.replayed:
            return "The appointment had been created before; it is still the one appointment."
        return "The appointment was created."
    if not failure.status.retryable:
        return failure.message
    key = f'with "uuid": "{outcome.uuid}"' if outcome.uuid else "(with its uuid, if it has one)"
    return f"{failure.message} Send the same again {key}: it is never created twice."


def _error(fault: ParamError) -> dict[str, Any]:
    error = {"param": fault.param, "status": fault.status.value, "message": fault.message}
    if fault.received is not None:
        error["received"] = fault.received
    return error
