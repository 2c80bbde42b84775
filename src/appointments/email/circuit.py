"""The circuit breaker: while Mandrill is unavailable, no request waits for it (section 8.8).

All execution environments share its one record, which every request reads together with the other
records. So it costs no call, and a healthy service writes nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from appointments import clients
from appointments.email.state import EmailState
from appointments.observability import add_metric, logger
from appointments.reasons import of_exception
from appointments.settings import SETTINGS
from appointments.tables.keys import CIRCUIT_RECORD, CONDITION_FAILED

# Five failures of different appointments, none later than 270 s after the one before, open it for
# 210 s. The times fit a schedule whose runs may be two minutes apart.
FAILURES: Final = 5
MEMORY_SECONDS: Final = 270
OPEN_SECONDS: Final = 210
# How often a failure is counted anew because another one was counted at the same time.
_MAX_WRITES: Final = 3
_KEY: Final = {"record": {"S": CIRCUIT_RECORD}}

_Raw = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Circuit:
    """The circuit breaker as it was read; times are epoch seconds.

    `uuid` is of the appointment that failed last, and `reason` is what Mandrill said then.
    """

    failures: int = 0
    failed_at: int = 0
    open_until: int = 0
    uuid: str = ""
    reason: str = ""
    raw: _Raw | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_raw(cls, raw: Any) -> Self:
        """Return the breaker of a record as DynamoDB has it; closed if it cannot be understood."""
        try:
            failures, failed_at, open_until = (
                int(raw[name]["N"]) for name in ("failures", "failed_at", "open_until")
            )
            return cls(failures, failed_at, open_until, raw["uuid"]["S"], raw["reason"]["S"], raw)
        except (TypeError, KeyError, ValueError):
            return cls(raw=raw)

    def is_open(self, now: float) -> bool:
        """Whether Mandrill is not to be called."""
        return now < self.open_until

    def after_try(self, state: EmailState, uuid: str, now: float) -> Self | None:
        """Return the breaker after a try of an appointment; None if nothing changes."""
        outcome = state.outcome
        if outcome is None or outcome.available is None:
            return None
        if outcome.available:
            is_closed = not self.failures and not self.open_until
            return None if is_closed else replace(self, failures=0, failed_at=0, open_until=0)
        is_too_old = now > self.failed_at + MEMORY_SECONDS
        if self.uuid == uuid and self.failures and not is_too_old:
            return None
        failures = 1 if is_too_old else self.failures + 1
        return replace(
            self,
            failures=failures,
            failed_at=int(now),
            open_until=int(now) + OPEN_SECONDS if failures >= FAILURES else self.open_until,
            uuid=uuid,
            reason=state.reason or outcome.value,
        )


def record_outcome(known: Circuit, state: EmailState, uuid: str) -> Circuit:
    """Record the outcome of a try; return the circuit breaker as it is afterwards.

    Never raises: a failed write changes no response. It is counted in the metric CircuitFailed.
    """
    try:
        for _ in range(_MAX_WRITES):
            changed = known.after_try(state, uuid, time.time())
            if changed is None:
                return known
            if written := _write(known, changed):
                return written
            known = _read()
    except (BotoCoreError, ClientError) as failed:
        logger.warning("circuit not written", reason=of_exception(failed).text)
        add_metric("CircuitFailed")
    return known


def _read() -> Circuit:
    found = clients.client("dynamodb").get_item(
        TableName=SETTINGS.records_table, Key=_KEY, ConsistentRead=True
    )
    return Circuit.from_raw(found.get("Item"))


def _write(known: Circuit, changed: Circuit) -> Circuit | None:
    """Write the record unless it has changed since it was read; None if it has."""
    item = {
        **_KEY,
        **{
            name: {"N": str(getattr(changed, name))}
            for name in ("failures", "failed_at", "open_until")
        },
        **{name: {"S": getattr(changed, name)} for name in ("uuid", "reason")},
    }
    raw = known.raw or {}
    compared = {name: raw.get(name) for name in ("failures", "failed_at")}
    condition = " AND ".join(
        f"{name} = :{name}" if value else f"attribute_not_exists({name})"
        for name, value in compared.items()
    )
    values = {f":{name}": value for name, value in compared.items() if value}
    try:
        clients.client("dynamodb").put_item(
            TableName=SETTINGS.records_table,
            Item=item,
            ConditionExpression=condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        )
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return None
    return replace(changed, raw=item)
