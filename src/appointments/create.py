"""Create an appointment: the use case, step by step as specification section 1 numbers it."""

import threading
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from appointments import api_gateway, idempotency, mailing, validation
from appointments.errors import ApiError, Outcome, ParamWarning
from appointments.observability import logger
from appointments.parameters import Parameters
from appointments.request import Request, iso
from appointments.statuses import Status
from appointments.tables import appointments, base, records, routes, sessions
from appointments.tables.appointments import Appointment
from appointments.tables.base import BatchResult, Model
from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD
from appointments.tables.records import Record
from appointments.tables.sessions import Session

_LONGEST_MARKING: Final = 7.0


def create(request: Request, outcome: Outcome, attempt: str, until: float) -> None:
    """Create the appointment that the request asks for, exactly once, and send its email.

    `outcome` is filled in on the way, so that every answer tells what is known. `attempt` is this
    invocation's random id; the email may take `until` then (time.monotonic() seconds). Raises
    ApiError for every answer but a success's.
    """
    parameters = _read_parameters(request, outcome)  # steps 4 and 5, told after 2 and 3
    held = routes.cached_route()
    references = {} if isinstance(parameters, ApiError) else records.references_of(parameters)
    found = _read_tables(request, parameters, references, outcome, needs_route=held is None)
    route = held or routes.load_route(found)  # step 2
    outcome.is_strict = request.is_strict
    api_gateway.check_media_type(request, is_sensitive=route.sensitive_params)  # step 3
    if isinstance(parameters, ApiError):
        raise parameters
    session, key = _authenticate(request, parameters, found, outcome)  # step 6
    role = sessions.choose_role(session, parameters.application, route.permissions)
    item = _item(request, parameters, session, role, key)
    photographer = _photographer(references, found)
    mailing.prepare(item, photographer, attempt)
    if photographer and not (photographer.email or "").strip():
        outcome.warnings.append(
            ParamWarning(
                "photographer_user_id",
                "The photographer has no address on record and gets no email.",
            )
        )
    stored = _stored_before(item, references, found)  # step 7
    if stored is None:
        stored = _write(item, request, parameters, session, outcome)  # step 8
        idempotency.raise_on_conflict(item, stored, request)
    outcome.saved, outcome.is_new = True, stored.attempt == attempt
    outcome.replayed, outcome.appointment = not outcome.is_new, stored.api_fields()
    if outcome.is_new:  # step 9
        email = mailing.deliver_first(stored, photographer, attempt, until)
    else:
        trigger = "replay" if request.is_replay else "retry"
        email = mailing.resume(stored, attempt, until, trigger)
    outcome.email = email.shown()
    if email.is_failure:
        outcome.recovery = email.recovery
        outcome.photographer = stored.api_fields().get("photographer_user_id")
        raise ApiError(
            Status.MANDRILL_EMAIL_FAILED,
            "The appointment was saved, but its email did not reach every recipient: "
            f"{email.reason or email.status}. It is retried automatically, and the team is told if "
            "that fails. Do not send it again.",
            reason=email.failure_reason,
        )


def _read_parameters(request: Request, outcome: Outcome) -> Parameters | ApiError:
    """Return the parameters, or the failure that is told once the steps before it are passed."""
    if request.fault:
        return request.fault
    try:
        parameters, outcome.warnings = validation.read(
            request.params,
            unknown=request.unknown,
            beside=idempotency.key_errors(request),
            mask=request.mask,
            is_strict=request.is_strict,
        )
    except ApiError as failure:
        outcome.warnings = list(failure.warnings)
        return failure
    return parameters


def _read_tables(
    request: Request,
    parameters: Parameters | ApiError,
    references: Mapping[str, str],
    outcome: Outcome,
    *,
    needs_route: bool,
) -> BatchResult:
    """Read all that must be read in one stage, and no more than the parameters are good for."""
    wanted: list[tuple[type[Model], str]] = []
    if needs_route:
        wanted += [(Record, SERVICE_RECORD), (Record, ROUTE_RECORD)]
    if isinstance(parameters, Parameters):
        wanted += [(Record, key) for key in references.values()]
        wanted += [(Session, request.token_hash)] if request.token_hash else []
    try:
        return base.read_batch(wanted)
    except (BotoCoreError, ClientError, TimeoutError):
        if isinstance(parameters, Parameters):
            outcome.uuid = idempotency.derive_uuid(request, parameters, owner=None)
        raise


def _authenticate(
    request: Request, parameters: Parameters, found: BatchResult, outcome: Outcome
) -> tuple[Session, str]:
    """Return the caller's session and the appointment's key, and put both into the outcome."""
    kept = found.get(Session, request.token_hash or "")
    owner = kept.owner if kept and not kept.revoked else None
    key = idempotency.derive_uuid(request, parameters, owner)
    outcome.uuid = key
    session = sessions.authenticate(kept, request.received_at)
    outcome.owner = session.owner
    has_roles = bool(session.role_by_application)
    if parameters.session_view or not has_roles:
        _show(session, request, parameters, outcome)
    sessions.require_roles(session)
    return session, str(key)


def _show(session: Session, request: Request, parameters: Parameters, outcome: Outcome) -> None:
    token = None if request.is_replay else request.token
    outcome.session = session.view(parameters.session_view or "default", token)


def _item(
    request: Request, parameters: Parameters, session: Session, role: tuple[str, str], key: str
) -> Appointment:
    """Return the item to be written; its attempt and its email's state are still to be added."""
    beside: dict[str, Any] = {
        "uuid": key,
        "application": role[0],
        "role": role[1],
        "request_id": request.id,
        "received_at": iso(request.received_at),
        "user_id": session.user_id,
        "owner": session.owner,
        "fingerprint": parameters.fingerprint,
        "booker_email": session.email,
        "booker_name": session.name,
    }
    return Appointment.from_values(parameters.appointment() | beside)


def _photographer(references: Mapping[str, str], found: BatchResult) -> Record | None:
    user = references.get("photographer_user_id")
    return found.get(Record, user) if user else None


def _stored_before(
    item: Appointment, references: Mapping[str, str], found: BatchResult
) -> Appointment | None:
    """Check the references; a repeat of what was saved is good even if a record has gone since."""
    try:
        records.check_references(references, found)
    except ApiError:
        stored = appointments.find(item.uuid)
        if stored is None or not idempotency.is_same_request(item, stored):
            raise
        return stored
    return None


def _write(
    item: Appointment, request: Request, parameters: Parameters, session: Session, outcome: Outcome
) -> Appointment:
    """Write the item once, mark the session beside it, and return what is in the table."""
    marking = None
    if session.needs_touch(request.received_at) and not request.is_replay:
        marking = threading.Thread(
            target=copy_context().run, args=(_touch, session, request.received_at)
        )
        marking.start()
    try:
        return appointments.write(item)
    except appointments.WriteOutcomeUnknown:
        outcome.saved = None
        raise
    finally:
        if marking:
            marking.join(_LONGEST_MARKING)
            if outcome.session:
                _show(session, request, parameters, outcome)  # as it is after marking


def _touch(session: Session, now: float) -> None:
    try:
        session.touch(now)
    except PynamoDBException as failed:
        logger.warning("session not marked as used", reason=type(failed).__name__)
