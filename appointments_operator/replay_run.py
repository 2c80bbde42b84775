"""Send logged requests to the function again, several at once, and save the result of each."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from appointments_operator.replay_results import GOOD, ReplayResult, Replays
from appointments_operator.request_log import Request
from appointments_operator.terminal import err

DEFAULT_RATE: Final = 5.0
DEFAULT_AT_ONCE: Final = 8
# `replay` stops after so many failures in a row whose cause affects every request (section 10.4).
_MAX_IN_A_ROW: Final = 20
_STATUSES: Final = {status.value: status for status in Status}
_NOT_IN_LOG: Final = "not in the log"
_NO_RESPONSE: Final = "no response"
# What Mandrill says if it got too many calls. A search that is refused so says nothing about
# sending, which may still work.
_TOO_MANY_CALLS: Final = ("HTTP 429", "RequestLimitExceeded")


class TooManyFailures(click.ClickException):
    """So many replays in a row failed that further ones would fail too."""


def replay_all(
    replays: Replays,
    deployment: Deployment,
    rate: float = DEFAULT_RATE,
    at_once: int = DEFAULT_AT_ONCE,
    on_result: Callable[[Request, ReplayResult], None] = lambda *_: None,
) -> None:
    """Replay them, at most `rate` per second, and at most `at_once` at the same time.

    `on_result` is called with each result; what it raises ends the run. Raises TooManyFailures
    after twenty failures in a row whose cause affects every request. At the end, also after Ctrl-C,
    it waits for the requests that were sent, and saves their results.
    """
    _ = deployment.lambda_client  # created before the threads: creating a client is not thread-safe
    results: deque[tuple[Request, ReplayResult | BaseException]] = deque()
    free = Semaphore(at_once)
    failures = _FailuresInARow()

    def send(request: Request, event: dict[str, Any] | None) -> None:
        try:
            results.append((request, _replay(event, deployment)))
        except BaseException as failed:  # noqa: BLE001 - raised again in the main thread
            results.append((request, failed))
        finally:
            free.release()

    def save_results() -> None:
        while results:
            request, result = results[0]  # it stays in the queue until it is saved
            if isinstance(result, BaseException):
                raise result
            replays.save_result(request, result)
            results.popleft()
            progress.advance(task)
            on_result(request, result)
            failures.add(result)

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Replaying", total=len(replays))
        try:
            with ThreadPoolExecutor(at_once) as pool, _say_on_interrupt():
                for request in _at_rate(replays.requests(), rate):
                    free.acquire()
                    save_results()
                    pool.submit(send, request, replays.event(request))
            save_results()
        finally:
            for request, result in results:
                if isinstance(result, ReplayResult):
                    replays.save_result(request, result)


class _FailuresInARow:
    """Counts the failures in a row whose cause affects every request."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, result: ReplayResult) -> None:
        """Count a result. Raises TooManyFailures."""
        self._count = self._count + 1 if _affects_every_request(result) else 0
        if self._count >= _MAX_IN_A_ROW:
            reason = result.reason or result.status
            raise TooManyFailures(
                f"Stopped: {_MAX_IN_A_ROW} replays in a row failed alike, the last of them with: "
                f"{reason}. Repair this first, then run the same command again: it continues."
            )


def resolve_notifications(replays: Replays, deployment: Deployment) -> list[str]:
    """Resolve the notifications without a uuid whose request is good now; return their ids."""
    request_ids = replays.request_ids_to_resolve()
    if not request_ids:
        return []
    return notifications_table.resolve_after_replay(
        deployment, request_ids, notifications_table.identity(deployment)
    )


@contextmanager
def _say_on_interrupt() -> Iterator[None]:
    """After Ctrl-C, say why the command does not end at once."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("Waiting for the requests that are on their way.")
        raise


def _at_rate(requests: Iterable[Request], rate: float) -> Iterator[Request]:
    """Yield the requests, at most `rate` per second."""
    due = time.monotonic()
    for number, request in enumerate(requests):
        if number:
            due = max(due + 1 / rate, time.monotonic())
            time.sleep(max(0, due - time.monotonic()))
        yield request


def _replay(event: dict[str, Any] | None, deployment: Deployment) -> ReplayResult:
    """Replay one request (None: a sensitive one), and return the result."""
    if event is None:
        reason = "the log does not have the parameters of a sensitive request"
        return ReplayResult(_NOT_IN_LOG, reason, only_caller=True)
    try:
        result = deployment.invoke(event)
        body = json.loads(result.payload["body"])
        status = str(body["status"])
    except FunctionError as failed:
        return ReplayResult(_NO_RESPONSE, failed.message)
    except (ValueError, TypeError, KeyError):
        return ReplayResult(_NO_RESPONSE, "This is no response of this function.")
    if status == GOOD:
        return ReplayResult(status)
    return ReplayResult(
        status, _reason_in_log(result.log) or _reason_in_body(body), _only_caller(body)
    )


def _affects_every_request(result: ReplayResult) -> bool:
    """Return whether Mandrill or the function itself failed, and not this request alone."""
    if result.status in (Status.APPLICATION_CRASH.value, _NO_RESPONSE):
        return True
    reason = result.reason or ""
    if reason.startswith(MANDRILL_UNAVAILABLE):
        return True
    # The reason of a search that failed has the words further back: "Mandrill could not be asked
    # whether it has the email: mandrill-unavailable (…)", see appointments.email.search_result.
    is_failed_search = MANDRILL_UNAVAILABLE in reason
    return is_failed_search and not any(words in reason for words in _TOO_MANY_CALLS)


def _reason_in_log(log: str) -> str | None:
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


def _reason_in_body(body: Mapping[str, Any]) -> str:
    """Return the errors that a response lists, otherwise its message."""
    errors = [f"{error['param']}: {error['message']}" for error in body.get("errors", ())]
    return " ".join(errors) or str(body.get("message", ""))


def _only_caller(body: Mapping[str, Any]) -> bool:
    """Return whether neither a replay nor a record that an operator puts can help."""
    status = _STATUSES[body["status"]]
    if status.retryable or status.notified:
        return False
    return not any(error["param"] in REFERENCE_KINDS for error in body.get("errors", ()))
