"""One invocation of the function: its id, and its deadline."""

import time
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import uuid4

# Reserved for what follows the email: the marks, a notification and the response.
_RESERVED_SECONDS: Final = 7.0
_LIMIT_WITHOUT_CONTEXT: Final = 29.0


@dataclass(frozen=True)
class Invocation:
    """`deadline` is when calls to Mandrill must end (time.monotonic() seconds)."""

    id: str
    deadline: float

    @classmethod
    def from_context(cls, context: Any) -> Self:
        """Return the invocation that Lambda's context describes; without one, a new id and 29 s."""
        try:
            seconds_left = float(context.get_remaining_time_in_millis()) / 1000
        except (AttributeError, TypeError, ValueError):
            seconds_left = _LIMIT_WITHOUT_CONTEXT
        return cls(
            id=str(getattr(context, "aws_request_id", None) or uuid4()),
            deadline=time.monotonic() + seconds_left - _RESERVED_SECONDS,
        )
