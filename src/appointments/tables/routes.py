"""The switch with which operators open, close and configure the route (specification section 6)."""

import time
from dataclasses import dataclass
from typing import Final

from appointments.errors import ApiError
from appointments.statuses import Status
from appointments.tables.base import BatchResult
from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD
from appointments.tables.records import Record

# The specification allows 60 seconds; operators who close a route wait for half of that.
ROUTE_CACHE_SECONDS: Final = 30


@dataclass(frozen=True)
class Route:
    """The open route: the content it accepts, and the roles that may use it."""

    sensitive_params: bool
    permissions: tuple[str, ...]


class _Cache:
    """The open route as the execution environment read it last, and when (epoch seconds)."""

    route: Route | None = None
    read_at = 0.0


def cached_route() -> Route | None:
    """Return the open route as read within the last ROUTE_CACHE_SECONDS, or None."""
    is_fresh = 0 <= time.time() - _Cache.read_at < ROUTE_CACHE_SECONDS
    return _Cache.route if is_fresh else None


def load_route(found: BatchResult) -> Route:
    """Return the route from what was read, and cache it.

    Raises ApiError with service-not-found or route-not-found. A closed route is not cached, so
    that opening it works at once.
    """
    service, route = found.get(Record, SERVICE_RECORD), found.get(Record, ROUTE_RECORD)
    if service is None or not service.deployed:
        raise _closed(Status.SERVICE_NOT_FOUND)
    if route is None or not route.deployed:
        raise _closed(Status.ROUTE_NOT_FOUND)
    _Cache.route = Route(bool(route.sensitive_params), tuple(route.permissions or ()))
    _Cache.read_at = time.time()
    return _Cache.route


def clear_route_cache() -> None:
    """Empty the cache, as in a new execution environment."""
    _Cache.route = None


def _closed(status: Status) -> ApiError:
    return ApiError(
        status, "Nothing was saved. This API is closed at the moment; it will open again."
    )
