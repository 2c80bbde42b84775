"""Overdue emails are sent one after the other, by the schedule's run and by its workers."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from appointments import notifier
from appointments.email import outbox
from appointments.email.batch import BATCH_SIZE, EmailBatch
from appointments.email.circuit import Circuit
from appointments.email.put_off import is_caused_by_item, put_off
from appointments.email.sender import Sender
from appointments.email.state import EmailState, Outcome, Trigger
from appointments.invocation import Invocation
from appointments.notification import Notification
from appointments.observability import add_metric, log_keys, logger
from appointments.reasons import of_exception
from appointments.tables.appointments import Appointment
from appointments.tables.base import chunks

# Nothing begins with less time left for its calls. A Mandrill that answers needs a tenth of it.
_ENOUGH_SECONDS: Final = 2.0
# How long throttled keys are read again: the other emails wait meanwhile.
_READ_SECONDS: Final = 2.0
# So many outcomes "unavailable" in a row end the sending.
_IN_A_ROW: Final = 2


class Drain:
    """Processes overdue emails until the time is up or Mandrill is unavailable.

    `emails` counts those that were tried, and `failed` the items that could not be processed.
    """

    def __init__(self, attempt_id: str, invocation: Invocation) -> None:
        self._invocation = invocation
        self.sender = Sender(Trigger.SCHEDULE, attempt_id, invocation.deadline, Circuit())
        self.emails = self.notifications = self.failed = 0
        self._unavailable = 0
        self._is_mandrill_busy = False
        self._is_publishing_paused = notifier.is_paused()

    def counts(self) -> dict[str, int]:
        """Return how many of each kind were processed, for the log."""
        return {
            "emails": self.emails,
            "notifications": self.notifications,
            "failed": self.failed,
        }

    @property
    def is_ended(self) -> bool:
        """Whether no further email is to be sent."""
        return (
            self._is_mandrill_busy
            or self._unavailable >= _IN_A_ROW
            or time.monotonic() + _ENOUGH_SECONDS > self._invocation.deadline
        )

    def send_all(self, uuids: Sequence[str], *, is_stopped_by_circuit: bool = False) -> None:
        """Send the emails in this order. Reads them, and the circuit breaker, by batches."""
        for chunk in chunks(uuids, BATCH_SIZE):
            if self.is_ended:
                return
            batch = self.read(chunk)
            if is_stopped_by_circuit and self.sender.circuit.is_open(time.time()):
                return
            for uuid in chunk:
                if self.is_ended:
                    return
                self.send(uuid, batch)

    def read(self, uuids: Sequence[str]) -> EmailBatch:
        """Read a batch, and with it the circuit breaker; an empty one if DynamoDB fails."""
        deadline = min(time.monotonic() + _READ_SECONDS, self._invocation.deadline)
        try:
            batch = EmailBatch.read(uuids, deadline)
        except (BotoCoreError, ClientError) as failed:
            logger.error("overdue items not read", reason=of_exception(failed).text)
            return EmailBatch.empty()
        self.sender.circuit = batch.circuit
        return batch

    def send(self, uuid: str, batch: EmailBatch) -> EmailState | None:
        """Send one email; return its state, None if there was nothing to do."""
        state = self.process_item(
            uuid, batch, lambda item: self.sender.send(item, batch.users_of(item))
        )
        if state and state.called_mandrill and state.outcome:
            self._is_mandrill_busy = state.outcome is Outcome.BUSY
            self._unavailable = 0 if state.outcome.available else self._unavailable + 1
        return state

    def process_item(
        self, uuid: str, batch: EmailBatch, action: Callable[[Appointment], EmailState]
    ) -> EmailState | None:
        """Apply `action` to an item, then publish what is pending. Errors delay no other item."""
        raw = batch.raw(uuid)
        with log_keys(request_id=raw.get("request_id", {}).get("S")):
            try:
                item = batch.item(uuid)
                if item is None or item.owed is None:
                    return None
                state = action(item)
                if state.outcome and state.outcome is not Outcome.NOT_SENT:
                    self.emails += 1
                    add_metric("EmailsFailed", state.is_failure)
                notify = item.next_publish_at()
                if notify is not None and notify <= time.time() and not self._is_publishing_paused:
                    self._publish(item)
            except Exception as broken:  # noqa: BLE001 - the next item must have its turn
                self._fail(uuid, raw, broken)
                return None
        return state

    def publish(self, items: Sequence[Appointment], deadline: float) -> None:
        """Publish what is pending of these items, until a time or the first failure."""
        for item in items:
            if self._is_publishing_paused or time.monotonic() > deadline:
                return
            with log_keys(request_id=item.request_id):
                try:
                    self._publish(item)
                except Exception as broken:  # noqa: BLE001 - the next item must have its turn
                    self._fail(item.uuid, item.serialize(null_check=False), broken)

    def _publish(self, item: Appointment) -> None:
        published = []
        for notification in sorted(item.notifications or ()):
            if self._is_publishing_paused:
                break
            if notifier.publish(Notification.from_json(notification)):
                published.append(notification)
            else:
                self._is_publishing_paused = True
        if published or self._is_publishing_paused or not item.notifications:
            outbox.save_published(item, published, time.time())
        self.notifications += len(published)

    def _fail(self, uuid: str, raw: dict[str, Any], broken: Exception) -> None:
        self.failed += 1
        logger.exception("owed, not taken up", uuid=uuid)
        if is_caused_by_item(broken):
            put_off(uuid, raw, broken)
