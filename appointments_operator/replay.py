"""`replay`: send logged requests to the function again, the failed and those without a response."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click
from botocore.exceptions import BotoCoreError, ClientError

from appointments.statuses import Status
from appointments_operator import request_log
from appointments_operator.command import INTERRUPTED, Command
from appointments_operator.console import err
from appointments_operator.deployment import (
    DISTRIBUTION,
    Deployment,
    pass_deployment,
    remember,
)
from appointments_operator.layout import counted, print_json, print_list, relative
from appointments_operator.replaying import (
    NOT_REPLAYED,
    Replay,
    replay_all,
    resolve_notifications,
)
from appointments_operator.request_log import Request
from appointments_operator.selection import UNANSWERED, Selection
from appointments_operator.values import moment


@click.command(
    cls=Command,
    examples=[
        "replay --stack appointments-prod --since 2h --dry-run",
        "replay --stack appointments-prod --since 2h --yes",
        "replay --stack appointments-prod --since 3d --until 2d --unanswered",
        "replay --stack appointments-prod --since 2h --status route-not-found",
    ],
    epilog=(
        "Exit codes: 0 all requests are good now, or there were none; 1 some still fail, or there "
        "is no request with this id; 2 wrong usage or a failure of AWS; 130 interrupted. It may be "
        "run any number of times: what was repaired is not selected again, and no replay creates "
        "or emails anything twice."
    ),
)
@click.version_option(package_name=DISTRIBUTION)
@click.option(
    "--log-group",
    metavar="NAME",
    expose_value=False,
    callback=remember,
    help="The function's log group, instead of --stack.",
)
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    default="1h",
    show_default=True,
    help="Requests received from then on: 15m, 2h, 3d ago, or an ISO 8601 time.",
)
@click.option("--until", type=moment, metavar="TIME", help="And up to then, otherwise up to now.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    type=click.Choice([status.value for status in Status]),
    help="Requests whose status is this one (repeatable).",
)
@click.option("--unanswered", is_flag=True, help="Requests that have no response.")
@click.option(
    "--request-id",
    "request_ids",
    multiple=True,
    metavar="ID",
    help="Only the request with this id (repeatable); alone: whatever its status.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be replayed, and do nothing.")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 100),
    default=5,
    show_default=True,
    help="At most so many requests per second.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_deployment
def main(
    deployment: Deployment,
    *,
    since: datetime,
    until: datetime | None,
    statuses: Sequence[str],
    unanswered: bool,
    request_ids: Sequence[str],
    dry_run: bool,
    rate: float,
    yes: bool,
    as_json: bool,
) -> None:
    """Send logged requests to the function again.

    Without --status, --unanswered or --request-id: those that ended in a failure of ours
    (application-crash, mandrill-email-failed, identify-request-error) or have no response, and that
    no later replay or retry has repaired.
    """
    if (deployment.stack is None) == (deployment.given["LogGroup"] is None):
        raise click.UsageError("Say which deployment: either --stack or --log-group.")
    if until is not None and until < since:
        raise click.UsageError(f"--until ({until:%F %T}) is before --since ({since:%F %T}, UTC).")
    selection = Selection(
        since,
        until or datetime.now(UTC),
        frozenset((*statuses, *([UNANSWERED] if unanswered else []))),
        frozenset(request_ids),
    )
    requests = _read(deployment, since)
    picked = selection.pick(requests)
    replays = [Replay.of(request) for request in picked]
    if not picked and not as_json:
        click.echo(selection.nothing(requests))
    for sentence in selection.explain(requests, picked):
        err.print(sentence, soft_wrap=True)
    code = 1 if selection.missing_ids(requests) else 0
    if dry_run or not picked:
        _print_selection(replays, as_json=as_json)
        sys.exit(code)
    if not yes:
        _ask(replays, deployment.function)
    code = _run(replays, deployment, rate) or code
    _print_results(replays, as_json=as_json, is_interrupted=code == INTERRUPTED)
    sys.exit(code)


def _read(deployment: Deployment, since: datetime) -> list[Request]:
    try:
        return request_log.read(deployment.client("logs"), deployment.log_group, since)
    except request_log.Truncated:
        raise click.UsageError(
            f"{deployment.log_group} has more entries since then than can be read. "
            "Choose a later --since."
        ) from None


def _ask(replays: Sequence[Replay], function: str) -> None:
    if not _is_terminal():
        raise click.UsageError("No person can be asked here: pass --yes, or --dry-run to look.")
    _print_selection(replays, as_json=False)
    if not click.confirm(f"Replay {_requests(replays)} through {function}?", err=True):
        sys.exit(1)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _run(replays: Sequence[Replay], deployment: Deployment, rate: float) -> int:
    """Replay them; return the exit code."""
    try:
        replay_all(replays, deployment, rate)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BotoCoreError, ClientError) as failed:
        err.print(f"Stopped: {failed}", soft_wrap=True)
        return 2
    _resolve(replays, deployment)
    return 0 if all(replay.is_good for replay in replays) else 1


def _resolve(replays: Sequence[Replay], deployment: Deployment) -> None:
    """Bring the notifications tab up to date; if that fails, the replays stay what they are."""
    try:
        for notification_id in resolve_notifications(replays, deployment):
            err.print(f"Notification {notification_id} is resolved.", soft_wrap=True)
    except (BotoCoreError, ClientError, click.UsageError) as failed:
        err.print(f"The notifications tab was not brought up to date: {failed}", soft_wrap=True)


def _print_selection(replays: Sequence[Replay], *, as_json: bool) -> None:
    if as_json:
        _print_json(replays, is_done=False)
        return
    if not replays:
        return
    print_list(
        [replay.to_json() | {"then_reason": _then_reason(replay)} for replay in replays],
        {
            "Request": lambda row: row["request_id"],
            "Received": lambda row: relative(datetime.fromisoformat(row["received_at"])),
            "Status": lambda row: row["then"],
            "Reason": lambda row: row["then_reason"],
        },
        empty="",
    )
    click.echo(f"{_requests(replays)} would be replayed.")


def _print_results(replays: Sequence[Replay], *, as_json: bool, is_interrupted: bool) -> None:
    if as_json:
        _print_json(replays, is_done=True)
    done = [replay for replay in replays if replay.now != NOT_REPLAYED]
    if not as_json and done:
        print_list(
            [replay.to_json() for replay in done],
            {
                "Request": lambda row: row["request_id"],
                "Received": lambda row: relative(datetime.fromisoformat(row["received_at"])),
                "Then": lambda row: row["then"],
                "Now": lambda row: row["now"],
                "Reason": lambda row: _reason(row["reason"], only_caller=row["only_caller"]),
            },
            empty="",
        )
    good = sum(replay.is_good for replay in replays)
    if is_interrupted:
        err.print(
            f"Interrupted: {good} of {len(replays)} are good, {len(replays) - len(done)} were not "
            "replayed. Run the same command again: it continues.",
            soft_wrap=True,
        )
    elif not as_json:
        click.echo(f"{good} of {len(replays)} requests {'is' if good == 1 else 'are'} good now.")


def _print_json(replays: Sequence[Replay], *, is_done: bool) -> None:
    print_json({"replayed": is_done, "requests": [replay.to_json() for replay in replays]})


def _then_reason(replay: Replay) -> str:
    reason = replay.request.latest.reason if replay.request.latest else None
    return _reason(reason, only_caller=replay.only_caller)


def _reason(reason: str | None, *, only_caller: bool) -> str:
    return " ".join(filter(None, (reason, "Only its caller can repair it." * only_caller)))


def _requests(replays: Sequence[Replay]) -> str:
    return counted(len(replays), "request")


if __name__ == "__main__":
    main()
