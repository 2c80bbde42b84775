"""One check: what it is called, what it looks at, and what to do if it fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appointments_operator.verify.trial import Trial


class CheckFailed(Exception):
    """What was found is not what the deployment promises; the text says what was found."""


class NotShown(Exception):
    """The local stack does not have what would be looked at; the text says what."""


@dataclass(frozen=True)
class Check:
    """One row of the table.

    `look` returns a detail for people. It raises CheckFailed or NotShown. `advice` says what to do
    if it fails.
    """

    name: str
    look: Callable[["Trial"], str]
    advice: str
