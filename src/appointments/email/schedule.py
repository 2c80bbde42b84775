"""A run of the schedule: what is overdue is processed, in the order of section 8.6."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit

from appointments.email import circuit, overdue, workers
from appointments.email.batch_search import BatchSearch
from appointments.email.drain import Drain
from appointments.email.overdue import Overdue
from appointments.email.state import EmailState, EmailStatus, Outcome
from appointments.invocation import Invocation
from appointments.observability import add_metric
from appointments.settings import SETTINGS
from appointments.time_limit import OutOfTime, time_limit

# A run reads at most 100 overdue appointments per worker, or 3,000 if that is more.
_MIN_READ_LIMIT: Final = 3_000
_READ_PER_WORKER: Final = 100
_PUBLISH_SECONDS: Final = 5.0
_OLDEST, _NEWEST = 0, -1


def run_schedule(attempt_id: str, invocation: Invocation) -> dict[str, Any]:
    """Publish the notifications and send the emails that are overdue; return how many of each.

    What there is no time for stays overdue.
    """
    drain = Drain(attempt_id, invocation)
    search = BatchSearch(drain)
    with suppress(OutOfTime), time_limit(invocation.deadline):
        found = overdue.find(max(_MIN_READ_LIMIT, _READ_PER_WORKER * SETTINGS.mail_workers))
        add_metric("OldestOwedSeconds", round(found.oldest), MetricUnit.Seconds)
        deadline = time.monotonic() + _PUBLISH_SECONDS
        drain.publish([*found.notifications, *found.to_unindex], deadline)
        if _make_test_call(found, drain, search):
            if not drain.is_ended:
                found.emails = workers.hand_over(found.emails, invocation)
            search.search_all(found.maybe_sent)
            drain.send_all([*found.emails, *search.to_send])
    return drain.counts() | {"searches": search.calls}


def run_worker(uuids: Sequence[str], attempt_id: str, invocation: Invocation) -> dict[str, Any]:
    """Send a slice of the overdue emails; a doubled or late worker does no harm."""
    drain = Drain(attempt_id, invocation)
    with suppress(OutOfTime), time_limit(invocation.deadline):
        drain.send_all(uuids, is_stopped_by_circuit=True)
    return drain.counts()


def _make_test_call(found: Overdue, drain: Drain, search: BatchSearch) -> bool:
    """Send one email as a test call; return whether Mandrill is available (section 8.8).

    It is made even if the circuit breaker is open, with the oldest overdue email, and once more
    with the newest if Mandrill is unavailable. If only maybe sent emails are left, it is a search
    for one of them. Without any email, Mandrill counts as available. What was processed is taken
    out of `found`.
    """
    was_unavailable = False
    for position in (_OLDEST, _NEWEST):
        outcome = _send_one(found.emails, position, drain)
        if outcome is None:
            outcome = _search_one(found.maybe_sent, position, drain, search)
        if outcome is None:
            break  # there is no other
        # BUSY: this account called too often, while Mandrill is available to others.
        if outcome is Outcome.BUSY or outcome.available is not False:
            return True
        was_unavailable = True
    return not was_unavailable


def _send_one(uuids: list[str], position: int, drain: Drain) -> Outcome | None:
    """Send the first of these emails that Mandrill is called for; None if there is none."""
    while uuids and not drain.is_ended:
        uuid = uuids.pop(position)
        state = drain.send(uuid, drain.read([uuid]))
        if state and state.called_mandrill:
            return state.outcome
    return None


def _search_one(
    uuids: list[str], position: int, drain: Drain, search: BatchSearch
) -> Outcome | None:
    """Search for the first of these emails that Mandrill is asked about; None if there is none."""
    calls = search.calls
    while uuids and not drain.is_ended:
        uuid = uuids.pop(position)
        failed = search.search_all([uuid])
        if search.calls > calls:
            # For the circuit breaker: a search that succeeds says that Mandrill is available.
            outcome = failed.outcome if failed else Outcome.SETTLED
            if outcome is not Outcome.BUSY:
                state = EmailState(EmailStatus.UNKNOWN, reason=str(failed), outcome=outcome)
                drain.sender.circuit = circuit.record_outcome(drain.sender.circuit, state, uuid)
            return outcome
    return None
