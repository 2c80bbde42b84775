"""Create an appointment: the use case, step by step as specification section 1 numbers it."""

import threading
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from appointments import appointments, http, mailing, params, records, sessions, tables
from appointments.appointments import Appointment
from appointments.http import Request
from appointments.logs import logger
from appointments.params import Parameters
from appointments.records import Record
from appointments.sessions import Session
from appointments.statuses import Failure, Fault, Outcome, Status
from appointments.tables import Found

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://planomatic.com/appointments")
_LONGEST_KEY: Final = 255
_LONGEST_MARKING: Final = 7.0


def create(request: Request, outcome: Outcome, attempt: str, until: float) -> None:
    """Create the appointment that the request asks for, exactly once, and send its email.

    `outcome` is filled in on the way, so that every answer tells what is known. `attempt` is this
    invocation's random id; the email may take `until` then (time.monotonic() seconds). Raises
    Failure for every answer but a success's.
    """
    parameters = _read_parameters(request, outcome)  # steps 4 and 5, told after 2 and 3
    found = _read_tables(request, parameters, outcome)
    route = records.held_route() or records.open_route(found)  # step 2
    http.check_media_type(request, is_sensitive=route.sensitive_params)  # step 3
    if isinstance(parameters, Failure):
        raise parameters
    session = _authenticate(request, parameters, found, outcome)  # step 6
    application, role = sessions.choose_role(session, parameters.application, route.permissions)
    item = Appointment(
        outcome.uuid,
        **parameters.model_dump(
            exclude_none=True, exclude=params.NOT_STORED | {"uuid", "application"}
        ),
        application=application,
        role=role,
        request_id=request.id,
        received_at=http.iso(request.received_at),
        user_id=session.user_id,
        owner=session.owner,
        fingerprint=parameters.fingerprint(),
        attempt=attempt,
        booker_email=session.email,
        booker_name=session.name,
    )
    photographer = _photographer(parameters, found)
    mailing.prepare(item, photographer, attempt)
    stored = _check_references(item, parameters, found) or _write(  # steps 7 and 8
        item, request, session, outcome
    )
    outcome.saved, outcome.replayed = True, stored.attempt != attempt
    outcome.data = {"appointment": stored.fields()}
    if outcome.replayed:  # step 9
        email = mailing.resume(stored, attempt, until)
    else:
        email = mailing.deliver_first(stored, photographer, attempt, until)
    outcome.data["email"] = email.shown()
    if email.is_failure:
        raise Failure(
            Status.MANDRILL_EMAIL_FAILED,
            "The appointment was saved, but its email is not yet with everybody: "
            f"{email.reason}. It is tried again by itself; there is no need to send this again.",
        )


def _read_parameters(request: Request, outcome: Outcome) -> Parameters | Failure:
    """Return the parameters, or the failure that is told once the steps before it are passed."""
    if request.fault:
        return request.fault
    faults: list[Fault] = []
    if request.params.get("uuid") in (None, "") and request.uuid is None:
        ...
    try:
        parameters, outcome.warnings = params.read(
            request.params, unknown=request.unknown, mask=request.mask
        )
    except Failure as failure:
        return failure
    return parameters
