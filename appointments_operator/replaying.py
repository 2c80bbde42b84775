"""Send logged requests to the function again, and note what came of each."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.progress import MofNCompleteColumn, Progress

from appointments.statuses import Status
from appointments.tables.keys import REFERENCE_KINDS
from appointments_operator import tab
from appointments_operator.console import err
from appointments_operator.deployment import Deployment, FunctionError
from appointments_operator.request_log import Request
from appointments_operator.selection import now

_STATUSES: Final = {status.value: status for status in Status}
_GOOD: Final[str] = Status.ACTION_SUCCESSFUL.value
NOT_REPLAYED: Final = "not replayed"
_NOT_LOGGED: Final = "not in the log"
_FAILED: Final = "no response"


@dataclass
class Replay:
    """A selected request: how it stood before, and what came of the replay.

    `only_caller` says whether only its caller can repair it.
    """

    request: Request
    then: str
    now: str = NOT_REPLAYED
    reason: str | None = None
    only_caller: bool = False

    @classmethod
    def of(cls, request: Request) -> "Replay":
        """Return the replay of a request that stands as the log says."""
        return cls(request, now(request), only_caller=request.is_sensitive)

    @property
    def is_good(self) -> bool:
        """Whether the request was processed as its caller wanted."""
        return self.now == _GOOD

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "request_id": self.request.id,
            "received_at": self.request.entry["received_at"],
            "uuid": self.request.uuid,
            "then": self.then,
            "now": self.now,
            "reason": self.reason,
            "only_caller": self.only_caller,
        }


def replay_all(replays: Sequence[Replay], deployment: Deployment, rate: float) -> None:
    """Replay one after the other, at most `rate` per second."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        for replay in progress.track(replays, description="Replaying"):
            started = time.monotonic()
            _replay(replay, deployment)
            if replay is not replays[-1]:
                time.sleep(max(0, started + 1 / rate - time.monotonic()))


def resolve_notifications(replays: Sequence[Replay], deployment: Deployment) -> list[str]:
    """Resolve the notifications without a uuid of the requests that are good now; return their ids.

    A notification lacks the uuid if the response that it reports did.
    """
    request_ids = {
        replay.request.id
        for replay in replays
        if replay.is_good and replay.request.response and replay.request.response.uuid is None
    }
    if not request_ids:
        return []
    return tab.resolve_replayed(deployment, request_ids, tab.identity(deployment))


def _replay(replay: Replay, deployment: Deployment) -> None:
    """Replay one request, and note its status."""
    if replay.request.is_sensitive:
        replay.now = _NOT_LOGGED
        replay.reason = "the log does not have the parameters of a sensitive request"
        return
    try:
        invocation = deployment.invoke(replay.request.event())
        body = json.loads(invocation.returned["body"])
        replay.now = str(body["status"])
    except FunctionError as failed:
        replay.now, replay.reason = _FAILED, failed.message
    except (ValueError, TypeError, KeyError):
        replay.now, replay.reason = _FAILED, "This is no response of this function."
    else:
        if not replay.is_good:
            replay.reason = _logged_reason(invocation.log) or _reason(body)
            replay.only_caller = _only_caller(body)


def _logged_reason(log: str) -> str | None:
    """Return the reason in the response log entry, which names what broke."""
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("message") == "response":
            return entry.get("reason")
    return None


def _reason(body: Mapping[str, Any]) -> str:
    """Return what the response says is wrong."""
    errors = [f"{error['param']}: {error['message']}" for error in body.get("errors", ())]
    return " ".join(errors) or str(body.get("message", ""))


def _only_caller(body: Mapping[str, Any]) -> bool:
    """Return whether neither a replay nor a record that an operator puts can help."""
    status = _STATUSES[body["status"]]
    if status.retryable or status.notified:
        return False
    return not any(error["param"] in REFERENCE_KINDS for error in body.get("errors", ()))
