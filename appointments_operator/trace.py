"""`admin trace`: everything that happened to an appointment, part by part as the log is read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import click
from rich.progress import Progress

from appointments_operator.command import Command
from appointments_operator.deployment import Deployment, pass_deployment
from appointments_operator.layout import json_array, print_list
from appointments_operator.option_types import moment
from appointments_operator.story import Part, Story
from appointments_operator.terminal import err

_COLUMNS: Final = {
    "Time": lambda entry: entry["at"].replace("+00:00", "Z"),
    "What": lambda entry: entry["kind"],
    "Text": lambda entry: entry["text"],
    "Source": lambda entry: entry["source"],
}


@click.command(
    "trace",
    cls=Command,
    examples=[
        "admin --stack appointments-prod trace 7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10",
        "admin --stack appointments-prod trace 'JKJaXmPLvHcESHA=' --since 2d",
        "admin --stack appointments-prod trace --order 1001 --json",
    ],
    epilog="Exit codes: 0 something was found; 1 nothing was; 2 wrong usage or a failure of AWS.",
)
@click.argument("key", metavar="UUID-OR-REQUEST-ID", required=False)
@click.option("--order", type=click.IntRange(1), help="All requests for this order.")
@click.option("--photographer", type=click.IntRange(1), help="All requests with this user.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    default="30d",
    show_default=True,
    help="From then on: 15m, 2h, 3d ago, or an ISO 8601 time. A stored appointment is read whole.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON, with all facts.")
@pass_deployment
def trace(
    deployment: Deployment,
    *,
    key: str | None,
    order: int | None,
    photographer: int | None,
    since: datetime,
    as_json: bool,
) -> None:
    """Print all that the log and the tables have about an appointment, as soon as it is read.

    Requests as received, responses, each try of the email with what Mandrill said about each
    recipient, the item, notifications with their states, and replays. Each part is in the order of
    time. With the uuid of a stored appointment its first four days come first, otherwise the newest
    part of the log.
    """
    if sum(each is not None for each in (key, order, photographer)) != 1:
        raise click.UsageError("Give a uuid, a request id, --order or --photographer.")
    story = Story(deployment)
    count = 0
    with Progress(console=err, transient=True) as progress, _printing(as_json=as_json) as show:
        task = progress.add_task("Reading the log", total=1.0)
        for part in _parts(story, key, order, photographer, since):
            if part.entries:
                progress.stop()
                show([entry.to_json() for entry in part.entries])
                progress.start()
            count += len(part.entries)
            progress.update(
                task, completed=part.done, description=f"Read {_days(part.since, part.until)}"
            )
    if not count:
        if not as_json:
            click.echo(f"Nothing is known of it since {since:%Y-%m-%d %H:%M} UTC.")
        raise click.exceptions.Exit(1)


@contextmanager
def _printing(*, as_json: bool) -> Iterator[Callable[[list[Any]], None]]:
    """Print the entries of each part as they come: a list, or the elements of one JSON array."""
    if not as_json:
        yield lambda entries: print_list(entries, _COLUMNS, empty="")
        return
    with json_array() as add:
        yield add


def _days(since: datetime, until: datetime) -> str:
    return f"{since:%Y-%m-%d} to {until:%Y-%m-%d}"


def _parts(
    story: Story, key: str | None, order: int | None, photographer: int | None, since: datetime
) -> Iterator[Part]:
    if key is not None:
        return story.of_id(key, since)
    if order is not None:
        return story.of_reference("order_id", order, since)
    return story.of_reference("photographer_user_id", photographer or 0, since)
