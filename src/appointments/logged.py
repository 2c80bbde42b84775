"""The form of a logged `request` line, as an operator or his tools send it back.

A module of its own: pydantic takes a quarter of a cold start to import, and only replays need it.
"""

import json
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from appointments import readers
from appointments.request import REQUEST_ID
from appointments.statuses import Failure, Status


class Line(BaseModel):
    """A `request` line as specification section 10 has it; `uuid` may be added by the operator."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    request_id: Annotated[str, Field(pattern=REQUEST_ID)]
    received_at: Annotated[AwareDatetime, Field(strict=False)]
    token_hash: str | None
    params: dict[str, Any] | None
    unknown: list[str] = []
    idempotency_key: str | None = None
    uuid: Annotated[str, AfterValidator(readers.uuid)] | None = None


def parse(line: Any) -> Line:
    """Return the line. Raises Failure with identify-request-error where it is none."""
    try:
        # Through JSON, for an event written by hand may hold what no JSON text can.
        return Line.model_validate_json(json.dumps(line))
    except ValueError as invalid:
        named = ", ".join(_places(invalid)) or "its text"
        raise Failure(
            Status.IDENTIFY_REQUEST_ERROR,
            "Nothing was saved. The event is neither a request through API Gateway nor a logged "
            f"`request` line to replay: see {named}.",
        ) from None


def _places(invalid: ValueError) -> list[str]:
    if not isinstance(invalid, ValidationError):
        return []
    return sorted({str(error["loc"][0]) for error in invalid.errors() if error["loc"]})
