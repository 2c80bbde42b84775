"""The Lambda entry point: an event comes in, and whatever happens, a response goes out."""

import gc

# GC off until the end of INIT, whose objects are then frozen: nothing that is imported becomes
# garbage, and the collector does not walk it again. Saves 10 % of a cold start.
gc.disable()

import time
import traceback
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.metrics import MetricUnit

from appointments import api_gateway, notifier, reasons, replay, responses, snapshot
from appointments.api_gateway import HttpEvent
from appointments.create import Creation
from appointments.email import settle, workers
from appointments.email.schedule import run_schedule, run_worker
from appointments.errors import ApiError
from appointments.invocation import Invocation
from appointments.observability import add_metric, flush_metrics, log_audit, log_keys, logger
from appointments.replay import LoggedRequest
from appointments.request import Source
from appointments.statuses import Status
from appointments.subscription import replay_entries
from appointments.tables.appointments import Appointment
from appointments.tables.records import Record
from appointments.tables.sessions import Session
from appointments.time_limit import OutOfTime, time_limit
from appointments.timestamps import iso_from_epoch

# What a request needs is ready at the end of INIT.
for table in (Session, Record, Appointment):
    table.connect()
snapshot.register()
gc.freeze()
gc.enable()
_is_cold = True


def lambda_handler(event: Any, context: Any) -> Any:
    """Respond to an event of any kind and shape; never raises.

    What it returns:

    - to an API Gateway event and a replay: API Gateway's payload (`statusCode`, `headers`, `body`)
    - to a CloudWatch Logs subscription: a list of such payloads, and what was not reached
    - to the schedule and its workers: how many of each thing were done
    - to `settle`: each uuid with its `data.email`
    """
    invocation = Invocation.from_context(context)
    if api_gateway.is_http(event):
        if api_gateway.is_preflight(event):
            return api_gateway.preflight_payload()
        return handle(HttpEvent(event, invocation), invocation)
    if isinstance(event, Mapping) and workers.is_schedule(event):
        return _handle_schedule(event, invocation)
    if isinstance(event, Mapping) and "settle" in event:
        return _handle_settle(event, invocation)
    return _handle_other(event, invocation)


def _handle_other(event: Any, invocation: Invocation) -> Any:
    """Respond to the request log entries that an event holds, or to an event of no known kind."""
    if replay.is_subscription(event):
        return replay_entries(replay.entries(event), invocation, handle)
    if replay.has_entry(event):
        return handle(LoggedRequest(replay.entry_of(event), invocation), invocation)
    # As a request without method and path, which is refused.
    return handle(HttpEvent(event, invocation), invocation)


def handle(source: Source, invocation: Invocation) -> dict[str, Any]:
    """Respond to one request, log and measure it, and notify people of a failure of ours."""
    started = time.perf_counter()
    with log_keys(request_id=source.request_id):
        creation = Creation(source, invocation)
        error = _run(creation, invocation)
        body = responses.build(creation, error)
        if error and error.status.notified:
            _notify(creation, error, invocation)
        _log_response(body, creation, error, (time.perf_counter() - started) * 1000)
    return api_gateway.to_payload(body, is_repeat=creation.is_repeat, is_strict=creation.is_strict)


def _run(creation: Creation, invocation: Invocation) -> ApiError | None:
    """Run a creation; return the error that it ended in, whatever it was."""
    try:
        with time_limit(invocation.deadline):
            creation.run()
    except ApiError as error:
        return error
    except (Exception, OutOfTime) as broken:  # noqa: BLE001 - any failure becomes a response
        trace, request = traceback.format_exc(), creation.request
        logger.error("broken", exception=request.redact(trace) if request else trace)
        add_metric("Crashes")
        reason = reasons.of_exception(broken)
    else:
        return None
    return responses.unexpected_error(creation, reason)


def _notify(creation: Creation, error: ApiError, invocation: Invocation) -> None:
    """Notify people of the error; never raises, since the response must not change."""
    email, item, request = creation.email, creation.appointment, creation.request
    try:
        notifier.notify(
            notifier.make(
                error.status,
                error.reason or reasons.of_status(error.status.value),
                id_seed=creation.attempt_id,
                request_id=creation.source.request_id,
                received_at=iso_from_epoch(creation.received_at),
                uuid=creation.uuid,
                saved=creation.saved,
                owner=creation.owner,
                recipients=email.recipients if email else (),
                users=item.user_ids() if item else None,
                recovery=email.recovery if email else None,
                can_be_replayed=creation.source.is_replay
                or (request is not None and request.is_replayable),
            ),
            deadline=invocation.notification_deadline,
        )
    except Exception:  # noqa: BLE001 - a failure to notify must not cost the caller the response
        logger.error("broken", exception=traceback.format_exc())
        add_metric("NotificationFailed")


def _log_response(
    body: dict[str, Any], creation: Creation, error: ApiError | None, milliseconds: float
) -> None:
    """Write the response log entry (section 10.1) and the metrics of the response."""
    global _is_cold  # noqa: PLW0603 - an execution environment has one cold start
    reason = error.reason if error and error.status.notified else None
    log_audit(
        "response",
        request_id=body["request_id"],
        uuid=body.get("uuid"),
        status=body["status"],
        code=body["code"],
        saved=body["saved"],
        reason=reason and reason.text,
        duration_ms=round(milliseconds, 1),
        **({"replay": True} if creation.source.is_replay else {}),
    )
    add_metric("Answers")
    add_metric("Latency", milliseconds, MetricUnit.Milliseconds)
    add_metric("ColdStarts", _is_cold)
    add_metric("AppointmentsCreated", creation.is_new)
    if creation.email:
        add_metric("EmailsFailed", body["status"] == Status.MANDRILL_EMAIL_FAILED.value)
    _is_cold = False
    flush_metrics(body["status"])


def _handle_schedule(event: Mapping[str, Any], invocation: Invocation) -> dict[str, Any]:
    """Run the schedule, or one of its workers if the event has a slice of what is overdue."""
    uuids = workers.uuids_of(event)
    try:
        if uuids is None:
            done = run_schedule(str(uuid4()), invocation)
        else:
            done = run_worker(uuids, str(uuid4()), invocation)
    except Exception:  # noqa: BLE001 - the next minute's run does what this one could not
        logger.error("broken", exception=traceback.format_exc(), request_id=invocation.id)
        add_metric("ScheduleFailed")
        add_metric("Crashes")
        done = {"failed": 1}
    logger.info("schedule", **done, is_worker=uuids is not None)
    flush_metrics()
    return done


def _handle_settle(event: Mapping[str, Any], invocation: Invocation) -> dict[str, Any]:
    """Send the pending and the given-up emails of the appointments that the event lists."""
    emails: dict[str, Any] = dict.fromkeys(settle.uuids_of(event))
    try:
        with time_limit(invocation.deadline):
            settle.settle(emails, str(uuid4()), invocation)
    except (Exception, OutOfTime):  # noqa: BLE001 - what was settled until then is the response
        logger.error("broken", exception=traceback.format_exc(), request_id=invocation.id)
        add_metric("Crashes")
    flush_metrics()
    return emails
