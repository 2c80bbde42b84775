"""What the console does, with the code of the commands: each action has a preview.

One repair that sends something runs at a time. What was done about a notification is recorded in
its history.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD, Role
from appointments_operator import (
    items,
    owed,
    pending,
    records,
    request_log,
    route,
)
from appointments_operator.deployment import Deployment
from appointments_operator.layout import counted
from appointments_operator.option_types import ADDRESS
from appointments_operator.replay_results import Replay, ReplayResult, Replays
from appointments_operator.replay_run import TooManyFailures, replay_all, resolve_notifications
from appointments_operator.replay_selection import Selection
from appointments_operator.request_log import Request
from appointments_operator.web.history import History
from appointments_operator.web.jobs import RUNNING, NoProgress, Progress, Stopped
from appointments_operator.web.result import Result, first_lines, status_counts

ROLES: Final = tuple(role.value for role in Role)
_MARGIN: Final = timedelta(minutes=1)
_NO_NOTIFICATIONS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
# One repair at a time: rich shows one progress bar, and two at once would confuse people.
_action_lock: Final = threading.Lock()
_MAX_WAIT: Final = 3.0  # seconds


def replay(
    deployment: Deployment,
    since: datetime,
    *,
    request_ids: Sequence[str] = (),
    statuses: Sequence[str] = (),
    notification_ids: Mapping[str, Sequence[str]] = _NO_NOTIFICATIONS,
    run: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Replay the logged requests of these ids or statuses; without `run` say which they are.

    `notification_ids` has the ids of the notifications of each request. The result is added to the
    history of each as it comes.
    """
    selection = Selection(
        since - _MARGIN, datetime.now(UTC), frozenset(statuses), frozenset(request_ids)
    )
    with request_log.read(deployment, selection.since) as log:
        replays = Replays(log, selection.select(log))
        explained = list(selection.explain(log))
        if not len(replays):
            lines = [selection.explain_none(log), *explained]
            return Result("Nothing to replay", lines, is_good=False, can_run=False)
        if not run:
            title = f"Would replay {counted(len(replays), 'request')} through {deployment.function}"
            lines = first_lines(
                f"{each.request.id}, received {each.request.received_text}: {each.status_before}"
                for each in replays
            )
            if any(each.only_caller for each in replays):
                explained.append("Only the caller can send a sensitive request again.")
            return Result(
                title, [*status_counts(each.status_before for each in replays), *lines, *explained]
            )
        with _alone():
            stopped = _run(replays, deployment, notification_ids, progress or NoProgress())
        good = replays.good_count
        lines = [*status_counts(each.status_after or "not replayed" for each in replays)]
        lines += first_lines(map(_result_line, replays))
        if good:
            lines += _bring_up_to_date(deployment, replays)
        return Result(
            f"{good} of {counted(len(replays), 'request')} {'is' if good == 1 else 'are'} good now",
            [*stopped, *lines],
            is_good=good == len(replays),
            is_done=True,
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Keep out other repairs; raises ClickException if one runs on for long."""
    if not _action_lock.acquire(timeout=_MAX_WAIT):
        raise click.ClickException(RUNNING)
    try:
        yield
    finally:
        _action_lock.release()


def _run(
    replays: Replays,
    deployment: Deployment,
    notification_ids: Mapping[str, Sequence[str]],
    progress: Progress,
) -> list[str]:
    """Replay them; return the sentence that says why it stopped, if it did."""
    history = History(deployment)
    recorded: set[int] = set()

    def record(each: Replay) -> None:
        recorded.add(each.request.place)
        for notification_id in notification_ids.get(each.request.id, ()):
            history.add(notification_id, f"replayed: {_result_line(each)}")

    def on_result(request: Request, result: ReplayResult) -> None:
        record(Replay(request, result.status, result.reason, result.only_caller))
        progress.advance()

    progress.begin(len(replays))
    stopped = []
    try:
        replay_all(replays, deployment, on_result=on_result)
    except (TooManyFailures, Stopped) as ended:
        stopped.append(ended.message)
    for each in replays.with_result():  # what was on its way when it stopped
        if each.request.place not in recorded:
            record(each)
    return stopped


def _bring_up_to_date(deployment: Deployment, replays: Replays | None = None) -> list[str]:
    """Resolve the notifications whose cause is removed. A failure is one of the lines returned."""
    try:
        resolved = resolve_notifications(replays, deployment) if replays else []
        lines = [f"Notification {each} is resolved." for each in resolved]
        return lines + check(deployment).lines
    except (BotoCoreError, ClientError, click.ClickException) as failed:
        return [f"The notifications tab was not brought up to date: {failed}"]


def _result_line(each: Replay) -> str:
    reason = f" ({each.reason})" if each.reason else ""
    return (
        f"{each.request.id}: {each.status_before} → {each.status_after or 'not replayed'}{reason}"
    )


def check(deployment: Deployment) -> Result:
    """Invoke the keeper to check which open notifications are resolved by now."""
    function = deployment.output("KeeperFunction")
    counts = deployment.invoke({"check": "open"}, function).payload
    line = f"The keeper checked: {counts['resolved']} resolved, {counts['open']} still open."
    return Result("Checked", [line], is_done=True)


def put_record(
    deployment: Deployment,
    key: str,
    given: dict[str, str],
    *,
    notification_id: str | None = None,
    run: bool = False,
) -> Result:
    """Correct a record; without `run` say what changes."""
    values = {name: value.strip() for name, value in given.items() if value.strip()}
    if "email" in values:
        ADDRESS.convert(values["email"], None, None)
    before = items.get(deployment.table("RecordsTable"), {"record": key})
    lines = [
        f"{name}: {before.get(name, 'not set')!s} → {value}"
        for name, value in values.items()
        if before.get(name) != value
    ]
    if not lines:
        return Result("Nothing changes", [f"{key} has these values already."], can_run=False)
    if not run:
        return Result(f"Would correct {key}", lines)
    records.put(deployment, key, values)
    if notification_id:
        History(deployment).add(notification_id, f"corrected {key}: {'; '.join(lines)}")
    return Result(f"Corrected {key}", lines, is_done=True)


def set_route(
    deployment: Deployment,
    what: str,
    permissions: Sequence[str] = (),
    *,
    notification_id: str | None = None,
    run: bool = False,
) -> Result:
    """Open the route, or close it or the service; without `run` say what changes."""
    table = deployment.table("RecordsTable")
    before = items.get(table, {"record": ROUTE_RECORD})
    if what == "open":
        values = route.open_values(before, sensitive=None, permissions=permissions)
        lines = [f"{SERVICE_RECORD}: deployed → yes", f"{ROUTE_RECORD}: deployed → yes"]
        if "permissions" in values:
            lines.append(f"{ROUTE_RECORD}: permissions → {', '.join(values['permissions'])}")
    else:
        key = SERVICE_RECORD if what == "close-service" else ROUTE_RECORD
        lines = [f"{key}: deployed → no", "Callers get 503 and may try later."]
    if not run:
        title = "Would open the route" if what == "open" else "Would close it"
        return Result(title, [*lines, "The function follows within 30 seconds."])
    if what == "open":
        route.write_open(table, values)
    else:
        route.write_closed(table, service=what == "close-service")
    if notification_id:
        History(deployment).add(notification_id, f"route: {'; '.join(lines)}")
    title = "The route is open" if what == "open" else "Closed"
    return Result(title, [*lines, "The function follows within 30 seconds."], is_done=True)


def settle(deployment: Deployment, uuids: Sequence[str], *, run: bool = False) -> Result:
    """Send the emails of these appointments, or all pending ones; without `run` say which."""
    table = deployment.table("AppointmentsTable")
    keys = list(uuids) or [item["uuid"] for item in pending.pending_items(table)]
    if not keys:
        return Result("Nothing is pending", can_run=False)
    before = {key: pending.state_of(items.get(table, {"uuid": key})) for key in keys}
    if not run:
        lines = [f"{key}: {state.value}" for key, state in before.items()]
        return Result(f"Would send {len(keys)} now. This uses up no try.", lines)
    with _alone():
        errors = owed.settle(deployment, keys)
    after = {key: pending.state_of(items.get(table, {"uuid": key})) for key in keys}
    lines = [f"{key}: {before[key].value} → {errors.get(key) or after[key].value}" for key in keys]
    good = sum(state is pending.State.SETTLED for state in after.values())
    if good:
        lines += _bring_up_to_date(deployment)
    title = f"{good} of {len(keys)} {'has' if good == 1 else 'have'} nothing left to send"
    return Result(title, lines, is_good=good == len(keys), is_done=True)
