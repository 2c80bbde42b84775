"""One check of `admin verify`, and the two exceptions with which it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appointments_operator.verify.verification import Verification


class CheckFailed(Exception):
    """The deployment is not as promised; the text says what the check found."""


class NotOnLocalStack(Exception):
    """The local stack does not have what the check looks at; the text says what."""


@dataclass(frozen=True)
class Check:
    """One check: a row of the table.

    `look` returns a detail for the operator. It raises CheckFailed or NotOnLocalStack. `advice`
    says what to do if it fails.
    """

    name: str
    look: Callable[["Verification"], str]
    advice: str
