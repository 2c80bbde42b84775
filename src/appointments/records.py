"""Records of other services: what a reference must name, and whether our route is open."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from appointments.errors import ApiError, ParamError
from appointments.parameters import Parameters
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.tables import Found, Table

SERVICE: Final = "service#appointments"
ROUTE: Final = "route#appointments/create"
# The specification allows 60 seconds; operators who close a route wait for half of that.
HOLD_SECONDS: Final = 30
_REFERENCES: Final = {
    "order_id": "order",
    "order_request_appt_id": "order_request_appt",
    "photographer_user_id": "user",
    "order_request_id": "order_request",
}


class Record(Table):
    """A row of the records table (specification section 6)."""

    class Meta:
        table_name = SETTINGS.records_table

    record = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    deployed = BooleanAttribute(null=True)
    sensitive_params = BooleanAttribute(null=True)
    permissions: ListAttribute[str] = ListAttribute(null=True)


@dataclass(frozen=True)
class Route:
    """The two switches of operators: is the route open, how is it sent to, who may use it."""

    sensitive_params: bool
    permissions: tuple[str, ...]


_held: tuple[Route, float] | None = None


def held_route() -> Route | None:
    """Return the open route as read within the last HOLD_SECONDS, or None."""
    if _held is None or not 0 <= time.time() - _held[1] < HOLD_SECONDS:
        return None
    return _held[0]


def open_route(found: Found) -> Route:
    """Return the route from what was read, and hold it.

    Raises ApiError with service-not-found or route-not-found; a closed route is not held, so that
    opening it works at once.
    """
    global _held  # noqa: PLW0603 - held by the execution environment, as specification section 6 allows
    service, route = found.get(Record, SERVICE), found.get(Record, ROUTE)
    for status, record in ((Status.SERVICE_NOT_FOUND, service), (Status.ROUTE_NOT_FOUND, route)):
        if record is None or not record.deployed:
            raise ApiError(
                status, "Nothing was saved. This API is closed at the moment; it will open again."
            )
    assert route is not None  # noqa: S101 - the loop has just seen to it
    opened = Route(bool(route.sensitive_params), tuple(route.permissions or ()))
    _held = opened, time.time()
    return opened


def references(parameters: Parameters) -> dict[str, str]:
    """Return the key of the record that each id parameter names, by parameter."""
    return {
        name: f"{kind}#{number}"
        for name, kind in _REFERENCES.items()
        if (number := getattr(parameters, name)) is not None
    }


def check_references(keys: Mapping[str, str], found: Found) -> None:
    """Raise ApiError with one invalid-param for each of the `references` with no such record."""
    faults = [
        ParamError(
            name,
            Status.INVALID_PARAM,
            f"There is no {key.partition('#')[0]} with this id; send the id of one that exists.",
            key.partition("#")[2],
        )
        for name, key in keys.items()
        if (Record, key) not in found
    ]
    if faults:
        raise ApiError.from_errors(faults)


def user(user_id: int) -> Record | None:
    """Read a user's record anew, so that a corrected address counts; None where there is none."""
    try:
        return Record.get(f"user#{user_id}", consistent_read=True)
    except Record.DoesNotExist:
        return None
