"""The Lambda entry point: an event comes in, and whatever happens, an answer goes out."""

import gc

gc.disable()  # nothing that is imported is garbage: until the end of INIT it is not looked for

import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from uuid import uuid4

from aws_lambda_powertools.metrics import MetricUnit

from appointments import api_gateway, notifications, replay, responses
from appointments.create import create
from appointments.errors import ApiError, Outcome
from appointments.observability import count, flush, log_keys, logger, record
from appointments.owed import take_up_owed
from appointments.reasons import Cause, Reason
from appointments.request import Request, iso
from appointments.statuses import Status
from appointments.tables.appointments import Appointment
from appointments.tables.records import Record
from appointments.tables.sessions import Session

# A later version may add keys to the schedule's event while traffic shifts between versions.
OWED: Final = "owed"
# What the function keeps of its time for marks, a notification and the answer after the email.
_RESERVE: Final = 7.0
_LIMIT_WITHOUT_CONTEXT: Final = 29.0

# What a request needs is ready at the end of INIT.
for table in (Session, Record, Appointment):
    table.connect()
gc.freeze()  # nor is any of that ever
gc.enable()
_is_cold = True


def lambda_handler(event: Any, context: Any) -> Any:
    """Answer an event of any kind and shape; never raises.

    An API Gateway event is answered with API Gateway's payload (`statusCode`, `headers`, `body`),
    so is a replay, a CloudWatch Logs subscription's event with a list of such payloads, and the
    schedule's with the number of things done.
    """
    invocation = str(getattr(context, "aws_request_id", None) or uuid4())
    until = time.monotonic() + _remaining(context) - _RESERVE
    if (
        isinstance(event, Mapping)
        and event.get("schedule") == OWED
        and not api_gateway.is_http(event)
    ):
        return _run_schedule(until)
    if api_gateway.is_http(event):
        if api_gateway.is_preflight(event):
            return api_gateway.preflight_payload()
        request_id = api_gateway.request_id(event, invocation)
        begin = partial(api_gateway.read, event, request_id, time.time())
        return _answer(begin, request_id, until, route=partial(api_gateway.route, event))
    if replay.is_subscription(event):
        return [_answer_replay(line, invocation, until) for line in replay.lines(event)]
    line = replay.line(event)
    return _answer_replay(line, invocation, until, is_replay=line is not None)


def _answer_replay(
    line: Any, invocation: str, until: float, *, is_replay: bool = True
) -> dict[str, Any]:
    request_id = replay.request_id(line, invocation)
    return _answer(partial(replay.read, line), request_id, until, is_replay=is_replay)


def _remaining(context: Any) -> float:
    """Return the seconds that Lambda leaves this invocation."""
    try:
        return float(context.get_remaining_time_in_millis()) / 1000
    except (AttributeError, TypeError, ValueError):
        return _LIMIT_WITHOUT_CONTEXT


def _answer(
    begin: Callable[[], Request],
    request_id: str,
    until: float,
    *,
    route: Callable[[], None] | None = None,
    is_replay: bool = False,
) -> dict[str, Any]:
    """Answer one request, log and measure it, and notify people of a failure of ours."""
    started, received_at, attempt = time.perf_counter(), time.time(), str(uuid4())
    request, outcome, failure, is_identified = None, Outcome(), None, False
    with log_keys(request_id=request_id):
        try:
            if route:
                route()
            is_identified = True
            request = begin()
            received_at = request.received_at
            if request.is_decoded:
                record("request", **request.line())
            create(request, outcome, attempt, until)
        except ApiError as known:
            failure = known
        except Exception as broken:  # noqa: BLE001 - whatever broke, the response is the contract's
            trace = traceback.format_exc()
            logger.error("broken", exception=request.mask(trace) if request else trace)
            failure = responses.crashed(outcome, broken, is_identified=is_identified)
        answer = responses.body(request_id, outcome, failure)
        if failure and failure.status.notified:
            is_logged = is_replay or (request is not None and request.is_replayable)
            _notify(failure, outcome, attempt, request_id, received_at, is_logged=is_logged)
        milliseconds = (time.perf_counter() - started) * 1000
        _log(answer, milliseconds, outcome, failure, is_replay=is_replay)
    return api_gateway.payload(answer, is_replayed=outcome.replayed, is_strict=outcome.is_strict)


def _notify(
    failure: ApiError,
    outcome: Outcome,
    attempt: str,
    request_id: str,
    received_at: float,
    *,
    is_logged: bool,
) -> None:
    """Notify people of the failure; never raises, since the response must not change."""
    try:
        reason = failure.reason or Reason(failure.status.value, failure.status.value, Cause.DEFECT)
        notifications.notify(
            notifications.make(
                failure.status,
                reason,
                id_seed=attempt,
                request_id=request_id,
                received_at=iso(received_at),
                uuid=outcome.uuid,
                saved=outcome.saved,
                owner=outcome.owner,
                recipients=(outcome.email or {}).get("recipients", ()),
                photographer=outcome.photographer,
                recovery=outcome.recovery,
                is_logged=is_logged,
            )
        )
    except Exception:  # noqa: BLE001 - a failure to notify must not cost the caller the response
        logger.error("broken", exception=traceback.format_exc())
        count("NotificationFailed")


def _log(
    answer: dict[str, Any],
    milliseconds: float,
    outcome: Outcome,
    failure: ApiError | None,
    *,
    is_replay: bool,
) -> None:
    global _is_cold  # noqa: PLW0603 - an execution environment has one cold start
    reason = failure.reason if failure and failure.status.notified else None
    record(
        "response",
        request_id=answer["request_id"],
        uuid=answer.get("uuid"),
        status=answer["status"],
        code=answer["code"],
        saved=answer["saved"],
        reason=reason and reason.text,
        duration_ms=round(milliseconds, 1),
        **({"replay": True} if is_replay else {}),
    )
    count("Answers")
    count("Latency", milliseconds, MetricUnit.Milliseconds)
    count("ColdStarts", _is_cold)
    count("AppointmentsCreated", outcome.is_new)
    if outcome.email:
        count("EmailsSent", outcome.email["status"] == "sent")
        count("EmailsFailed", answer["status"] == Status.MANDRILL_EMAIL_FAILED.value)
    _is_cold = False
    flush(answer["status"])


def _run_schedule(until: float) -> dict[str, Any]:
    try:
        done = take_up_owed(str(uuid4()), until)
    except Exception:  # noqa: BLE001 - the next minute's run takes up what this one could not
        logger.error("broken", exception=traceback.format_exc())
        count("ScheduleFailed")
        done = {"failed": 1}
    logger.info("schedule", **done)
    flush()
    return done
