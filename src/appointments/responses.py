"""The body of a response (specification section 2), from a creation and the error it ended in."""

from typing import Any, Final

from appointments.create import Creation
from appointments.errors import ApiError, ParamError
from appointments.reasons import Reason
from appointments.statuses import Status

_WITH_DATA: Final = frozenset({Status.ACTION_SUCCESSFUL, Status.MANDRILL_EMAIL_FAILED})
_HAPPENED: Final = {
    True: "The appointment was saved, then something on our side broke.",
    False: "Something on our side broke, and nothing was saved.",
    None: "Something on our side broke, and it is unknown whether this was saved.",
}


def unexpected_error(creation: Creation, reason: Reason) -> ApiError:
    """Return the error that stands for anything on our side that broke."""
    status = Status.APPLICATION_CRASH if creation.route_known else Status.IDENTIFY_REQUEST_ERROR
    return ApiError(status, _HAPPENED[creation.saved], reason=reason)


def build(creation: Creation, error: ApiError | None) -> dict[str, Any]:
    """Return the body as a JSON object, with the keys of section 2.3."""
    status = error.status if error else Status.ACTION_SUCCESSFUL
    body: dict[str, Any] = {
        "status": status.value,
        "code": status.code,
        "message": _message(creation, error),
        "request_id": creation.source.request_id,
    }
    if creation.uuid:
        body["uuid"] = creation.uuid
    body["saved"] = creation.saved
    body["retryable"] = status.retryable
    has_data = status in _WITH_DATA
    if has_data or creation.is_repeat:
        body["replayed"] = creation.is_repeat
    if has_data and creation.appointment and creation.email:
        body["data"] = {
            "appointment": creation.appointment.api_fields(),
            "email": creation.email.to_response(),
        }
    if creation.session is not None:
        body["session"] = creation.session
    if error:
        body["errors"] = [_error(each) for each in error.errors]
    body["warnings"] = [
        {"param": warning.param, "message": warning.message} for warning in creation.warnings
    ]
    return body


def _message(creation: Creation, error: ApiError | None) -> str:
    if error is None:
        if creation.is_repeat:
            return "The appointment was created before; there is still only this one."
        return "The appointment was created."
    if not error.status.retryable:
        return error.message
    uuid = creation.uuid
    key = f'with "uuid": "{uuid}"' if uuid else "(with its uuid, if it has one)"
    return f"{error.message} Send the same again {key}: it is never created twice."


def _error(error: ParamError) -> dict[str, Any]:
    body = {"param": error.param, "status": error.status.value, "message": error.message}
    if error.received is not None:
        body["received"] = error.received
    return body
