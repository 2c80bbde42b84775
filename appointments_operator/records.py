"""`admin record`: put and show records."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from appointments.tables.keys import RECORD_TYPES, REFERENCE_KINDS, TYPE_NAMES
from appointments_operator import items
from appointments_operator.command import Group
from appointments_operator.deployment import Deployment, options, pass_deployment
from appointments_operator.layout import print_json
from appointments_operator.option_types import ADDRESS

# The Python types of boto3 for DynamoDB's types.
_PYTHON_TYPES: Final = {"S": str, "BOOL": bool, "L": list}


@click.group(cls=Group, examples=["admin --stack appointments-prod record get 'user#501'"])
@options
def record() -> None:
    """Put and show records, such as order#12 or user#45."""


@record.command(
    "put",
    examples=[
        "admin --stack appointments-prod record put order#12",
        "admin --stack appointments-prod record put 'user#501' --email pat@planomatic.com",
    ],
)
@click.argument("key", metavar="RECORD")
@click.option("--name", help="A user's name.")
@click.option("--email", type=ADDRESS, help="A user's address.")
@pass_deployment
def put_record(deployment: Deployment, *, key: str, name: str | None, email: str | None) -> None:
    """Put RECORD. If it exists, change what is given and leave the rest."""
    put(deployment, key, {"name": name, "email": email})
    _print_record(deployment.table("RecordsTable"), key)


@record.command("get", examples=["admin --stack appointments-prod record get 'user#501'"])
@click.argument("key", metavar="RECORD")
@pass_deployment
def get_record(deployment: Deployment, *, key: str) -> None:
    """Print RECORD as JSON, and warn of an attribute that the function cannot read."""
    _print_record(deployment.table("RecordsTable"), key)


def put(deployment: Deployment, key: str, given: Mapping[str, str | None]) -> None:
    """Put a record, or change the given attributes of one that exists. Raises UsageError."""
    record_type, _, number = key.partition("#")
    if record_type not in REFERENCE_KINDS.values() or not re.fullmatch("[0-9]+", number):
        raise click.UsageError(
            "A record is order#12, order_request#12, order_request_appt#12 or user#12. The "
            "route's own are set with `admin route`."
        )
    values = {name: value for name, value in given.items() if value}
    if values and record_type != "user":
        raise click.UsageError(f"Only a user has a name and an email, {key} has none.")
    table = deployment.table("RecordsTable")
    if values:
        items.update(table, {"record": key}, values)
    elif not items.get(table, {"record": key}):
        table.put_item(Item={"record": key})


def _print_record(table: Any, key: str) -> None:
    item = items.get(table, {"record": key})
    if not item:
        raise click.ClickException(f"There is no record {key}.")
    print_json(item)
    warn_of_types(key, item)


def warn_of_types(key: str, item: Mapping[str, Any]) -> None:
    """Warn of each attribute of a record that the function cannot read."""
    for sentence in type_errors(key, item):
        click.echo(sentence, err=True)


def type_errors(key: str, item: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each attribute of a record that the function cannot read."""
    for name, attribute_type in RECORD_TYPES.items():
        if (
            name in item
            and item[name] is not None
            and not isinstance(item[name], _PYTHON_TYPES[attribute_type])
        ):
            yield f"{key}: {name} is not {TYPE_NAMES[attribute_type]}"
