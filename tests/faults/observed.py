"""What a caller observes of one request: the response, and whether it waited for Mandrill."""

from dataclasses import dataclass


@dataclass
class Answered:
    """An answer of the function, and the request it answers."""

    request_id: str
    uuid: str
    status: str
    saved: bool | None
    was_stored: bool
    is_stored: bool


@dataclass
class Wait:
    """A caller's request that called Mandrill: was the circuit breaker open, was Mandrill out."""

    request_id: str
    is_open: bool
    is_outage: bool
