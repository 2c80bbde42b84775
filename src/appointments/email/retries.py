"""When an email is tried again: pure functions of how a try ended (section 8.7)."""

import math
from dataclasses import dataclass
from typing import Final

from appointments.email.state import MAX_TRIES, EmailState, Outcome, Trigger
from appointments.request import iso

# A lease outlives the function's time limit (29 s), and Mandrill is asked about a maybe sent email
# two minutes after the try at the earliest: one figure serves both.
LEASE_SECONDS: Final = 120
# Seconds from the end of a try to the schedule's next one, and from a failed search to the next.
RETRY_DELAYS: Final = (60, 240, 900, 3600)
SEARCH_DELAY: Final = 60
GIVEN_UP: Final = "Nothing any more: the email was given up. The replay sends it again."


@dataclass(frozen=True)
class NextTry:
    """What follows a try. Times are epoch seconds.

    `tries` are used up by now. `due` is when the schedule takes the item next, None for never.
    `lease_until` is when a maybe sent email's lease ends, None if it has none.
    """

    tries: int
    due: int | None
    lease_until: int | None


def next_try(
    after: EmailState, trigger: Trigger, tries: int, previous_due: int | None, now: float
) -> NextTry:
    """Return what follows a try that ended in the state `after`.

    `tries` were used up before it. A caller's retry and a replay use up no try and leave
    `previous_due`, the plan of the schedule, as it was.
    """
    is_counted = trigger in (Trigger.REQUEST, Trigger.SCHEDULE) and not is_search_only(tries)
    if is_counted and after.outcome and after.outcome.uses_try:
        tries += 1
    is_plan_kept = trigger in (Trigger.RETRY, Trigger.REPLAY)
    if after.is_final:
        due = None
    elif is_plan_kept and not after.maybe_sent:
        due = max(int(previous_due), int(now)) if previous_due and tries < MAX_TRIES else None
    elif after.outcome is Outcome.NOT_SEARCHED:
        due = epoch_after(now, SEARCH_DELAY)
    else:
        delay = RETRY_DELAYS[tries - 1] if tries < MAX_TRIES else 0  # after the last, only searches
        due = epoch_after(now, max(delay, LEASE_SECONDS) if after.maybe_sent else delay)
    lease_until = None
    if after.maybe_sent:
        is_searched = after.outcome is not Outcome.NOT_SEARCHED
        lease_until = epoch_after(now, LEASE_SECONDS if is_searched else SEARCH_DELAY)
    return NextTry(tries, due, lease_until)


def given_up(now: float) -> NextTry:
    """Return what follows giving up: no try, but `due` until its notification is published."""
    return NextTry(MAX_TRIES, epoch_after(now, RETRY_DELAYS[0]), None)


def is_search_only(tries: int) -> bool:
    """Whether all tries are used up, so that of a maybe sent email only the search is left."""
    return tries >= MAX_TRIES


def describe_recovery(planned: NextTry) -> str:
    """Say for people what is tried automatically, and until when."""
    if planned.due is None:
        return GIVEN_UP
    last = iso(planned.due + sum(RETRY_DELAYS[planned.tries :]), "minutes")
    return (
        f"The email is tried again at {iso(planned.due, 'minutes')}, then with growing pauses "
        f"until {last}. Recipients who have it get no second one. If it is given up, you are "
        "notified again."
    )


def epoch_after(now: float, seconds: float) -> int:
    """Return the first whole second that is at least `seconds` after `now`."""
    return math.ceil(now + seconds)
