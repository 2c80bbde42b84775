"""`admin route`: open and close the route."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD, Role
from appointments_operator import items
from appointments_operator.command import Group
from appointments_operator.deployment import Deployment, options, pass_deployment
from appointments_operator.layout import print_list
from appointments_operator.records import warn_of_types
from appointments_operator.terminal import err

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")


@click.group(cls=Group, examples=["admin --stack appointments-prod route show"])
@options
def route() -> None:
    """Open and close the route; the function follows within 30 seconds."""


@route.command(
    "open",
    examples=[
        "admin --stack appointments-prod route open",
        "admin --stack appointments-prod route open --permission client --permission employee",
    ],
)
@click.option(
    "--sensitive/--no-sensitive",
    default=None,
    help="Accept text/plain with the base64 of the JSON. Without it: as it is.",
)
@click.option(
    "--permission",
    "permissions",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    help="A role that may use it (repeatable). All others lose it. Without it: as they are.",
)
@_as_json
@pass_deployment
def open_route(
    deployment: Deployment,
    *,
    sensitive: bool | None,
    permissions: tuple[str, ...],
    as_json: bool,
) -> None:
    """Open the service and its route."""
    table = deployment.table("RecordsTable")
    before = items.get(table, {"record": ROUTE_RECORD})
    values = open_values(before, sensitive=sensitive, permissions=permissions)
    write_open(table, values)
    removed = [role for role in _roles(before) if role not in values.get("permissions", [role])]
    if removed:
        err.print(f"May no longer use the route: {', '.join(removed)}.", soft_wrap=True)
    _show_route(table, as_json=as_json)
    _print_delay()


@route.command("close", examples=["admin --stack appointments-prod route close"])
@click.option("--service", is_flag=True, help="Close the whole service, not just the route.")
@_as_json
@pass_deployment
def close_route(deployment: Deployment, *, service: bool, as_json: bool) -> None:
    """Close the route: callers get route-not-found (or service-not-found) and may try later."""
    table = deployment.table("RecordsTable")
    write_closed(table, service=service)
    _show_route(table, as_json=as_json)
    _print_delay()


@route.command("show", examples=["admin --stack appointments-prod route show --json"])
@_as_json
@pass_deployment
def show_route(deployment: Deployment, *, as_json: bool) -> None:
    """Show the service and its route."""
    _show_route(deployment.table("RecordsTable"), as_json=as_json)


def open_values(
    before: Mapping[str, Any], *, sensitive: bool | None, permissions: Sequence[str]
) -> dict[str, Any]:
    """Return the attributes of an open route. Raises UsageError if no role may use it then."""
    values: dict[str, Any] = {"deployed": True}
    if sensitive is not None:
        values["sensitive_params"] = sensitive
    if permissions:
        values["permissions"] = list(dict.fromkeys(permissions))
    elif not before.get("permissions"):
        raise click.UsageError("No role may use the route yet. Name one with --permission.")
    return values


def write_open(table: Any, values: Mapping[str, Any]) -> None:
    """Open the service and its route."""
    items.update(table, {"record": SERVICE_RECORD}, {"deployed": True})
    items.update(table, {"record": ROUTE_RECORD}, dict(values))


def write_closed(table: Any, *, service: bool) -> None:
    """Close the route, or the whole service."""
    key = SERVICE_RECORD if service else ROUTE_RECORD
    items.update(table, {"record": key}, {"deployed": False})


def _show_route(table: Any, *, as_json: bool) -> None:
    records = [
        {"record": key, **items.get(table, {"record": key})}
        for key in (SERVICE_RECORD, ROUTE_RECORD)
    ]
    columns = {
        "Record": lambda record: record["record"],
        "Open": lambda record: _yes_or_no(record.get("deployed")),
        "Sensitive": lambda record: (
            _yes_or_no(record.get("sensitive_params")) if record["record"] == ROUTE_RECORD else ""
        ),
        "Permissions": lambda record: ", ".join(_roles(record)),
    }
    print_list(records, columns, empty="", as_json=as_json)
    for record in records:
        warn_of_types(record["record"], record)


def _print_delay() -> None:
    err.print("The function caches an open route: this takes effect within 30 s.", soft_wrap=True)


def _roles(record: Mapping[str, Any]) -> list[str]:
    """Return the roles that may use the route; none if `permissions` is not a list."""
    permissions = record.get("permissions")
    return [str(role) for role in permissions] if isinstance(permissions, list) else []


def _yes_or_no(flag: Any) -> str:
    return "yes" if flag else "no"
