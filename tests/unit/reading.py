"""Read parameters in a test: what is kept, what is at fault, what is remarked on."""

from typing import Any

import pytest

from appointments import validation
from appointments.errors import ApiError
from appointments.parameters import Parameters

TOKEN = "a-token-of-the-tests"
REQUIRED: dict[str, Any] = {"token": TOKEN, "updated_at_mt": "2026-11-22 10:00:00"}


def mask(text: str) -> str:
    """Return the text without the token, as a request does."""
    return text.replace(TOKEN, "***")


def read(**values: Any) -> Parameters:
    """Read a request with `values` beside the required parameters."""
    return validation.read({**REQUIRED, **values}, redact=mask)[0]


def kept(**values: Any) -> Any:
    """Return what is kept of the first of `values`, the others being sent with it."""
    return getattr(read(**values), next(iter(values)))


def refused(**values: Any) -> ApiError:
    """Return the failure that refuses the request."""
    with pytest.raises(ApiError) as caught:
        read(**values)
    return caught.value


def param_errors(**values: Any) -> dict[str, str]:
    """Return the parameters at fault with their messages."""
    return {fault.param: fault.message for fault in refused(**values).errors}


def warned(*, unknown: tuple[str, ...] = (), **values: Any) -> list[tuple[str, str]]:
    """Return the warnings of a request that is read: parameter and message."""
    _, warnings = validation.read({**REQUIRED, **values}, unknown=unknown, redact=mask)
    return [(each.param, each.message) for each in warnings]
