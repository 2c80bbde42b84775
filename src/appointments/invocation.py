"""One invocation of the function: its id, and its deadlines."""

import time
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import uuid4

from appointments.names import ALIAS

# What a request needs after the email: for the result, a notification and the response.
_RESERVED_SECONDS: Final = 7.0
# What is left after all other calls, for the notification and the response together.
_NOTIFICATION_SECONDS: Final = 2.0
# What is left of that for the response.
_RESPONSE_SECONDS: Final = 1.0
_LIMIT_WITHOUT_CONTEXT: Final = 29.0
_NAME_IN_ARN: Final = 6


@dataclass(frozen=True)
class Invocation:
    """The limits of an invocation, in time.monotonic() seconds.

    A request's reads and its calls to Mandrill end at `work_deadline`, its writes at `deadline`,
    and the calls of its notification at `notification_deadline`. `function` names the function with
    the alias that was invoked; it is None if that is unknown.
    """

    id: str
    work_deadline: float
    deadline: float
    notification_deadline: float
    function: str | None = None

    def seconds_for_work(self) -> float:
        """Return the time until `work_deadline`, at least 0."""
        return max(self.work_deadline - time.monotonic(), 0.0)

    @classmethod
    def from_context(cls, context: Any) -> Self:
        """Return the invocation that Lambda's context describes; without one, a new id and 29 s."""
        try:
            seconds_left = float(context.get_remaining_time_in_millis()) / 1000
        except (AttributeError, TypeError, ValueError):
            seconds_left = _LIMIT_WITHOUT_CONTEXT
        ends_at = time.monotonic() + seconds_left
        return cls(
            id=str(getattr(context, "aws_request_id", None) or uuid4()),
            work_deadline=ends_at - _RESERVED_SECONDS,
            deadline=ends_at - _NOTIFICATION_SECONDS,
            notification_deadline=ends_at - _RESPONSE_SECONDS,
            function=_with_alias(str(getattr(context, "invoked_function_arn", ""))),
        )


def _with_alias(arn: str) -> str | None:
    """Return `name:alias` of arn:partition:lambda:region:account:function:name:alias.

    The emulator names the version in place of the alias, or neither; then it is the template's
    alias. None without an ARN.
    """
    match arn.split(":")[_NAME_IN_ARN:]:
        case [name, alias] if not alias.isdigit():
            return f"{name}:{alias}"
        case [name, *_]:
            return f"{name}:{ALIAS}"
    return None
