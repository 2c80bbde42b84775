"""When an email is tried again: pure functions of how a try ended (section 8.7)."""

import math
from dataclasses import dataclass
from typing import Final

from appointments.email.state import MAX_TRIES, EmailState, Outcome, Trigger
from appointments.timestamps import iso_from_epoch

# A lease outlives the function's time limit (29 s), and Mandrill is asked about a maybe sent email
# two minutes after the try at the earliest: one figure serves both.
LEASE_SECONDS: Final = 120
# Seconds from the end of a used-up try to the schedule's next one.
RETRY_DELAYS: Final = (60, 240, 900, 3600)
# Seconds to the next try after the first, second, … try in a row that did not count.
UNCOUNTED_DELAYS: Final = (60, 120, 180)
# Seconds to the next try after a recipient was rejected because of Mandrill's account.
ACCOUNT_DELAY: Final = 900
# How long the schedule tries, from the write of the item or a person's retry after giving up.
LIMIT_SECONDS: Final = 72 * 3600
GIVEN_UP: Final = "Nothing any more: the email was given up. The replay sends it again."


@dataclass(frozen=True)
class History:
    """The tries of an email until now.

    `tries` were used up, then `uncounted` in a row did not count. `due` is when the schedule wanted
    to try it (epoch seconds), None if it had given it up. The 72 hours begin at `since` (epoch
    seconds).
    """

    tries: int = 0
    uncounted: int = 0
    due: int | None = None
    since: float = 0.0


@dataclass(frozen=True)
class NextTry:
    """What follows a try.

    `tries` are used up by now, then `uncounted` in a row did not count. `due` is when the schedule
    tries it next (epoch seconds), None for never. `gives_up` says that this try was the last.
    """

    tries: int
    uncounted: int
    due: int | None
    gives_up: bool = False


def next_try(after: EmailState, trigger: Trigger, before: History, now: float) -> NextTry:
    """Return what follows a try that ended in the state `after` at `now` (epoch seconds)."""
    if after.is_settled or after.outcome is None:  # settled, or not tried
        used = after.called_mandrill and not trigger.keeps_plan
        return NextTry(before.tries + used, 0, None)
    if trigger.keeps_plan:
        tries, uncounted = before.tries, before.uncounted
        due = _later(now, LEASE_SECONDS, before.due) if after.maybe_sent else before.due
        return NextTry(tries, uncounted, due)
    if after.outcome.uses_try:
        tries, uncounted = before.tries + 1, 0
    else:
        tries, uncounted = before.tries, before.uncounted + 1
    is_late = trigger is not Trigger.REQUEST and now > before.since + LIMIT_SECONDS
    # Not given up here: a maybe sent email whose tries are used up. It was retried on request, and
    # is searched for until the 72 hours are over.
    if (tries >= MAX_TRIES and not after.maybe_sent) or is_late:
        # MAX_TRIES marks in the item that it was given up, also if the reason is the 72 hours.
        return NextTry(MAX_TRIES, uncounted, None, gives_up=True)
    if after.outcome.uses_try:
        delay = RETRY_DELAYS[tries - 1]
    elif after.outcome is Outcome.ACCOUNT_REFUSED:
        delay = ACCOUNT_DELAY
    else:
        delay = uncounted_delay(uncounted)
    if after.maybe_sent:
        delay = max(delay, LEASE_SECONDS)
    return NextTry(tries, uncounted, epoch_after(now, delay))


def uncounted_delay(uncounted: int) -> int:
    """Return the seconds to the next try after so many in a row that did not count."""
    return UNCOUNTED_DELAYS[min(uncounted, len(UNCOUNTED_DELAYS)) - 1]


def describe_recovery(next_try: NextTry, since: float) -> str:
    """Say for people what is tried automatically, and until when."""
    if next_try.due is None:
        return GIVEN_UP
    if next_try.uncounted or not next_try.tries:
        last = max(since + LIMIT_SECONDS, next_try.due)
    else:
        last = next_try.due + sum(RETRY_DELAYS[next_try.tries :])
    next_at, last_at = (iso_from_epoch(each, "minutes") for each in (next_try.due, last))
    return (
        f"The email is tried again at {next_at}, and further on until {last_at}. Recipients who "
        "have it get no second one. If it is given up, you are notified again."
    )


def epoch_after(now: float, seconds: float) -> int:
    """Return the first whole second that is at least `seconds` after `now`."""
    return math.ceil(now + seconds)


def _later(now: float, seconds: float, due: int | None) -> int:
    return max(epoch_after(now, seconds), due or 0)
