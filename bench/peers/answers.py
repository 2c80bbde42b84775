"""The contract's answers, as all peers give them."""

from typing import Any


class Refused(Exception):
    """The request ends here; `errors` are the parameters at fault."""

    def __init__(self, status: str, code: int, message: str, *errors: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors = status, code, message, list(errors)


def success(
    request_id: str, appointment: dict[str, Any], session: dict[str, Any] | None
) -> dict[str, Any]:
    """Return a success's body."""
    return {
        "status": "action-successful",
        "code": 200,
        "message": "The appointment was created.",
        "request_id": request_id,
        "uuid": appointment["uuid"],
        "saved": True,
        "retryable": False,
        "replayed": False,
        "data": {
            "appointment": appointment,
            "email": {"status": "skipped", "recipients": []},
        },
        **({"session": session} if session else {}),
        "warnings": [],
    }


def failure(request_id: str, refused: Refused) -> dict[str, Any]:
    """Return a failure's body."""
    return {
        "status": refused.status,
        "code": refused.code,
        "message": refused.message,
        "request_id": request_id,
        "saved": False,
        "retryable": refused.code == 500,
        "errors": refused.errors,
        "warnings": [],
    }


def invalid(errors: list[dict[str, Any]]) -> Refused:
    """Return the refusal of a body, from pydantic's list of what is wrong with it."""
    faults = [
        {
            "param": str(error["loc"][-1]),
            "status": "missing-param" if error["type"] == "missing" else "invalid-param",
            "message": error["msg"],
        }
        for error in errors
    ]
    is_missing = any(fault["status"] == "missing-param" for fault in faults)
    status = "missing-param" if is_missing else "invalid-param"
    return Refused(status, 400, "Correct this and send it again.", *faults)
