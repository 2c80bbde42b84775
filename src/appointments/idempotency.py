"""The uuid that a request leads to, and whether the same request wrote it before (section 4)."""

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from appointments import parsers, validation
from appointments.errors import ApiError, ParamError
from appointments.parameters import Parameters
from appointments.request import Request
from appointments.statuses import Status
from appointments.tables import appointments, records
from appointments.tables.appointments import Appointment
from appointments.tables.base import BatchResult

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
MAX_KEY_LENGTH: Final = 255
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://planomatic.com/appointments")


def derive_uuid(request: Request, parameters: Parameters, owner: str | None) -> str | None:
    """Return the key of the appointment that the request leads to (section 4.1).

    Returns None if it depends on the Idempotency-Key and the `owner` of the session is unknown.
    """
    if given := request.uuid or parameters.uuid:
        return given
    if key := _idempotency_key(request):
        return str(uuid5(_NAMESPACE, f"key {owner} {key}")) if owner else None
    return str(uuid5(_NAMESPACE, f"request {request.id} {parameters.fingerprint}"))


def key_errors(request: Request) -> list[ParamError]:
    """Return the errors of the Idempotency-Key, which does not matter if a uuid was passed."""
    key = _idempotency_key(request)
    if _has_uuid(request) or (len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        return []
    message = f"Send at most {MAX_KEY_LENGTH} printable characters."
    received = validation.redact_and_truncate(key, request.redact)
    return [ParamError(IDEMPOTENCY_KEY, Status.INVALID_PARAM, message, received)]


def is_same_request(item: Appointment, stored: Appointment) -> bool:
    """Whether `stored` was written for the same content by the same owner (section 4.3)."""
    return stored.fingerprint == item.fingerprint and stored.owner == item.owner


def find_repeat_if_references_are_missing(
    item: Appointment, references: Mapping[str, str], found: BatchResult
) -> Appointment | None:
    """Return None if all referenced records exist.

    Otherwise return the stored item if the request is a repeat, which is good even if a record no
    longer exists (section 1.4, step 7). Raises ApiError if it is none.
    """
    try:
        records.require_references(references, found)
    except ApiError:
        stored = appointments.find(item.uuid)
        if stored is None:
            raise
        if not (stored.forgotten_at or is_same_request(item, stored)):
            raise
        return stored
    return None


def raise_on_conflict(item: Appointment, stored: Appointment, request: Request) -> None:
    """Raise ApiError if the uuid belongs to another appointment, or to one that was erased.

    The error reveals nothing of the other appointment. Every caller is told that one was erased
    (section 7.2).
    """
    raise_if_erased(stored, request)
    if stored.attempt == item.attempt or is_same_request(item, stored):
        return
    param = "uuid" if _has_uuid(request) or not _idempotency_key(request) else IDEMPOTENCY_KEY
    message = (
        f"This {param} belongs to another appointment, which was not changed. "
        f"Send a new {param} for a new appointment."
    )
    sent = request.idempotency_key if param == IDEMPOTENCY_KEY else item.uuid
    received = validation.redact_and_truncate(sent, request.redact)
    raise ApiError.from_errors([ParamError(param, Status.INVALID_PARAM, message, received)])


def raise_if_erased(stored: Appointment, request: Request) -> None:
    """Raise ApiError if the request leads to an appointment that was erased (section 7.2)."""
    if stored.forgotten_at is None:
        return
    message = "This appointment was erased. Send a new uuid for a new appointment."
    if not _has_uuid(request) and _idempotency_key(request):
        message = f"{message} A new {IDEMPOTENCY_KEY} leads to a new uuid."
    received = validation.redact_and_truncate(stored.uuid, request.redact)
    raise ApiError.from_errors([ParamError("uuid", Status.INVALID_PARAM, message, received)])


def _has_uuid(request: Request) -> bool:
    return request.uuid is not None or not parsers.is_blank(request.params.get("uuid"))


def _idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key without white space and quotes around it; empty if not passed."""
    key = request.redact(request.idempotency_key or "").strip()
    quoted = len(key) > 1 and key.startswith('"') and key.endswith('"')
    return key[1:-1].strip() if quoted else key
