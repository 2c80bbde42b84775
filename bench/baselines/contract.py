"""What the baselines share: the parameters by type, the rules, the responses; no library."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

BOOLEANS = (
    "confirmed cancelled allday on_site_cancel optional same_day_cancel month_first "
    "ready_to_schedule"
).split()
INTEGERS = (
    "order_id order_request_appt_id photographer_user_id order_request_id time_duration_s "
    "window_time_start window_time_end"
).split()
DATES = (
    "date_start_local date_start_office date_start_utc date_stop_local date_stop_office "
    "date_stop_utc requested_date window_date_start window_date_end"
).split()
TIMES = (
    "time_start_local time_start_office time_start_utc time_stop_local time_stop_office "
    "time_stop_utc requested_time"
).split()
DATETIMES = "confirmed_at created_at updated_at".split()
STRINGS = (
    "token application session_view updated_at_mt uuid appt_type confirmed_by delivery_type "
    "description location notes photographer_name summary time_duration created_by created_in "
    "updated_by"
).split()
REQUIRED = ("token", "updated_at_mt")
NOT_STORED = {"token", "session_view", "month_first"}
_REFERENCES = {
    "order_id": "order",
    "order_request_id": "order_request",
    "order_request_appt_id": "order_request_appt",
    "photographer_user_id": "user",
}
_PERMISSIONS = ("client", "employee", "liaison")
_DAY = 24 * 3600


class ApiError(Exception):
    """The request ends here; `errors` are the invalid parameters."""

    def __init__(self, status: str, code: int, message: str, *errors: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors = status, code, message, list(errors)


def invalid_params(errors: list[dict[str, str]]) -> ApiError:
    """Return the error for all invalid parameters at once."""
    is_missing = any(error["status"] == "missing-param" for error in errors)
    status = "missing-param" if is_missing else "invalid-param"
    return ApiError(status, 400, "Correct this and send it again.", *errors)


def invalid_param(name: str, message: str) -> dict[str, str]:
    """Return one element of `errors`."""
    return {"param": name, "status": "invalid-param", "message": message}


def check_session(session: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the session if it is valid."""
    if session is None or session.get("revoked"):
        raise ApiError("invalid-token", 401, "Sign in again.")
    now = time.time()
    if session["kind"] == "session" and not session.get("remember_me"):
        idle, age = now - int(session["last_used_at"]), now - int(session["created_at"])
        if age > 7 * _DAY or idle > 3 * _DAY:
            raise ApiError("session-expired", 401, "Sign in again.")
    return session


def choose_role(roles: Mapping[str, str], application: str | None) -> tuple[str, str]:
    """Return the application and the role."""
    if not roles:
        raise ApiError("client-required", 401, "Register as a client.")
    for name in [application] if application else sorted(roles):
        if roles.get(name) in _PERMISSIONS:
            return name, roles[name]
    raise invalid_params([invalid_param("application", "No role there.")])


def references(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of each record that must exist, by parameter."""
    return {
        name: f"{kind}#{values[name]}" for name, kind in _REFERENCES.items() if values.get(name)
    }


def check_references(keys: Mapping[str, str], found: set[str]) -> None:
    """Refuse a reference whose record was not found."""
    errors = [
        invalid_param(name, "There is no such record.")
        for name, key in keys.items()
        if key not in found
    ]
    if errors:
        raise invalid_params(errors)


def session_view(session: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Return the response's `session`."""
    return {
        "token": token,
        "uuid": session["uuid"],
        "kind": session["kind"],
        "remember_me": bool(session.get("remember_me")),
        "created_at": _iso(int(session["created_at"])),
        "last_used_at": _iso(int(session["last_used_at"])),
        "expires_at": None,
    }


def success(
    request_id: str, appointment: dict[str, Any], session: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the body of a success."""
    return {
        "status": "action-successful",
        "code": 200,
        "message": "The appointment was created.",
        "request_id": request_id,
        "uuid": appointment["uuid"],
        "saved": True,
        "retryable": False,
        "replayed": False,
        "data": {"appointment": appointment, "email": {"status": "skipped", "recipients": []}},
        **({"session": session} if session else {}),
        "warnings": [],
    }


def failure(request_id: str, error: ApiError) -> dict[str, Any]:
    """Return the body of an error."""
    return {
        "status": error.status,
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
        "saved": False,
        "retryable": error.code == 500,
        "errors": error.errors,
        "warnings": [],
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
