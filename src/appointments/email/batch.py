"""Up to 99 items with the circuit breaker and their users, in two reads (section 8.6)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from appointments.email.circuit import Circuit
from appointments.email.recipients import Users
from appointments.email.state import RecipientRole
from appointments.observability import logger
from appointments.reasons import of_exception
from appointments.tables import base
from appointments.tables.appointments import Appointment
from appointments.tables.base import BatchResult, chunks
from appointments.tables.keys import CIRCUIT_RECORD, MAX_KEYS, user_record
from appointments.tables.records import Record

# The circuit breaker's record takes one of a batch's keys.
BATCH_SIZE: Final = MAX_KEYS - 1
_USER_PARAMETERS: Final = {
    role.value: role.user_parameter for role in RecipientRole if role.user_parameter
}


class EmailBatch:
    """Items as DynamoDB has them. If one cannot be parsed, the others can still be read."""

    def __init__(self, found: BatchResult, users: list[BatchResult]) -> None:
        self._found, self._users = found, users
        self._items: dict[str, Appointment | None] = {}
        self.circuit = Circuit.from_raw(found.raw(Record, CIRCUIT_RECORD))

    @classmethod
    def read(cls, uuids: Sequence[str], deadline: float) -> Self:
        """Read at most BATCH_SIZE items; those whose keys stay throttled are not there.

        Throttled keys are read again until `deadline` (time.monotonic() seconds). Raises
        botocore's exceptions.
        """
        keys = [(Appointment, uuid) for uuid in dict.fromkeys(uuids)]
        wanted = [(Record, CIRCUIT_RECORD), *keys]
        found = base.read_batch(wanted, deadline=deadline, allow_partial=True)
        raws = [raw for _, uuid in keys if (raw := found.raw(Appointment, uuid))]
        try:
            users = [
                base.read_batch(chunk, deadline=deadline)
                for chunk in chunks(_user_keys(raws), MAX_KEYS)
            ]
        except (BotoCoreError, ClientError, TimeoutError) as failed:
            logger.warning("users not read", reason=of_exception(failed).text)
            users = []
        return cls(found, users)

    @classmethod
    def empty(cls) -> Self:
        """Return a batch that has nothing."""
        return cls(BatchResult({}), [])

    def item(self, uuid: str) -> Appointment | None:
        """Return an item, None if it is not there. Raises MalformedItem."""
        if uuid not in self._items:
            self._items[uuid] = self._found.get(Appointment, uuid)
        return self._items[uuid]

    def raw(self, uuid: str) -> dict[str, Any]:
        """Return an item as DynamoDB has it."""
        return self._found.raw(Appointment, uuid) or {}

    def users_of(self, item: Appointment) -> Users | None:
        """Return the users of an item's recipients, None if they were not read.

        Raises MalformedItem.
        """
        if item.user_ids() and not self._users:
            return None
        return {
            role: user
            for role, user_id in item.user_ids().items()
            for users in self._users
            if (user := users.get(Record, user_record(int(user_id))))
        }


def _user_keys(raws: Iterable[dict[str, Any]]) -> list[tuple[type[base.Model], str]]:
    numbers = {
        raw[name]["N"]
        for raw in raws
        for name in _USER_PARAMETERS.values()
        if "N" in raw.get(name, {})
    }
    return [(Record, user_record(int(number))) for number in sorted(numbers)]
