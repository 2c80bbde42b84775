"""When an appointment's item expires: never sooner than the log entries of its requests (7.3).

Otherwise a replay of such an entry would create the appointment, and send its email, again. A rule
of `template.yaml` lets no item expire sooner than the log. An item with a pending email never
expires.
"""

from typing import Final

from pynamodb.expressions.update import Action

from appointments.email.retries import epoch_after
from appointments.settings import SETTINGS
from appointments.tables.appointments import Appointment

_DAY_SECONDS: Final = 24 * 3600
# CloudWatch deletes log entries up to three days after their retention.
MARGIN_DAYS: Final = 7


def expires_at(now: float) -> int | None:
    """Return when an item expires that is settled or given up at `now` (epoch seconds).

    None means never, which is the default.
    """
    days = SETTINGS.appointment_retention_days
    return epoch_after(now, (days + MARGIN_DAYS) * _DAY_SECONDS) if days else None


def ttl_action(now: float, *, is_pending: bool) -> Action:
    """Return what an update of the item does with `ttl` at `now` (epoch seconds)."""
    expires = None if is_pending else expires_at(now)
    return Appointment.ttl.remove() if expires is None else Appointment.ttl.set(expires)
