"""The request as a pydantic model, for the baselines on Powertools and FastAPI.

https://docs.pydantic.dev/latest/concepts/models/#dynamic-model-creation
"""

from datetime import date, datetime, time
from typing import Any, Literal
from uuid import UUID

import contract
from pydantic import NonNegativeInt, create_model

TYPES: dict[str, Any] = {
    **dict.fromkeys(contract.BOOLEANS, bool),
    **dict.fromkeys(contract.INTEGERS, NonNegativeInt),
    **dict.fromkeys(contract.DATES, date),
    **dict.fromkeys(contract.TIMES, time),
    **dict.fromkeys(contract.DATETIMES, datetime),
    **dict.fromkeys(contract.STRINGS, str),
    "application": Literal["planoauth", "planoorder", "planox2"],
    "session_view": Literal["default", "full"],
    "uuid": UUID,
}
FIELDS: dict[str, Any] = {
    name: (kind, ...) if name in contract.REQUIRED else (kind | None, None)
    for name, kind in TYPES.items()
}
Fields: Any = create_model("Fields", **FIELDS)


class AppointmentRequest(Fields):
    """The body of a request."""

    def appointment(self) -> dict[str, Any]:
        """Return what is stored and returned, in the contract's own forms."""
        return self.model_dump(mode="json", exclude_none=True, exclude=contract.NOT_STORED)
