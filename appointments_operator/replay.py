"""`replay`: send logged requests to the function again, the failed and those without a response."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from appointments.statuses import Status
from appointments_operator import request_log
from appointments_operator.command import INTERRUPTED, Command, ask
from appointments_operator.deployment import (
    DISTRIBUTION,
    MAX_AT_ONCE,
    Deployment,
    pass_deployment,
    store_option,
)
from appointments_operator.layout import counted
from appointments_operator.option_types import moment
from appointments_operator.replay_output import print_results, print_rows, print_selection
from appointments_operator.replay_results import Replays
from appointments_operator.replay_run import (
    DEFAULT_AT_ONCE,
    DEFAULT_RATE,
    TooManyFailures,
    replay_all,
    resolve_notifications,
)
from appointments_operator.replay_selection import UNANSWERED, Selection
from appointments_operator.terminal import err

# How many requests are shown before the question; --dry-run shows all.
_MAX_SHOWN: Final = 50


@click.command(
    cls=Command,
    examples=[
        "replay --stack appointments-prod --since 2h --dry-run",
        "replay --stack appointments-prod --since 2h --yes",
        "replay --stack appointments-prod --since 3d --until 2d --unanswered",
        "replay --stack appointments-prod --since 2h --status route-not-found",
    ],
    epilog=(
        "Exit codes: 0 all requests are good now, or there were none; 1 some still fail, twenty in "
        "a row failed alike, or there is no request with this id; 2 wrong usage or a failure of "
        "AWS; 130 interrupted. It may be run any number of times: what was repaired is not "
        "selected again, and no replay creates or emails anything twice."
    ),
)
@click.version_option(package_name=DISTRIBUTION)
@click.option(
    "--log-group",
    metavar="NAME",
    expose_value=False,
    callback=store_option,
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
    default=DEFAULT_RATE,
    show_default=True,
    help="At most so many requests per second.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, MAX_AT_ONCE),
    metavar="COUNT",
    default=DEFAULT_AT_ONCE,
    show_default=True,
    help="At most so many requests at the same time.",
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
    at_once: int,
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
    with request_log.read(deployment, since) as log:
        replays = Replays(log, selection.select(log))
        if not len(replays) and not as_json:
            click.echo(selection.explain_none(log))
        for sentence in selection.explain(log):
            err.print(sentence, soft_wrap=True)
        code = 1 if selection.missing_ids(log) else 0
        if dry_run or not len(replays):
            print_selection(replays, as_json=as_json)
            sys.exit(code)
        if not yes:
            requests = counted(len(replays), "request")
            question = f"Replay {requests} through {deployment.function}?"
            ask(question, lambda: _print_first(replays))
        code = _run(replays, deployment, rate, at_once) or code
        print_results(replays, as_json=as_json, is_interrupted=code == INTERRUPTED)
        sys.exit(code)


def _print_first(replays: Replays) -> None:
    print_rows(list(islice(replays, _MAX_SHOWN)))
    if more := max(0, len(replays) - _MAX_SHOWN):
        click.echo(f"And {more} more: --dry-run shows them all.")


def _run(replays: Replays, deployment: Deployment, rate: float, at_once: int) -> int:
    """Replay them; return the exit code."""
    code = 1
    try:
        replay_all(replays, deployment, rate, at_once)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BotoCoreError, ClientError) as failed:
        err.print(f"Stopped: {failed}", soft_wrap=True)
        return 2
    except TooManyFailures as stopped:
        err.print(stopped.message, soft_wrap=True)
    else:
        code = 0 if replays.good_count == len(replays) else 1
    _resolve(replays, deployment)
    return code


def _resolve(replays: Replays, deployment: Deployment) -> None:
    """Resolve notifications of requests that are good now; a failure changes no exit code."""
    try:
        for notification_id in resolve_notifications(replays, deployment):
            err.print(f"Notification {notification_id} is resolved.", soft_wrap=True)
    except (BotoCoreError, ClientError, click.UsageError) as failed:
        err.print(f"The notifications tab was not brought up to date: {failed}", soft_wrap=True)


if __name__ == "__main__":
    main()
