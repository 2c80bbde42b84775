"""`admin record`: put and show records."""

import json
from typing import Any, Final

import click

from appointments.tables.keys import RECORD_TYPES, REFERENCE_KINDS, TYPE_NAMES
from appointments_operator import items
from appointments_operator.deployment import Deployment, pass_deployment

# What boto3 makes of DynamoDB's types.
_PYTHON: Final = {"S": str, "BOOL": bool, "L": list}


@click.group()
def record() -> None:
    """Put and show records, such as order#12 or user#45."""


@record.command("put")
@click.argument("key", metavar="RECORD")
@click.option("--name", help="A user's name.")
@click.option("--email", help="A user's address.")
@pass_deployment
def put_record(deployment: Deployment, *, key: str, name: str | None, email: str | None) -> None:
    """Put RECORD; of one that exists, change what is given."""
    kind, _, number = key.partition("#")
    if kind not in REFERENCE_KINDS.values() or not number.isdigit():
        raise click.UsageError(
            "A record is order#12, order_request#12, order_request_appt#12 or user#12; the route's "
            "own are set with `admin route`."
        )
    given = {"name": name, "email": email}
    values = {name: value for name, value in given.items() if value}
    table = deployment.table("RecordsTable")
    if values:
        items.update(table, {"record": key}, values)
    elif not items.get(table, {"record": key}):
        table.put_item(Item={"record": key})
    _print_record(table, key)


@record.command("get")
@click.argument("key", metavar="RECORD")
@pass_deployment
def get_record(deployment: Deployment, *, key: str) -> None:
    """Print RECORD as JSON, and warn of an attribute that the function cannot read."""
    _print_record(deployment.table("RecordsTable"), key)


def _print_record(table: Any, key: str) -> None:
    item = items.get(table, {"record": key})
    if not item:
        raise click.ClickException(f"There is no record {key}.")
    click.echo(json.dumps(item, default=str, ensure_ascii=False))
    for name, kind in RECORD_TYPES.items():
        if name in item and item[name] is not None and not isinstance(item[name], _PYTHON[kind]):
            click.echo(f"{key}: {name} is not {TYPE_NAMES[kind]}", err=True)
