"""Creating an appointment with PynamoDB, as its documentation writes models and calls.

https://pynamodb.readthedocs.io/en/stable/quickstart.html
https://pynamodb.readthedocs.io/en/stable/conditional.html
"""

import hashlib
import os
import uuid
from typing import Any

import contract
from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import PutError
from pynamodb.models import Model
from request_model import AppointmentRequest


class Session(Model):
    """A row of the sessions table."""

    class Meta:
        table_name = os.environ["SESSIONS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    token_hash = UnicodeAttribute(hash_key=True)
    uuid = UnicodeAttribute()
    kind = UnicodeAttribute()
    user_id = NumberAttribute(null=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    roles: MapAttribute = MapAttribute(null=True)
    remember_me = BooleanAttribute(null=True)
    created_at = NumberAttribute(null=True)
    last_used_at = NumberAttribute(null=True)
    revoked = BooleanAttribute(null=True)


class Record(Model):
    """A row of the records table."""

    class Meta:
        table_name = os.environ["RECORDS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    record = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    deployed = BooleanAttribute(null=True)
    permissions: ListAttribute = ListAttribute(null=True)


class Appointment(Model):
    """A row of the appointments table."""

    class Meta:
        table_name = os.environ["APPOINTMENTS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    vars().update({name: BooleanAttribute(null=True) for name in contract.BOOLEANS})
    vars().update({name: NumberAttribute(null=True) for name in contract.INTEGERS})
    vars().update(
        {
            name: UnicodeAttribute(null=True)
            for name in (
                *contract.DATES,
                *contract.TIMES,
                *contract.DATETIMES,
                *contract.STRINGS,
            )
        }
    )
    uuid = UnicodeAttribute(hash_key=True)
    request_id = UnicodeAttribute()
    role = UnicodeAttribute()


def create(
    request: AppointmentRequest, request_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the appointment and the session's view."""
    session = read_session(request.token)
    roles = session.roles.as_dict() if session.roles else {}
    application, role = contract.choose_role(roles, request.application)
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
        error = contract.invalid_param("uuid", f"The uuid {key} is another appointment's.")
        raise contract.invalid_params([error]) from None
    view = None
    if request.session_view:
        view = contract.session_view(session.attribute_values, request.token)
    return appointment, view


def read_session(token: str) -> Session:
    """Return the session of a valid token."""
    try:
        session = Session.get(hashlib.sha256(token.encode()).hexdigest(), consistent_read=True)
    except Session.DoesNotExist:
        contract.check_session(None)
        raise
    contract.check_session(session.attribute_values)
    return session


def check_references(request: AppointmentRequest) -> None:
    """Check that the records exist."""
    keys = contract.references(vars(request))
    records = Record.batch_get(list(keys.values()), consistent_read=True)
    contract.check_references(keys, {record.record for record in records})


def invalid_body(errors: list[dict[str, Any]]) -> contract.ApiError:
    """Return the error for a body, from pydantic's list of what is invalid."""
    return contract.invalid_params(
        [
            {
                "param": str(error["loc"][-1]),
                "status": "missing-param" if error["type"] == "missing" else "invalid-param",
                "message": error["msg"],
            }
            for error in errors
        ]
    )
