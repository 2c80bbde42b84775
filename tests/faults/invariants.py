"""What holds after every run, whatever the faults: each violation as `promise: what was seen`."""

import json
from collections import Counter
from collections.abc import Iterator

from appointments.statuses import Status
from tests.faults.limits import FAILURES
from tests.faults.scenarios import Recovery, Run
from tests.faults.simulation import BOOKER, CORRECTED, PAT, REX, SECRETS, Simulation

_GIVEN_UP = "the email was given up"
_NOTIFIED = {status.value for status in Status if status.notified}


def violations(run: Run) -> list[str]:
    """Return what does not hold after a run."""
    return [
        *_appointments(run),
        *(wrong for uuid in run.answers for wrong in _emails(run, uuid)),
        *_notifications(run.simulation),
        *_waits(run.simulation),
        *_secrets(run),
    ]


def _appointments(run: Run) -> Iterator[str]:
    items, asked = run.simulation.items(), set(run.answers)
    stored = {item["uuid"] for item in items}
    if stored - asked or (run.recovery is Recovery.CALLER and stored != asked):
        yield f"one appointment: {len(stored)} for {len(asked)}"
    for answered in run.simulation.answers:
        what = f"{answered.request_id} got {answered.status}, saved {answered.saved}"
        if (answered.saved or answered.status == "action-successful") and not answered.is_stored:
            yield f"what is reported as saved is stored: {what}"
        if answered.saved is False and answered.is_stored and not answered.was_stored:
            yield f"what is reported as not saved is not stored: {what}"
    last = {answered.uuid: answered for answered in run.simulation.answers}
    for uuid in asked:
        if run.recovery is Recovery.CALLER and not (uuid in last and last[uuid].saved):
            yield f"the caller learns that it is saved: {last.get(uuid)}"
    for item in items:
        if left := {"owed", "due", "notifications", "lease", "lease_until"} & set(item):
            yield f"nothing is pending for ever: {sorted(left)}"


def _emails(run: Run, uuid: str) -> Iterator[str]:
    simulation = run.simulation
    mailed = simulation.mandrill.mailed(uuid)
    if not simulation.is_stored(uuid):
        if mailed:
            yield f"no email without an appointment: {mailed}"
        return
    photographers = {None: [], 501: [PAT], 502: [REX, CORRECTED]}[run.scenario.photographer]
    given_up = [
        notification
        for notification in simulation.published
        if notification["uuid"] == uuid and _GIVEN_UP in notification["reason"]
    ]
    for people in filter(None, ([BOOKER], photographers)):
        times = sum(mailed[address] for address in people)
        if times > 1:
            yield f"no recipient is mailed twice: {people[-1]}, {times} times"
        if not times and not any(
            set(people) & {one["email"] for one in notification["recipients"]}
            for notification in given_up
        ):
            yield f"every recipient is mailed or the email is given up: {people[-1]}"
    # An email that a caller's retry sent once more may be given up once more, for another reason.
    ids = {(notification["reason"], notification["notification_id"]) for notification in given_up}
    if len(ids) > len({notification["reason"] for notification in given_up}):
        yield f"an email is given up under one notification id: {ids}"


def _notifications(simulation: Simulation) -> Iterator[str]:
    lines = simulation.lines()
    logged = [line["notification"] for line in lines if "notification" in line]
    assert all(line["level"] == "ERROR" for line in lines if "notification" in line)
    counted = sum(sum(line["NotificationFailed"]) for line in lines if "NotificationFailed" in line)
    if counted != len(logged):
        yield f"a notification in the log is counted: {len(logged)}, counted {counted}"
    owed = [
        json.loads(notification)
        for item in simulation.items()
        for notification in item.get("notifications", ())
    ]
    by_id = {
        notification["notification_id"]: notification
        for notification in simulation.published + logged + owed
    }
    notified = Counter(
        notification["status"]
        for notification in by_id.values()
        if _GIVEN_UP not in notification["reason"]
    )
    answered = Counter(one.status for one in simulation.answers if one.status in _NOTIFIED)
    for status, times in answered.items():
        if notified[status] < times:
            yield f"every failure is notified: {times} {status}, {notified[status]} notifications"


def _waits(simulation: Simulation) -> Iterator[str]:
    if waited := [wait.request_id for wait in simulation.waits if wait.is_open]:
        yield f"no request calls Mandrill while the circuit breaker is open: {waited}"
    # A fault may leave a failure uncounted.
    waited = [wait.request_id for wait in simulation.waits if wait.is_outage]
    if len(waited) > FAILURES + simulation.injected:
        yield f"few requests wait in an outage: {waited}"


def _secrets(run: Run) -> Iterator[str]:
    written = run.simulation.log.getvalue() + json.dumps(run.simulation.published)
    written += json.dumps(run.simulation.items(), default=str)
    if any(secret in written for secret in SECRETS):
        yield "no secret is published: a token or the key was"
