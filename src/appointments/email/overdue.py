"""What is overdue: found in the sparse index, and read as far as a run of the schedule needs it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from appointments import clients
from appointments.observability import logger
from appointments.reasons import MalformedItem, of_exception
from appointments.settings import SETTINGS
from appointments.tables.appointments import Appointment, Owed
from appointments.tables.base import chunks
from appointments.tables.batch_get import batch_get
from appointments.tables.keys import MAX_KEYS, SHARDS

# How long a run reads throttled keys again, all its reads together.
_READ_SECONDS: Final = 5.0
# The attributes that decide what a run does with an item, and those of its notifications.
_ATTRIBUTES: Final = (
    *("uuid", "request_id", "received_at", "forgotten_at", "owed", "due", "put_off"),
    *("email_status", "email_tries", "email_due", "owed_since", "retried_at"),
    *("lease", "lease_until", "notifications", "notify_due", "notify_unused"),
)


@dataclass
class Overdue:
    """What a run of the schedule finds, the oldest first.

    `emails` are the uuids of the emails that may be sent, and of the items that cannot be read.
    `maybe_sent` are those that Mandrill is asked about first. `notifications` are the items with
    pending ones. `to_unindex` are the items that are in the index although nothing is pending:
    `Drain.publish` finds nothing to publish, and its save removes them from the index. `oldest` is
    in seconds.
    """

    emails: list[str] = field(default_factory=list)
    maybe_sent: list[str] = field(default_factory=list)
    notifications: list[Appointment] = field(default_factory=list)
    to_unindex: list[Appointment] = field(default_factory=list)
    oldest: float = 0.0


def find(limit: int) -> Overdue:
    """Return at most `limit` overdue appointments; what cannot be read stays for the next run."""
    now, found = time.time(), Overdue()
    for uuid, item in _read(_keys(now, limit), time.monotonic() + _READ_SECONDS):
        if item is None:
            found.emails.append(uuid)
        elif item.owed is not None:
            _classify(item, found, now)
    return found


def _classify(item: Appointment, found: Overdue, now: float) -> None:
    email, notify = item.next_try_at(), item.next_publish_at()
    if email is None and notify is None:
        found.to_unindex.append(item)
    if notify is not None and notify <= now:
        found.notifications.append(item)
    if email is not None and email <= now and not item.has_active_lease(now):
        (found.emails if item.lease is None else found.maybe_sent).append(item.uuid)
        found.oldest = max(found.oldest, now - item.email_history().since)


def _keys(now: float, limit: int) -> list[str]:
    """Return the uuids that are due, the oldest first: at most `limit` of each shard are read."""
    entries: list[tuple[int, str]] = []
    for shard in SHARDS:
        try:
            owed = Appointment.owed_index.query(shard, Owed.due <= int(now), limit=limit)
            entries += [(int(entry.due), entry.uuid) for entry in owed]
        except PynamoDBException as failed:
            logger.error("shard not read", shard=shard, reason=of_exception(failed).text)
    return [uuid for _, uuid in sorted(entries)[:limit]]


def _read(uuids: Sequence[str], deadline: float) -> Iterable[tuple[str, Appointment | None]]:
    """Yield the items that are there; None for one that cannot be read.

    Throttled keys are read again until `deadline` (time.monotonic() seconds).
    """
    names = {f"#{name}": name for name in _ATTRIBUTES}
    for chunk in chunks(uuids, MAX_KEYS):
        request: dict[str, Any] = {
            "Keys": [{"uuid": {"S": uuid}} for uuid in chunk],
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
        try:
            found, _ = batch_get(
                clients.client("dynamodb"), {SETTINGS.appointments_table: request}, deadline
            )
        except (BotoCoreError, ClientError) as failed:
            logger.error("overdue items not read", reason=of_exception(failed).text)
            if time.monotonic() > deadline:  # the rest of the run needs its time
                return
            continue
        raws = {raw["uuid"]["S"]: raw for raw in found[SETTINGS.appointments_table]}
        for uuid in chunk:
            if uuid in raws:
                yield uuid, _parsed(raws[uuid])


def _parsed(raw: dict[str, Any]) -> Appointment | None:
    try:
        item = Appointment.from_raw_data(raw)
        item.email_history()
    except (MalformedItem, ValueError, TypeError):
        return None
    return item
