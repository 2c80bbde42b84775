"""Mandrill is asked about the schedule's maybe sent emails, many at a time (section 8.12)."""

import time
from collections.abc import Sequence
from typing import Final

from appointments.email import mandrill, search_result
from appointments.email.batch import BATCH_SIZE, EmailBatch
from appointments.email.drain import Drain
from appointments.email.mandrill import FoundRecipient
from appointments.email.mandrill_client import CallFailed
from appointments.email.state import EmailState, Outcome
from appointments.observability import add_metric, logger
from appointments.tables.appointments import Appointment

# Mandrill allows twenty searches per minute; the rest is for callers' retries and replays.
MAX_CALLS: Final = 8
MAX_SECONDS: Final = 8.0


class BatchSearch:
    """The searches of one run, at most MAX_CALLS of them in MAX_SECONDS of calls.

    `to_send` are the uuids of the emails that Mandrill certainly does not have.
    """

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._size = BATCH_SIZE
        self._seconds = 0.0
        self._is_mandrill_busy = False
        self.calls = 0
        self.to_send: list[str] = []

    @property
    def is_ended(self) -> bool:
        """Whether Mandrill is not to be asked any more in this run."""
        return self._is_mandrill_busy or self.calls >= MAX_CALLS or self._seconds >= MAX_SECONDS

    def search_all(self, uuids: Sequence[str]) -> CallFailed | None:
        """Ask about these, the oldest first; return the failure that ended it, None if none did."""
        waiting = list(uuids)
        while waiting and not self.is_ended:
            asked, waiting = waiting[: self._size], waiting[self._size :]
            batch = self._drain.read(asked)
            items = [item for uuid in asked if (item := self._item_to_ask_about(uuid, batch))]
            if not items:
                continue
            try:
                found = self._call(items)
            except CallFailed as failed:
                if failed.outcome is Outcome.REFUSED and len(items) > 1:
                    logger.error("search by OR refused", reason=str(failed))
                    add_metric("SearchRefused")
                    self._size, waiting = 1, asked + waiting
                    continue
                self._apply_failure(items, batch, str(failed))
                self._is_mandrill_busy = failed.outcome is Outcome.BUSY
                return failed
            if len(found) >= mandrill.SEARCH_LIMIT and self._size > 1:
                # Such a list may be cut: fewer are asked about at once.
                self._size = max(1, len(items) // 2)
                waiting = [item.uuid for item in items] + waiting
                continue
            self._apply(items, batch, found)
        return None

    def _item_to_ask_about(self, uuid: str, batch: EmailBatch) -> Appointment | None:
        """Return the item if it is maybe sent and no sender is at work on it, otherwise None.

        Like all that the drain processes, it is put off if it is broken.
        """
        if self._drain.process_item(uuid, batch, _raise_if_broken) is None:
            return None
        item, now = batch.item(uuid), time.time()
        if item is None or item.lease is None or item.has_active_lease(now):
            return None
        due = item.next_try_at()
        return item if due is not None and due <= now else None

    def _call(self, items: Sequence[Appointment]) -> list[FoundRecipient]:
        self.calls += 1
        began = time.monotonic()
        deadline = min(self._drain.sender.deadline, began + MAX_SECONDS - self._seconds)
        try:
            uuids = [item.uuid for item in items]
            return mandrill.search(uuids, search_result.first_day(items), deadline)
        finally:
            self._seconds += time.monotonic() - began

    def _apply_failure(self, items: Sequence[Appointment], batch: EmailBatch, reason: str) -> None:
        for item in items:
            self._drain.process_item(
                item.uuid, batch, lambda read: self._drain.sender.apply_failed_search(read, reason)
            )

    def _apply(
        self, items: Sequence[Appointment], batch: EmailBatch, found: Sequence[FoundRecipient]
    ) -> None:
        by_uuid: dict[str, list[FoundRecipient]] = {item.uuid: [] for item in items}
        for each in found:
            if each.uuid in by_uuid:
                by_uuid[each.uuid].append(each)
        for item in items:
            state = self._drain.process_item(
                item.uuid,
                batch,
                lambda read: self._drain.sender.apply_search(
                    read, batch.users_of(read), by_uuid[read.uuid]
                ),
            )
            if state and state.outcome is Outcome.NOT_SENT:
                self.to_send.append(item.uuid)


def _raise_if_broken(item: Appointment) -> EmailState:
    """Read what a search reads of an item: a broken one must not make the search for many fail."""
    search_result.first_day([item])
    return item.email_state(time.time())
