"""`admin`: tokens, records, the route's switch, and what is owed: what operators live with."""

import hashlib
import json
import secrets
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import click
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from rich.table import Table

from appointments.parameters import APPLICATIONS
from appointments_operator.console import err, output
from appointments_operator.deployment import Deployment, Group, options

SERVICE: Final = "service#appointments"
ROUTE: Final = "route#appointments/create"
ROLES: Final = ("client", "employee", "liaison")
# The sparse index of what is owed spreads over these keys (specification section 8).
_SHARDS: Final = [str(shard) for shard in range(8)]
_MOST_RUNS: Final = 10

_where = click.make_pass_decorator(Deployment)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 there is no such thing; 2 wrong usage or trouble with AWS.",
)
@options
@click.option("--sessions-table", metavar="NAME", envvar="SESSIONS_TABLE", show_envvar=True)
@click.option("--records-table", metavar="NAME", envvar="RECORDS_TABLE", show_envvar=True)
@click.option("--appointments-table", metavar="NAME", envvar="APPOINTMENTS_TABLE", show_envvar=True)
@click.pass_context
def main(
    ctx: click.Context,
    *,
    stack: str | None,
    region: str | None,
    endpoint_url: str | None,
    function: str | None,
    sessions_table: str | None,
    records_table: str | None,
    appointments_table: str | None,
) -> None:
    """Run the service: tokens, records, the route's switch, and what is owed.

    Tables and function are found through --stack; without it they are named one by one.
    """
    ctx.obj = Deployment(
        stack,
        region,
        endpoint_url,
        {
            "FunctionAlias": function,
            "SessionsTable": sessions_table,
            "RecordsTable": records_table,
            "AppointmentsTable": appointments_table,
        },
    )


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────


@main.group()
def token() -> None:
    """Create and revoke tokens."""


def _role(typed: str) -> tuple[str, str]:
    application, _, role = typed.partition("=")
    if application not in APPLICATIONS or role not in ROLES:
        raise click.BadParameter(
            f"{typed!r}: write one of {', '.join(APPLICATIONS)}, `=`, and one of "
            f"{', '.join(ROLES)}."
        )
    return application, role


@token.command("create")
@click.option(
    "--kind", type=click.Choice(["session", "application"]), default="session", show_default=True
)
@click.option("--user-id", type=click.IntRange(1), help="Whose session it is.")
@click.option("--name", required=True, help="Name of the user or the application.")
@click.option("--email", help="Where the booker's email goes.")
@click.option(
    "--role",
    "roles",
    type=_role,
    metavar="APPLICATION=ROLE",
    multiple=True,
    required=True,
    help="A role in an application (repeatable), such as planoorder=client.",
)
@click.option("--remember-me", is_flag=True, help="The session never expires.")
@click.option(
    "--ttl", type=click.IntRange(1), metavar="DAYS", help="DynamoDB deletes it after so many days."
)
@_where
def create_token(
    where: Deployment,
    *,
    kind: str,
    user_id: int | None,
    name: str,
    email: str | None,
    roles: tuple[tuple[str, str], ...],
    remember_me: bool,
    ttl: int | None,
) -> None:
    """Create a token and print it: this once, for only its hash is stored."""
    if (kind == "session") != (user_id is not None):
        raise click.UsageError("A session has a --user-id, an application has none.")
    created, now = secrets.token_hex(32), int(time.time())  # no dash: it would look like an option
    item = {
        "token_hash": _hash(created),
        "uuid": str(uuid4()),
        "kind": kind,
        "user_id": user_id,
        "name": name,
        "email": email,
        "roles": dict(roles),
        "remember_me": remember_me,
        "created_at": now,
        "last_used_at": now,
        "ttl": ttl and now + ttl * 24 * 3600,
    }
    where.table("SessionsTable").put_item(
        Item={name: value for name, value in item.items() if value is not None},
        ConditionExpression=Attr("token_hash").not_exists(),
    )
    err.print(f"The token of {name}; its hash is {item['token_hash']}.", markup=False)
    click.echo(created)


@token.command("revoke")
@click.argument("token", required=False)
@click.option("--hash", "token_hash", metavar="HEX", help="The token's hash, instead of the token.")
@_where
def revoke_token(where: Deployment, *, token: str | None, token_hash: str | None) -> None:
    """Revoke TOKEN (`-` reads it from standard input, out of the shell's history)."""
    if (token is None) == (token_hash is None):
        raise click.UsageError("Give the token or its --hash.")
    if token is not None:
        typed = sys.stdin.read() if token == "-" else token  # noqa: S105 - a dash, no secret
        token_hash = _hash(typed)
    changed = _update(
        where.table("SessionsTable"),
        {"token_hash": token_hash},
        {"revoked": True},
        Attr("token_hash").exists(),
    )
    if not changed:
        raise click.ClickException("There is no such token.")
    click.echo("Revoked.")


def _hash(token: str) -> str:
    return hashlib.sha256(token.strip().encode()).hexdigest()


# ── Records ─────────────────────────────────────────────────────────────────────────────────────


@main.group()
def record() -> None:
    """Put and show records, such as order#12 or user#45."""


@record.command("put")
@click.argument("key", metavar="RECORD")
@click.option("--name", help="A user's name.")
@click.option("--email", help="A user's address.")
@_where
def put_record(where: Deployment, *, key: str, name: str | None, email: str | None) -> None:
    """Put RECORD; of one that exists, change what is given."""
    kind, _, number = key.partition("#")
    if kind not in {"order", "order_request", "order_request_appt", "user"} or not number.isdigit():
        raise click.UsageError(
            "A record is order#12, order_request#12, order_request_appt#12 or user#12; the route's "
            "own are set with `admin route`."
        )
    given = {"name": name, "email": email}
    values = {name: value for name, value in given.items() if value}
    table = where.table("RecordsTable")
    if values:
        _update(table, {"record": key}, values)
    elif not _record(table, key):
        table.put_item(Item={"record": key})
    _print_record(table, key)


@record.command("get")
@click.argument("key", metavar="RECORD")
@_where
def get_record(where: Deployment, *, key: str) -> None:
    """Print RECORD as JSON."""
    _print_record(where.table("RecordsTable"), key)


def _print_record(table: Any, key: str) -> None:
    item = _record(table, key)
    if not item:
        raise click.ClickException(f"There is no record {key}.")
    click.echo(json.dumps(item, default=str, ensure_ascii=False))


# ── The route ───────────────────────────────────────────────────────────────────────────────────


@main.group()
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
    type=click.Choice(ROLES),
    multiple=True,
    help="A role that may use it (repeatable); else they are left as they are.",
)
@_where
def open_route(where: Deployment, *, sensitive: bool | None, permissions: tuple[str, ...]) -> None:
    """Open the service and its route."""
    table = where.table("RecordsTable")
    values: dict[str, Any] = {"deployed": True}
    if sensitive is not None:
        values["sensitive_params"] = sensitive
    if permissions:
        values["permissions"] = list(permissions)
    elif not _record(table, ROUTE).get("permissions"):
        raise click.UsageError("Nobody may use the route yet: say who with --permission.")
    _update(table, {"record": SERVICE}, {"deployed": True})
    _update(table, {"record": ROUTE}, values)
    _show_route(table)


@route.command("close")
@click.option("--service", is_flag=True, help="Close the whole service, not just the route.")
@_where
def close_route(where: Deployment, *, service: bool) -> None:
    """Close the route: callers get route-not-found (or service-not-found) and may try later."""
    table = where.table("RecordsTable")
    _update(table, {"record": SERVICE if service else ROUTE}, {"deployed": False})
    _show_route(table)


@route.command("show")
@_where
def show_route(where: Deployment) -> None:
    """Show the service and its route."""
    _show_route(where.table("RecordsTable"))


def _show_route(table: Any) -> None:
    shown = Table("Record", "Open", "Sensitive", "Permissions")
    for key in (SERVICE, ROUTE):
        held = _record(table, key)
        shown.add_row(
            key,
            _yes(held.get("deployed")),
            _yes(held.get("sensitive_params")) if key == ROUTE else "",
            ", ".join(held.get("permissions", ())),
        )
    output().print(shown)


def _record(table: Any, key: str) -> dict[str, Any]:
    return _item(table, {"record": key})


def _yes(flag: Any) -> str:
    return "yes" if flag else "no"


# ── What is owed ────────────────────────────────────────────────────────────────────────────────


@main.group()
def owed() -> None:
    """Show and settle the emails and notifications that are still owed."""


@owed.command("list")
@_where
def list_owed(where: Deployment) -> None:
    """List what is owed, and when the schedule takes it up."""
    table = where.table("AppointmentsTable")
    items = [item for uuid in _owed(table) if (item := _appointment(table, uuid))]
    if not items:
        click.echo("Nothing is owed.")
        return
    shown = Table("Appointment", "Email", "Tries", "Due", "Notifications", "Reason")
    for item in items:
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
@_where
def settle_owed(where: Deployment, *, uuids: tuple[UUID, ...], is_all: bool) -> None:
    """Make what is owed due now, have the function take it up, and show what became of it.

    An email that somebody is sending, or that Mandrill is to be asked about, keeps its time.
    """
    if bool(uuids) == is_all:
        raise click.UsageError("Give the appointments, or --all.")
    table = where.table("AppointmentsTable")
    keys = _owed(table) if is_all else [str(uuid) for uuid in uuids]
    free = Attr("owed").exists() & Attr("lease").not_exists()
    due = [key for key in keys if _update(table, {"uuid": key}, {"due": int(time.time())}, free)]
    for _ in range(_MOST_RUNS):
        if not due:
            break
        done = where.invoke({"schedule": "owed"})
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
    for shard in _SHARDS:
        condition: Any = Key("owed").eq(shard)
        if until is not None:
            condition &= Key("due").lte(until)
        query: dict[str, Any] = {"IndexName": "owed", "KeyConditionExpression": condition}
        while True:
            page = table.query(**query)
            keys += [item["uuid"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return keys


def _appointment(table: Any, uuid: str) -> dict[str, Any]:
    return _item(table, {"uuid": uuid})


def _item(table: Any, key: dict[str, str]) -> dict[str, Any]:
    """Return the item, empty where there is none."""
    held: dict[str, Any] = table.get_item(Key=key, ConsistentRead=True).get("Item", {})
    return held


def _update(table: Any, key: dict[str, Any], values: dict[str, Any], condition: Any = None) -> bool:
    """Set attributes, leaving the others; False where the condition does not hold."""
    places = range(len(values))
    update: dict[str, Any] = {
        "Key": key,
        "UpdateExpression": "SET " + ", ".join(f"#{place} = :{place}" for place in places),
        "ExpressionAttributeNames": {f"#{place}": name for place, name in enumerate(values)},
        "ExpressionAttributeValues": {f":{n}": value for n, value in enumerate(values.values())},
    }
    if condition is not None:
        update["ConditionExpression"] = condition
    try:
        table.update_item(**update)
    except ClientError as failed:
        if failed.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


if __name__ == "__main__":
    main()
