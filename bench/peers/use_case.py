"""Creating an appointment with PynamoDB, as its documentation writes the calls.

https://pynamodb.readthedocs.io/en/stable/quickstart.html (get, batch_get, save)
https://pynamodb.readthedocs.io/en/stable/conditional.html
"""

import hashlib
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from answers import Refused
from pynamodb.exceptions import PutError
from request_model import AppointmentRequest
from tables import Appointment, Record, Session

PERMISSIONS = ("client", "employee", "liaison")
DAY = 24 * 3600


def create(
    request: AppointmentRequest, request_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the appointment and the session's view."""
    session = read_session(request.token)
    application, role = choose_role(session, request.application)
    check_references(request)
    appointment = request.appointment()
    appointment["application"] = application
    key = appointment.setdefault("uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, request_id)))
    item = Appointment(**appointment, request_id=request_id, role=role)
    try:
        item.save(condition=Appointment.uuid.does_not_exist())
    except PutError as failed:
        if failed.cause_response_code != "ConditionalCheckFailedException":
            raise
        message = f"The key {key} is another appointment's."
        fault = {"param": "uuid", "status": "invalid-param", "message": message}
        raise Refused("invalid-param", 400, message, fault) from None
    return appointment, view(session, request.token) if request.session_view else None


def read_session(token: str) -> Session:
    """Return the session of a token that is good."""
    try:
        session = Session.get(hashlib.sha256(token.encode()).hexdigest(), consistent_read=True)
    except Session.DoesNotExist:
        raise Refused("invalid-token", 401, "Sign in again.") from None
    if session.revoked:
        raise Refused("invalid-token", 401, "Sign in again.")
    now = time.time()
    if session.kind == "session" and not session.remember_me:
        if now - session.created_at > 7 * DAY or now - session.last_used_at > 3 * DAY:
            raise Refused("session-expired", 401, "Sign in again.")
    return session


def choose_role(session: Session, application: str | None) -> tuple[str, str]:
    """Return the application and the role."""
    roles = session.roles.as_dict() if session.roles else {}
    if not roles:
        raise Refused("client-required", 401, "Register as a client.")
    for name in [application] if application else sorted(roles):
        if roles.get(name) in PERMISSIONS:
            return name, roles[name]
    fault = {"param": "application", "status": "invalid-param", "message": "No role there."}
    raise Refused("invalid-param", 400, "No role there.", fault)


def check_references(request: AppointmentRequest) -> None:
    """Check that the records exist."""
    wanted = {
        name: f"{kind}#{number}"
        for name, kind, number in (
            ("order_id", "order", request.order_id),
            ("order_request_id", "order_request", request.order_request_id),
            ("order_request_appt_id", "order_request_appt", request.order_request_appt_id),
            ("photographer_user_id", "user", request.photographer_user_id),
        )
        if number
    }
    found = {
        record.record for record in Record.batch_get(list(wanted.values()), consistent_read=True)
    }
    errors = [
        {"param": name, "status": "invalid-param", "message": "There is no such record."}
        for name, key in wanted.items()
        if key not in found
    ]
    if errors:
        raise Refused("invalid-param", 400, "There is no such record.", *errors)


def view(session: Session, token: str) -> dict[str, Any]:
    """Return the session as the answer shows it."""
    return {
        "token": token,
        "uuid": session.uuid,
        "kind": session.kind,
        "remember_me": bool(session.remember_me),
        "created_at": iso(session.created_at),
        "last_used_at": iso(session.last_used_at),
        "expires_at": None,
    }


def iso(seconds: float) -> str:
    """Return epoch seconds as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
