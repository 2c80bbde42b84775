"""`admin owed`: show and settle what is owed."""

import sys
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import click
from boto3.dynamodb.conditions import Attr, Key
from rich.table import Table

from appointments.tables.keys import OWED_INDEX, SHARDS
from appointments_operator import items
from appointments_operator.console import output
from appointments_operator.deployment import Deployment, pass_deployment

_MAX_RUNS: Final = 10


@click.group()
def owed() -> None:
    """Show and settle the emails and notifications that are still owed."""


@owed.command("list")
@pass_deployment
def list_owed(deployment: Deployment) -> None:
    """List what is owed, and when the schedule takes it up."""
    table = deployment.table("AppointmentsTable")
    owing = [item for uuid in _owed(table) if (item := _appointment(table, uuid))]
    if not owing:
        click.echo("Nothing is owed.")
        return
    shown = Table("Appointment", "Email", "Tries", "Due", "Notifications", "Reason")
    for item in owing:
        due = item.get("due")
        shown.add_row(
            item["uuid"],
            f"{item['email_status']} (being sent)" if "lease" in item else item["email_status"],
            str(item.get("email_tries", "")),
            datetime.fromtimestamp(int(due), UTC).isoformat() if due is not None else "",
            str(len(item.get("notifications", ()))),
            item.get("email_reason", ""),
        )
    output().print(shown)


@owed.command("settle")
@click.argument("uuids", metavar="UUID...", type=click.UUID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that is owed.")
@pass_deployment
def settle_owed(deployment: Deployment, *, uuids: tuple[UUID, ...], is_all: bool) -> None:
    """Make what is owed due now, have the function take it up, and show what became of it.

    An email that somebody is sending, or that Mandrill is to be asked about, keeps its time.
    """
    if bool(uuids) == is_all:
        raise click.UsageError("Give the appointments, or --all.")
    table = deployment.table("AppointmentsTable")
    keys = _owed(table) if is_all else [str(uuid) for uuid in uuids]
    free = Attr("owed").exists() & Attr("lease").not_exists()
    due = [
        key for key in keys if items.update(table, {"uuid": key}, {"due": int(time.time())}, free)
    ]
    for _ in range(_MAX_RUNS):
        if not due:
            break
        done = deployment.invoke({"schedule": "owed"})
        due = sorted(set(due) & set(_owed(table, until=int(time.time()))))
        if not (done.get("emails") or done.get("notifications")):
            break
    shown = Table("Appointment", "Email", "Now", "Reason")
    is_settled = True
    for key in keys:
        item = _appointment(table, key)
        is_settled &= "uuid" in item and "owed" not in item
        shown.add_row(key, item.get("email_status", ""), _now(item), item.get("email_reason", ""))
    if not keys:
        click.echo("Nothing is owed.")
        return
    output().print(shown)
    if not is_settled:
        sys.exit(1)


def _now(item: dict[str, Any]) -> str:
    if "uuid" not in item:
        return "there is no such appointment"
    if "owed" not in item:
        return "nothing is owed"
    return "being sent, or Mandrill is to be asked" if "lease" in item else "still owed"


def _owed(table: Any, until: int | None = None) -> list[str]:
    """Return the keys of what is owed, of what is due by `until` where that is given."""
    keys: list[str] = []
    for shard in SHARDS:
        condition: Any = Key("owed").eq(shard)
        if until is not None:
            condition &= Key("due").lte(until)
        query: dict[str, Any] = {"IndexName": OWED_INDEX, "KeyConditionExpression": condition}
        while True:
            page = table.query(**query)
            keys += [item["uuid"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return keys


def _appointment(table: Any, uuid: str) -> dict[str, Any]:
    return items.get(table, {"uuid": uuid})
