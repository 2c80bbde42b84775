"""The records of other services that an appointment refers to (specification section 6)."""

from collections.abc import Mapping

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from appointments.errors import ApiError, ParamError
from appointments.parameters import Parameters
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.tables.base import BatchResult, Model
from appointments.tables.keys import REFERENCE_KINDS, user_record


class Record(Model):
    """An item of the records table."""

    class Meta:
        table_name = SETTINGS.records_table

    record = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    deployed = BooleanAttribute(null=True)  # of a route or service: open
    sensitive_params = BooleanAttribute(null=True)
    permissions: ListAttribute[str] = ListAttribute(null=True)


def references_of(parameters: Parameters) -> dict[str, str]:
    """Return the key of the record that each reference names, by parameter."""
    return {
        name: f"{kind}#{number}"
        for name, kind in REFERENCE_KINDS.items()
        if (number := getattr(parameters, name)) is not None
    }


def require_references(references: Mapping[str, str], found: BatchResult) -> None:
    """Raise ApiError with one invalid-param for each of the references that has no record."""
    errors = [
        ParamError(
            name,
            Status.INVALID_PARAM,
            f"There is no {key.partition('#')[0]} with this id; send the id of one that exists.",
            key.partition("#")[2],
        )
        for name, key in references.items()
        if (Record, key) not in found
    ]
    if errors:
        raise ApiError.from_errors(errors)


def find_user(user_id: int) -> Record | None:
    """Read a user's record anew, so that a corrected address counts; None if there is none."""
    try:
        return Record.get(user_record(user_id), consistent_read=True)
    except Record.DoesNotExist:
        return None
