"""What schemathesis cannot know of the local stack: a valid token, records, and what is taken.

Only requests that fit the document get them. All others are sent as they were generated.
"""

from typing import Any, Final
from uuid import uuid4

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

TOKEN: Final = "local-application-token"
RECORDS: Final = {
    "order_id": 1001,
    "order_request_id": 2001,
    "order_request_appt_id": 3001,
    "photographer_user_id": 503,
}
KEY: Final = "Idempotency-Key"
used: set[str] = set()


@schemathesis.hook
def before_call(_: HookContext, case: Case, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Name the token and the records that the local stack has; use each key once."""
    is_positive = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if not (is_positive and isinstance(case.body, dict)):
        return
    known = {name: number for name, number in RECORDS.items() if case.body.get(name)}
    case.body = {**case.body, "token": TOKEN, **known}
    if case.body.get("uuid"):
        case.body["uuid"] = once(case.body["uuid"])
    if case.headers and KEY in case.headers:
        case.headers[KEY] = once(case.headers[KEY])


def once(key: str) -> str:
    """Return the key, or another one if it belongs to an appointment already."""
    if key in used:
        return str(uuid4())
    used.add(key)
    return key
