"""Workers: the function invokes itself, through its alias, with slices of what is overdue (8.6)."""

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from appointments import clients
from appointments.email.batch import BATCH_SIZE
from appointments.invocation import Invocation
from appointments.observability import add_metric, logger
from appointments.reasons import of_exception
from appointments.settings import SETTINGS

# The event of a run, and of a worker with its slice; a later version may add further keys.
_SCHEDULE: Final = {"schedule": "owed"}
# What one worker, and the run itself, surely send in their time if Mandrill takes 250 ms.
WORKER_EMAILS: Final = 60
RUN_EMAILS: Final = 40


def is_schedule(event: Mapping[str, Any]) -> bool:
    """Whether the event is a run's or a worker's."""
    return _SCHEDULE.items() <= event.items()


def uuids_of(event: Mapping[str, Any]) -> list[str] | None:
    """Return the slice of a worker's event; None if the event is a run's."""
    uuids = event.get("uuids")
    if not isinstance(uuids, list) or not all(isinstance(uuid, str) for uuid in uuids):
        return None
    return uuids


def hand_over(uuids: list[str], invocation: Invocation) -> list[str]:
    """Invoke workers for the oldest of the emails; return those that are left for the run.

    If invoking fails, the run continues alone.
    """
    wanted = ceil((len(uuids) - RUN_EMAILS) / WORKER_EMAILS)
    count = min(wanted, SETTINGS.mail_workers)
    if count <= 0 or invocation.function is None:
        return uuids
    size = min(BATCH_SIZE, ceil((len(uuids) - RUN_EMAILS) / count))
    done: set[str] = set()
    handed, left = uuids[: size * count], uuids[size * count :]
    for number in range(count):
        # Each slice has some of the oldest, so that they go first whatever the number of workers.
        taken = handed[number::count]
        if not _invoke(taken, invocation.function):
            return [uuid for uuid in uuids if uuid not in done]
        done.update(taken)
    return left


def _invoke(uuids: Sequence[str], function: str) -> bool:
    try:
        clients.client("lambda").invoke(
            FunctionName=function,
            InvocationType="Event",
            Payload=json.dumps({**_SCHEDULE, "uuids": list(uuids)}),
        )
    except (BotoCoreError, ClientError) as failed:
        logger.error("emails not handed over", reason=of_exception(failed).text)
        add_metric("HandOverFailed")
        return False
    return True
