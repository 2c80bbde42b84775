"""The one sender of an appointment's email, whatever triggers it (specification section 8).

Every sender does the same: acquire the lease, ask Mandrill about a maybe sent email, send to those
who have not got it, count the outcome, save the result.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from appointments.email import (
    circuit,
    mandrill,
    outbox,
    recipients,
    results,
    retries,
    search_result,
)
from appointments.email.circuit import Circuit
from appointments.email.mandrill import FoundRecipient
from appointments.email.mandrill_client import CallFailed
from appointments.email.recipients import Users
from appointments.email.retries import LEASE_SECONDS, NextTry, epoch_after
from appointments.email.state import EmailState, Outcome, Trigger
from appointments.observability import logger
from appointments.tables.appointments import Appointment
from appointments.time_limit import OutOfTime


@dataclass
class Sender:
    """Sends the emails of one request, schedule run or worker.

    `attempt_id` is what it writes into `lease`, as its holder. Its calls to Mandrill end at
    `deadline` (time.monotonic() seconds). `circuit` is the circuit breaker, as far as the sender
    knows it.
    """

    trigger: Trigger
    attempt_id: str
    deadline: float
    circuit: Circuit

    def set_first_state(self, item: Appointment, users: Users) -> None:
        """Put the attempt id and the first state of the email into a new item (section 8.6).

        The email is to be sent by this sender, or by the schedule if Mandrill is unavailable.
        """
        now = time.time()
        item.attempt = self.attempt_id
        addresses = recipients.addresses_of(item, users)
        if not addresses:
            outbox.set_skipped(item, now)
        elif self.circuit.is_open(now):
            reason = self.circuit.reason
            state = recipients.unsent_state({}, addresses, reason, Outcome.NOT_SENT)
            outbox.set_not_tried(item, state, now)
        else:
            outbox.set_pending(item, self.attempt_id, now)

    def send(
        self,
        item: Appointment,
        users: Users | None = None,
        found: Iterable[FoundRecipient] | None = None,
    ) -> EmailState:
        """Send what is pending of the email, unless another sender does it; return its state.

        The state has an `outcome` only if this call tried it. Without `users` they are read anew.
        `found` is what Mandrill's search said of a maybe sent email, if it was asked already.
        """
        now = time.time()
        if not self._may_send(item, now):
            # A repeat has a new log entry, which the item must outlive.
            if self.trigger.keeps_plan and item.next_try_at() is None:
                outbox.move_expiry(item, now)
            return _as_stored(item, now)
        history = item.email_history()
        is_new = self.trigger is Trigger.REQUEST
        maybe_sent = not is_new and item.lease is not None
        if users is None:
            users = recipients.read_users(item)
        if not is_new and not outbox.acquire_lease(item, self.attempt_id, now):
            return _as_stored(item, now)
        after = self._deliver(item, users, found, maybe_sent=maybe_sent)
        next_try = retries.next_try(after, self.trigger, history, time.time())
        is_search = maybe_sent and not after.called_mandrill
        trigger = Trigger.SEARCH if is_search else self.trigger
        return self._conclude(item, self.attempt_id, after, next_try, trigger)

    def apply_search(
        self, item: Appointment, users: Users | None, found: Iterable[FoundRecipient]
    ) -> EmailState:
        """Save what the schedule's search said of a maybe sent email whose lease has ended.

        Afterwards the item has no lease any more if the email may be sent.
        """
        now = time.time()
        history = item.email_history()
        if users is None:
            users = recipients.read_users(item)
        after = search_result.state_after(item, recipients.addresses_of(item, users), found)
        next_try = retries.next_try(after, Trigger.SCHEDULE, history, now)
        if not next_try.gives_up and after.outcome in (Outcome.NOT_SENT, Outcome.PARTLY_FOUND):
            # A search is no try: the email is sent now, or searched for once more in two minutes.
            due = epoch_after(now, LEASE_SECONDS) if after.maybe_sent else int(now)
            next_try = replace(next_try, uncounted=history.uncounted, due=due)
        return self._conclude(item, item.lease or "", after, next_try, Trigger.SEARCH)

    def apply_failed_search(self, item: Appointment, reason: str) -> EmailState:
        """Give the email up if a search fails after the 72 hours; else the item stays as it is."""
        now = time.time()
        after = search_result.state_after_failure(item, reason)
        next_try = retries.next_try(after, Trigger.SCHEDULE, item.email_history(), now)
        if not next_try.gives_up:
            return item.email_state(now)
        return self._conclude(item, item.lease or "", after, next_try, Trigger.SEARCH)

    def _may_send(self, item: Appointment, now: float) -> bool:
        """Whether this trigger may send what is pending of the item now."""
        if item.is_settled():
            return False
        if self.trigger is Trigger.REQUEST:
            return item.lease == self.attempt_id
        if self.trigger is Trigger.SCHEDULE:
            due = item.next_try_at()
            return item.lease is None and due is not None and due <= now
        if self.trigger is Trigger.RETRY and self.circuit.is_open(now):
            return False
        return not item.has_active_lease(now)

    def _deliver(
        self,
        item: Appointment,
        users: Users,
        found: Iterable[FoundRecipient] | None,
        *,
        maybe_sent: bool,
    ) -> EmailState:
        """Ask Mandrill about a maybe sent email, then send to those who have not got it."""
        addresses = recipients.addresses_of(item, users)
        if maybe_sent:
            if found is None:
                try:
                    found = mandrill.search(
                        [item.uuid], search_result.first_day([item]), self.deadline
                    )
                except CallFailed as failed:
                    return search_result.state_after_failure(item, str(failed))
            state = search_result.state_after(item, addresses, found)
            if state.outcome is not Outcome.NOT_SENT:
                return state
            item.email_recipients = list(state.recipients)
        retry_at_once = self.trigger is not Trigger.SCHEDULE
        return recipients.deliver(item, addresses, self.deadline, retry_at_once=retry_at_once)

    def _conclude(
        self,
        item: Appointment,
        lease: str,
        after: EmailState,
        next_try: NextTry,
        trigger: Trigger,
    ) -> EmailState:
        """Log, save and count how a try or a search ended; return the state.

        What no longer fits into the time is left undone: the lease stays, and the next sender asks
        Mandrill first.
        """
        since = item.email_history().since
        try:
            results.log(item, after, trigger, next_try)
            if next_try.gives_up:
                results.give_up(item, lease, after, next_try)
            else:
                results.save(item, lease, after, next_try)
            if after.called_mandrill and not self._is_own_throttling(after):
                self.circuit = circuit.record_outcome(self.circuit, after, item.uuid)
        except OutOfTime:
            logger.warning("email not marked", reason="no time left", uuid=item.uuid)
        if not after.is_failure:
            return after
        return replace(after, recovery=retries.describe_recovery(next_try, since))

    def _is_own_throttling(self, after: EmailState) -> bool:
        """Whether the schedule's own sending may have caused the outcome (section 8.6)."""
        return self.trigger is Trigger.SCHEDULE and after.outcome is Outcome.BUSY


def _as_stored(item: Appointment, now: float) -> EmailState:
    """Return the state of an email that is not tried now, with what recovers automatically."""
    state, history = item.email_state(now), item.email_history()
    if not state.is_failure:
        return state
    next_try = NextTry(history.tries, history.uncounted, history.due)
    return replace(state, recovery=retries.describe_recovery(next_try, history.since))
