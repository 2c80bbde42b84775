"""A connection to Mandrill that idled too long is not used again: Mandrill may have closed it."""

from typing import Any, Final

import pytest

from appointments.email import mandrill_client
from tests.support.email_harness import UUID, EmailHarness

# Seconds awake, and then frozen: the monotonic clock stands still, the time of day passes or jumps.
IDLE: Final = {
    "awake": (16, 0),
    "frozen": (0, 16),
    "in part frozen": (8, 8),
    "the time of day is set back": (16, -3600),
}


def pools() -> list[Any]:
    """Return the connection pools as they are now."""
    found = mandrill_client._pool.pools
    return [found[key] for key in found.keys()]  # noqa: SIM118 - it is no mapping


def create(harness: EmailHarness, digit: int) -> None:
    """Create an appointment and send its email."""
    harness.renew_session("session-token")
    assert harness.create(uuid=f"{digit}{UUID[1:]}").status == "action-successful"


@pytest.mark.parametrize(("awake", "frozen"), IDLE.values(), ids=IDLE)
def test_it_is_replaced(harness: EmailHarness, awake: int, frozen: int) -> None:
    """However more than fifteen seconds passed, the next email goes over a new connection."""
    create(harness, 1)
    (before,) = pools()
    harness.wait(awake)
    harness.clock.freeze(frozen)
    create(harness, 2)
    (after,) = pools()
    assert after is not before
    assert harness.account.calls == ["send", "send"]


def test_it_is_kept_for_fifteen_seconds(harness: EmailHarness) -> None:
    """Fifteen seconds, of which the environment was frozen, leave it as it is."""
    create(harness, 1)
    (before,) = pools()
    harness.clock.freeze(15)
    create(harness, 2)
    (after,) = pools()
    assert after is before
    assert before.num_connections == 1
