"""`admin route`: open and close the route."""

from typing import Any

import click
from rich.table import Table

from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD, Role
from appointments_operator import items
from appointments_operator.console import output
from appointments_operator.deployment import Deployment, pass_deployment


@click.group()
def route() -> None:
    """Open and close the route; the function follows within half a minute."""


@route.command("open")
@click.option(
    "--sensitive/--no-sensitive",
    default=None,
    help="Take text/plain with the base64 of the JSON; else it is left as it is.",
)
@click.option(
    "--permission",
    "permissions",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    help="A role that may use it (repeatable); else they are left as they are.",
)
@pass_deployment
def open_route(
    deployment: Deployment, *, sensitive: bool | None, permissions: tuple[str, ...]
) -> None:
    """Open the service and its route."""
    table = deployment.table("RecordsTable")
    values: dict[str, Any] = {"deployed": True}
    if sensitive is not None:
        values["sensitive_params"] = sensitive
    if permissions:
        values["permissions"] = list(permissions)
    elif not items.get(table, {"record": ROUTE_RECORD}).get("permissions"):
        raise click.UsageError("Nobody may use the route yet: say who with --permission.")
    items.update(table, {"record": SERVICE_RECORD}, {"deployed": True})
    items.update(table, {"record": ROUTE_RECORD}, values)
    _show_route(table)


@route.command("close")
@click.option("--service", is_flag=True, help="Close the whole service, not just the route.")
@pass_deployment
def close_route(deployment: Deployment, *, service: bool) -> None:
    """Close the route: callers get route-not-found (or service-not-found) and may try later."""
    table = deployment.table("RecordsTable")
    items.update(
        table, {"record": SERVICE_RECORD if service else ROUTE_RECORD}, {"deployed": False}
    )
    _show_route(table)


@route.command("show")
@pass_deployment
def show_route(deployment: Deployment) -> None:
    """Show the service and its route."""
    _show_route(deployment.table("RecordsTable"))


def _show_route(table: Any) -> None:
    shown = Table("Record", "Open", "Sensitive", "Permissions")
    for key in (SERVICE_RECORD, ROUTE_RECORD):
        held = items.get(table, {"record": key})
        shown.add_row(
            key,
            _yes(held.get("deployed")),
            _yes(held.get("sensitive_params")) if key == ROUTE_RECORD else "",
            ", ".join(held.get("permissions", ())),
        )
    output().print(shown)


def _yes(flag: Any) -> str:
    return "yes" if flag else "no"
