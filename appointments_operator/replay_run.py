"""Send logged requests to the function again, several at once, and note what came of each."""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Semaphore
from typing import Any, Final

import click
from rich.progress import MofNCompleteColumn, Progress

from appointments.reasons import MANDRILL_UNAVAILABLE
from appointments.statuses import Status
from appointments.tables.keys import REFERENCE_KINDS
from appointments_operator import notifications_table
from appointments_operator.deployment import Deployment, FunctionError
from appointments_operator.replay_results import GOOD, Replays, Result
from appointments_operator.request_log import Request
from appointments_operator.terminal import err

DEFAULT_RATE: Final = 5.0
DEFAULT_AT_ONCE: Final = 8
# So many failures in a row that no replay can repair end the replaying (section 10.4).
_MAX_IN_A_ROW: Final = 20
_STATUSES: Final = {status.value: status for status in Status}
_NOT_LOGGED: Final = "not in the log"
_FAILED: Final = "no response"
# What Mandrill says if it got too many calls. A search that gets this says nothing about sending.
_TOO_MANY_CALLS: Final = ("HTTP 429", "RequestLimitExceeded")


class Stopped(click.ClickException):
    """So many replays in a row failed alike that further ones would too."""


def replay_all(
    replays: Replays,
    deployment: Deployment,
    rate: float = DEFAULT_RATE,
    at_once: int = DEFAULT_AT_ONCE,
) -> None:
    """Replay them, at most `rate` per second, and at most `at_once` at the same time.

    Raises Stopped after twenty failures in a row that no replay can repair. Whatever ends it, a
    person's Ctrl-C too: what is on its way is waited for and noted.
    """
    _ = deployment.lambda_client  # made before the threads: making a client is not thread-safe
    results: deque[tuple[Request, Result | BaseException]] = deque()
    free = Semaphore(at_once)
    failures = _Failures()

    def send(request: Request, event: dict[str, Any] | None) -> None:
        try:
            results.append((request, _replay(event, deployment)))
        except BaseException as failed:  # noqa: BLE001 - raised again in the main thread
            results.append((request, failed))
        finally:
            free.release()

    def note_results() -> None:
        while results:
            request, result = results[0]  # it leaves the queue only once it is noted
            if isinstance(result, BaseException):
                raise result
            replays.note(request, result)
            results.popleft()
            progress.advance(task)
            failures.add(result)

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Replaying", total=len(replays))
        try:
            with ThreadPoolExecutor(at_once) as pool, _waiting_said():
                for request in _paced(replays.waiting(), rate):
                    free.acquire()
                    note_results()
                    pool.submit(send, request, replays.event(request))
            note_results()
        finally:
            for request, result in results:
                if isinstance(result, Result):
                    replays.note(request, result)


class _Failures:
    """Counts the failures in a row that no replay can repair."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def add(self, result: Result) -> None:
        """Count a result. Raises Stopped."""
        self._in_a_row = self._in_a_row + 1 if _is_hopeless(result) else 0
        if self._in_a_row >= _MAX_IN_A_ROW:
            reason = result.reason or result.status
            raise Stopped(
                f"Stopped: {_MAX_IN_A_ROW} replays in a row failed alike, the last of them with: "
                f"{reason}. Repair this first, then run the same command again: it continues."
            )


def resolve_notifications(replays: Replays, deployment: Deployment) -> list[str]:
    """Resolve the notifications without a uuid of what is good now; return their ids."""
    request_ids = replays.unresolved_ids()
    if not request_ids:
        return []
    return notifications_table.resolve_replayed(
        deployment, request_ids, notifications_table.identity(deployment)
    )


@contextmanager
def _waiting_said() -> Iterator[None]:
    """Say after Ctrl-C why the command does not end at once."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("Waiting for the requests that are on their way.")
        raise


def _paced(requests: Iterable[Request], rate: float) -> Iterator[Request]:
    """Yield the requests, at most `rate` per second."""
    due = time.monotonic()
    for number, request in enumerate(requests):
        if number:
            due = max(due + 1 / rate, time.monotonic())
            time.sleep(max(0, due - time.monotonic()))
        yield request


def _replay(event: dict[str, Any] | None, deployment: Deployment) -> Result:
    """Replay one request (None: a sensitive one), and return what came of it."""
    if event is None:
        reason = "the log does not have the parameters of a sensitive request"
        return Result(_NOT_LOGGED, reason, only_caller=True)
    try:
        invocation = deployment.invoke(event)
        body = json.loads(invocation.returned["body"])
        status = str(body["status"])
    except FunctionError as failed:
        return Result(_FAILED, failed.message)
    except (ValueError, TypeError, KeyError):
        return Result(_FAILED, "This is no response of this function.")
    if status == GOOD:
        return Result(status)
    return Result(status, _logged_reason(invocation.log) or _reason(body), _only_caller(body))


def _is_hopeless(result: Result) -> bool:
    """Return whether Mandrill or the function itself is at fault, not the request."""
    if result.status in (Status.APPLICATION_CRASH.value, _FAILED):
        return True
    reason = result.reason or ""
    if reason.startswith(MANDRILL_UNAVAILABLE):
        return True
    is_search = MANDRILL_UNAVAILABLE in reason
    return is_search and not any(said in reason for said in _TOO_MANY_CALLS)


def _logged_reason(log: str) -> str | None:
    """Return the reason in the response log entry, which names what broke."""
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("message") == "response":
            reason = entry.get("reason")
            return str(reason) if reason else None
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
