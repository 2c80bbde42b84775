"""`replay`: send logged requests to the function again, the failed and the never answered."""

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from appointments.statuses import Status
from appointments_operator import request_log
from appointments_operator.console import err, output
from appointments_operator.deployment import Command, Deployment, FunctionError, options
from appointments_operator.request_log import Request

UNANSWERED: Final = "unanswered"
NOTIFIED: Final = tuple(status.value for status in Status if status.notified)
# A request younger than this may still be at work (29 s at most), or its lines on their way.
_STILL_AT_WORK: Final = timedelta(seconds=60)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LEFT, _INTERRUPTED = "not replayed", 130


def moment(typed: str) -> datetime:
    """Read a time as operators type it: ISO 8601 (UTC unless it says otherwise), or so long ago."""
    try:
        if ago := re.fullmatch(r"(\d+)([smhdw])", typed):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        told = datetime.fromisoformat(typed)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{typed!r} is neither like 15m, 2h, 3d nor like 2027-01-05T10:00:00Z."
        ) from None


@dataclass
class Replay:
    """A picked request: its status before, and what came of the replay."""

    request: Request
    then: str
    now: str = _LEFT

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "request_id": self.request.id,
            "received_at": self.request.line["received_at"],
            "uuid": self.request.uuid,
            "then": self.then,
            "now": self.now,
        }


@click.command(
    cls=Command,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 all requests are good now, or there were none; 1 some still fail; 2 wrong "
        "usage or trouble with AWS; 130 interrupted. Run it again as often as you like: what was "
        "mended is not picked again, and no replay creates or mails anything twice."
    ),
)
@options
@click.option("--log-group", metavar="NAME", help="The function's log group; instead of --stack.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    default="1h",
    show_default=True,
    help="Requests received from then on: 15m, 2h, 3d ago, or an ISO 8601 time.",
)
@click.option("--until", type=moment, metavar="TIME", help="And up to then, else up to now.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    type=click.Choice([status.value for status in Status]),
    help="Requests whose status is this one (repeatable).",
)
@click.option("--unanswered", is_flag=True, help="Requests that never got an answer.")
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
    help="At most so many requests a second.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(
    *,
    stack: str | None,
    region: str | None,
    endpoint_url: str | None,
    function: str | None,
    log_group: str | None,
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
    (application-crash, mandrill-email-failed, identify-request-error) or never got an answer, and
    that no later replay or retry has mended.
    """
    if (stack is None) == (log_group is None):
        raise click.UsageError("Say where: either --stack or --log-group.")
    deployment = Deployment(
        stack, region, endpoint_url, {"LogGroup": log_group, "FunctionAlias": function}
    )
    wanted = {*statuses, *([UNANSWERED] if unanswered else [])}
    if not (wanted or request_ids):
        wanted = {*NOTIFIED, UNANSWERED}
    try:
        requests = request_log.read(deployment.client("logs"), deployment.log_group, since)
    except request_log.Truncated:
        raise click.UsageError(
            f"{deployment.log_group} holds more lines since then than can be read; "
            "give a later --since."
        ) from None
    replays = _pick(requests, until or datetime.now(UTC), wanted, set(request_ids))
    if dry_run or not replays:
        return _show(replays, as_json=as_json, is_done=False)
    if not yes:
        _ask(replays, deployment.function)
    code = 0
    try:
        _replay_all(replays, deployment, rate)
    except KeyboardInterrupt:
        code = _INTERRUPTED
        err.print("Interrupted. Run the same command again: it goes on where this stopped.")
    except (BotoCoreError, ClientError) as failed:
        code = 2
        err.print(f"Stopped: {failed}", markup=False)
    _show(replays, as_json=as_json, is_done=True)
    if any(replay.now != Status.ACTION_SUCCESSFUL.value for replay in replays):
        code = code or 1
    sys.exit(code)


def _pick(
    requests: Sequence[Request], until: datetime, wanted: set[str], ids: set[str]
) -> list[Replay]:
    """Return the requests to replay, the earliest first."""
    finished = datetime.now(UTC) - _STILL_AT_WORK
    return [
        Replay(request, status)
        for request in requests
        for status in [request.status or UNANSWERED]
        if request.received_at <= until
        and (not ids or request.id in ids)
        and (not wanted or status in wanted)
        and (status != UNANSWERED or request.received_at < finished)
    ]


def _ask(replays: Sequence[Replay], function: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("There is nobody to ask here: pass --yes, or --dry-run to look.")
    _show(replays, as_json=False, is_done=False)
    click.confirm(f"Replay {_requests(replays)} through {function}?", abort=True, err=True)


def _replay_all(replays: Sequence[Replay], deployment: Deployment, rate: float) -> None:
    """Replay one after the other, at most `rate` a second, and note what came of each."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        for replay in progress.track(replays, description="Replaying"):
            started = time.monotonic()
            replay.now = _replay(replay.request, deployment)
            if replay is not replays[-1]:
                time.sleep(max(0, started + 1 / rate - time.monotonic()))


def _replay(request: Request, deployment: Deployment) -> str:
    """Return the request's status now."""
    if request.is_sensitive:
        return "not on record: only its caller can send it again"
    try:
        returned = deployment.invoke(request.event())
        return str(json.loads(returned["body"])["status"])
    except FunctionError as died:
        return f"the function died: {died}"
    except (ValueError, TypeError, KeyError):
        return "not an answer of this function"


def _show(replays: Sequence[Replay], *, as_json: bool, is_done: bool) -> None:
    if as_json:
        click.echo(json.dumps({"replayed": is_done, "requests": [each.told() for each in replays]}))
        return
    if not replays:
        click.echo("There is nothing to replay.")
        return
    table = Table("Request", "Received at", "Then", *(["Now"] if is_done else []))
    for column in table.columns:
        column.overflow = "fold"
    for each in replays:
        cells = [each.request.id, each.request.line["received_at"], each.then]
        table.add_row(*cells, *([each.now] if is_done else []))
    output().print(table)
    if is_done:
        mended = sum(each.now == Status.ACTION_SUCCESSFUL.value for each in replays)
        click.echo(f"{mended} of {_requests(replays)} {'is' if mended == 1 else 'are'} good now.")
    else:
        click.echo(f"{_requests(replays)} would be replayed.")


def _requests(replays: Sequence[Replay]) -> str:
    return f"{len(replays)} request{'s' if len(replays) != 1 else ''}"


if __name__ == "__main__":
    main()
