"""`admin token`: create and revoke tokens."""

import secrets
import sys
import time
from typing import Any
from uuid import uuid4

import click
from boto3.dynamodb.conditions import Attr

from appointments.parameters import APPLICATIONS
from appointments.tables.keys import Role, hash_token
from appointments_operator import items
from appointments_operator.command import Group
from appointments_operator.deployment import Deployment, options, pass_deployment
from appointments_operator.option_types import ADDRESS
from appointments_operator.terminal import err


@click.group(cls=Group, examples=["admin --stack appointments-prod token create --help"])
@options
def token() -> None:
    """Create and revoke tokens."""


def _role(typed: str) -> tuple[str, str]:
    application, _, role = typed.partition("=")
    if application not in APPLICATIONS or role not in list(Role):
        raise click.BadParameter(
            f"{typed!r}: write one of {', '.join(APPLICATIONS)}, `=`, and one of {', '.join(Role)}."
        )
    return application, role


@token.command(
    "create",
    examples=[
        "admin --stack appointments-prod token create --user-id 45 --name Bo --role planox2=client",
        "admin --stack appointments-prod token create --kind application --name filemaker \\",
        "    --role planoorder=employee",
    ],
)
@click.option(
    "--kind", type=click.Choice(["session", "application"]), default="session", show_default=True
)
@click.option("--user-id", type=click.IntRange(1), help="Whose session it is.")
@click.option("--name", required=True, help="Name of the user or the application.")
@click.option("--email", type=ADDRESS, help="Where the booker's email goes.")
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
    "--ttl",
    type=click.IntRange(1),
    metavar="DAYS",
    help="DynamoDB deletes it after this many days.",
)
@pass_deployment
def create_token(
    deployment: Deployment,
    *,
    kind: str,
    user_id: int | None,
    name: str,
    email: str | None,
    roles: tuple[tuple[str, str], ...],
    remember_me: bool,
    ttl: int | None,
) -> None:
    """Create a token and print it, only this once: what is stored is its hash."""
    if (kind == "session") != (user_id is not None):
        raise click.UsageError("A session has a --user-id, an application has none.")
    created = new_token()
    put_session(
        deployment,
        created,
        kind=kind,
        user_id=user_id,
        name=name,
        email=email,
        roles=dict(roles),
        remember_me=remember_me,
        ttl=ttl and int(time.time()) + ttl * 24 * 3600,
    )
    err.print(f"The hash of the token of {name}: {hash_token(created)}", soft_wrap=True)
    click.echo(created)


def new_token() -> str:
    """Return a token without a dash, which would look like an option."""
    return secrets.token_hex(32)


def put_session(deployment: Deployment, token: str, **attributes: Any) -> None:
    """Create the session of a token, marked as used now. An attribute that is None is left out."""
    now = int(time.time())
    item = {
        "token_hash": hash_token(token),
        "uuid": str(uuid4()),
        "created_at": now,
        "last_used_at": now,
        **attributes,
    }
    deployment.table("SessionsTable").put_item(
        Item={name: value for name, value in item.items() if value is not None},
        ConditionExpression=Attr("token_hash").not_exists(),
    )


@token.command(
    "revoke",
    examples=[
        "admin --stack appointments-prod token revoke - < token.txt",
        "admin --stack appointments-prod token revoke --hash HEX",
    ],
)
@click.argument("token", required=False)
@click.option("--hash", "token_hash", metavar="HEX", help="The token's hash, instead of the token.")
@pass_deployment
def revoke_token(deployment: Deployment, *, token: str | None, token_hash: str | None) -> None:
    """Revoke TOKEN (`-` reads it from standard input, out of the shell's history)."""
    if (token is None) == (token_hash is None):
        raise click.UsageError("Give the token or its --hash.")
    if token is not None:
        typed = sys.stdin.read() if token == "-" else token  # noqa: S105 - a dash, no secret
        token_hash = hash_token(typed)
    changed = items.update(
        deployment.table("SessionsTable"),
        {"token_hash": token_hash},
        {"revoked": True},
        Attr("token_hash").exists(),
    )
    if not changed:
        raise click.ClickException("There is no such token.")
    click.echo("Revoked.")
