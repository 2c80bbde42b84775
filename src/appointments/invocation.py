"""One invocation of the function: its id, and its deadline."""

import time
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import uuid4

# What a request keeps of its time after the email: for marks, a notification and the response.
_RESERVED_SECONDS: Final = 7.0
# What is kept after all other calls for the notification, and after that for the response.
_NOTIFICATION_SECONDS: Final = 2.0
_RESPONSE_SECONDS: Final = 1.0
_LIMIT_WITHOUT_CONTEXT: Final = 29.0
_NAME_IN_ARN: Final = 6
_ALIAS: Final = "live"


@dataclass(frozen=True)
class Invocation:
    """The limits of an invocation, in time.monotonic() seconds.

    A request's calls to Mandrill end at `deadline`, all other calls at `last_call`, and those of a
    notification at `last_notification`. `function` names the function with the alias that was
    invoked; it is None if that is unknown.
    """

    id: str
    deadline: float
    last_call: float
    last_notification: float
    function: str | None = None

    def seconds_left(self) -> float:
        """Return the time until `deadline`, at least 0."""
        return max(self.deadline - time.monotonic(), 0.0)

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
            deadline=ends_at - _RESERVED_SECONDS,
            last_call=ends_at - _NOTIFICATION_SECONDS,
            last_notification=ends_at - _RESPONSE_SECONDS,
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
            return f"{name}:{_ALIAS}"
    return None
