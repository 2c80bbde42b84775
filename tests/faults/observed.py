"""What a caller observes of one request: the response, and whether it waited for Mandrill."""

from dataclasses import dataclass


@dataclass
class ObservedResponse:
    """A response of the function, and whether its appointment was stored before and after."""

    request_id: str
    uuid: str
    status: str
    saved: bool | None
    was_stored: bool
    is_stored: bool


@dataclass
class Wait:
    """A request that called Mandrill: was the circuit breaker open, was there an outage."""

    request_id: str
    is_open: bool
    is_outage: bool
