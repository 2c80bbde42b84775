"""`admin forget`: erase appointments, after showing what is erased and what remains."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import click
from rich.text import Text

from appointments_operator.command import Command, ask
from appointments_operator.deployment import Deployment, pass_deployment
from appointments_operator.erasure import (
    Erasure,
    Log,
    count_notifications,
    find_by_reference,
    find_by_uuid,
    log_of,
)
from appointments_operator.layout import counted, print_json, print_list
from appointments_operator.terminal import output


def _erased_text(row: Mapping[str, Any]) -> str:
    if row["reason"]:
        return f"no: {row['reason']}"
    return "yes" if row["erased"] else "can be"


_COLUMNS: Final = {
    "Appointment": lambda row: row["uuid"],
    "Received": lambda row: str(row["received_at"] or ""),
    "Order": lambda row: str(row["order_id"] or ""),
    "Photographer": lambda row: str(row["photographer_user_id"] or ""),
    "Email": lambda row: str(row["email_status"] or ""),
    "Erased": _erased_text,
}
_WHAT_REMAINS: Final = (
    "Of an erased appointment its uuid stays, and that it was erased: a request or a replay that "
    "leads to this uuid is refused. A caller who sends the same under a new uuid creates a new "
    "appointment."
)


@click.command(
    "forget",
    cls=Command,
    examples=[
        "admin --stack appointments-prod forget 7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10 --dry-run",
        "admin --stack appointments-prod forget --order 1001",
        "admin --stack appointments-prod forget --photographer 501 --yes --json",
    ],
    epilog=(
        "Exit codes: 0 all are erased, or there are none; 1 some cannot be erased yet, or are not "
        "there; 2 wrong usage or a failure of AWS; 130 interrupted. It may be run any number of "
        "times."
    ),
)
@click.argument("uuids", metavar="UUID...", type=click.UUID, nargs=-1)
@click.option("--order", type=click.IntRange(1), help="All appointments of this order.")
@click.option("--photographer", type=click.IntRange(1), help="All appointments with this user.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_deployment
def forget(
    deployment: Deployment,
    *,
    uuids: tuple[UUID, ...],
    order: int | None,
    photographer: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase appointments whose email is settled or given up, and say what remains elsewhere.

    --order and --photographer read the whole table, so that none is left out.
    """
    if [bool(uuids), order is not None, photographer is not None].count(True) != 1:
        raise click.UsageError("Give the appointments, --order or --photographer.")
    erasures = _find(deployment, uuids, order, photographer)
    if erasures:
        count_notifications(deployment, erasures)
    log = log_of(deployment)
    count = sum(each.reason is None and not each.is_erased for each in erasures)
    is_asked = count > 0 and not (dry_run or yes)
    if is_asked:
        if as_json:
            raise click.UsageError("With --json pass --yes, or --dry-run to look.")
        question = f"Erase {counted(count, 'appointment')} for ever?"
        ask(question, lambda: _print(erasures, log))
    if not dry_run:
        table = deployment.table("AppointmentsTable")
        for erasure in erasures:
            erasure.run(table)
    if as_json:
        _print_json(erasures, log)
    else:
        _print(erasures, None if is_asked else log)
    if any(each.reason for each in erasures):
        sys.exit(1)


def _find(
    deployment: Deployment, uuids: Sequence[UUID], order: int | None, photographer: int | None
) -> list[Erasure]:
    if order is not None:
        return find_by_reference(deployment, "order_id", order)
    if photographer is not None:
        return find_by_reference(deployment, "photographer_user_id", photographer)
    return find_by_uuid(deployment, map(str, uuids))


def _print_json(erasures: Sequence[Erasure], log: Log) -> None:
    print_json(
        {
            "appointments": [erasure.to_json() for erasure in erasures],
            "log_group": log.group,
            "log_until": log.until and log.until.isoformat(),
        }
    )


def _print(erasures: Sequence[Erasure], log: Log | None) -> None:
    """Print what is erased or why not; with a log, also what remains."""
    rows = [erasure.to_json() for erasure in erasures]
    print_list(rows, _COLUMNS, empty="There is no such appointment.")
    if rows and log:
        for sentence in (_WHAT_REMAINS, _log_sentence(log), _notifications_sentence(erasures)):
            output().print(Text(sentence))


def _log_sentence(log: Log) -> str:
    """Return the sentence about what the log keeps, and until when."""
    keeps = f"The log {log.group} keeps what was sent, with names, notes and addresses"
    if log.until is None:
        return f"{keeps}, for ever: it has no retention."
    return (
        f"{keeps}, for {log.days} days from each entry: until {log.until:%Y-%m-%d} at the latest."
    )


def _notifications_sentence(erasures: Sequence[Erasure]) -> str:
    """Return the sentence about what the notifications table keeps, and until when."""
    number = sum(erasure.notifications for erasure in erasures)
    ends = [erasure.notifications_until for erasure in erasures if erasure.notifications_until]
    sentence = "The notifications table keeps nothing about it."
    if ends:
        sentence = (
            f"The notifications table keeps {counted(number, 'notification')} about it, with "
            f"addresses, until {max(ends):%Y-%m-%d}."
        )
    return f"{sentence} Backups of the tables keep everything for 35 days."
