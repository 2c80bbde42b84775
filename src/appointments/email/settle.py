"""The event `{"settle": ["uuid", …]}`: operators ask for a try of pending or given-up emails."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from appointments.email import mandrill, search_result
from appointments.email.batch import BATCH_SIZE, EmailBatch
from appointments.email.circuit import Circuit
from appointments.email.mandrill import FoundRecipient
from appointments.email.mandrill_client import CallFailed
from appointments.email.sender import Sender
from appointments.email.state import Trigger
from appointments.invocation import Invocation
from appointments.observability import log_keys, logger
from appointments.tables.appointments import Appointment
from appointments.tables.base import chunks


def uuids_of(event: Mapping[str, Any]) -> list[str]:
    """Return the appointments that the event names, each once."""
    uuids = event.get("settle")
    listed = uuids if isinstance(uuids, list) else []
    return list(dict.fromkeys(uuid for uuid in listed if isinstance(uuid, str)))


def settle(emails: dict[str, Any], attempt_id: str, invocation: Invocation) -> None:
    """Send what is pending or given up of these; set `data.email` of each by its uuid (10.2).

    It uses up no try. What is not there or cannot be read stays as it is. Raises botocore's
    exceptions.
    """
    sender = Sender(Trigger.SETTLE, attempt_id, invocation.work_deadline, Circuit())
    for chunk in chunks(list(emails), BATCH_SIZE):
        batch = EmailBatch.read(chunk, sender.deadline)
        sender.circuit = batch.circuit
        items = [item for uuid in chunk if (item := _item(uuid, batch))]
        found = _search(items, sender.deadline)
        for item in items:
            with log_keys(request_id=item.request_id):
                emails[item.uuid] = _send(item, batch, sender, found)


def _item(uuid: str, batch: EmailBatch) -> Appointment | None:
    try:
        item = batch.item(uuid)
        if item:
            search_result.first_day([item])  # the search of all must not fail because of one
    except Exception:  # noqa: BLE001 - one that cannot be read must not keep the others
        logger.exception("not settled", uuid=uuid)
        return None
    return item


def _search(items: Sequence[Appointment], deadline: float) -> list[FoundRecipient] | None:
    """Ask once about all that are maybe sent; None leaves each to ask for itself."""
    now = time.time()
    asked = [item for item in items if item.lease and not item.has_active_lease(now)]
    if len(asked) < 2:
        return None
    try:
        found = mandrill.search(
            [each.uuid for each in asked], search_result.first_day(asked), deadline
        )
    except CallFailed as failed:
        logger.warning("not searched at once", reason=str(failed))
        return None
    return None if len(found) >= mandrill.SEARCH_LIMIT else found


def _send(
    item: Appointment, batch: EmailBatch, sender: Sender, found: list[FoundRecipient] | None
) -> dict[str, Any] | None:
    if time.monotonic() > sender.deadline:
        return item.email_state(time.time()).to_response()
    about = None if found is None else [each for each in found if each.uuid == item.uuid]
    try:
        return sender.send(item, batch.users_of(item), about).to_response()
    except Exception:  # noqa: BLE001 - one that cannot be processed must not keep the others
        logger.exception("not settled", uuid=item.uuid)
    return None
