"""`admin owed`: show what is pending or given up, and send it."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import click
from rich.progress import Progress

from appointments_operator import items
from appointments_operator.command import Group
from appointments_operator.deployment import (
    Deployment,
    FunctionError,
    options,
    pass_deployment,
)
from appointments_operator.layout import iso_seconds, print_list, relative
from appointments_operator.pending import State, given_up_items, pending_items, state_of
from appointments_operator.terminal import err

# The function searches for all emails of an event at once, and has 29 seconds to send them.
_EVENT_SIZE: Final = 20
_as_json = click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")


@click.group(cls=Group, examples=["admin --stack appointments-prod owed list"])
@options
def owed() -> None:
    """Show and send the emails that are pending or were given up."""


@owed.command(
    "list",
    examples=[
        "admin --stack appointments-prod owed list",
        "admin --stack appointments-prod owed list --given-up --json",
    ],
)
@click.option("--given-up", "is_given_up", is_flag=True, help="The emails that were given up.")
@_as_json
@pass_deployment
def list_owed(deployment: Deployment, *, is_given_up: bool, as_json: bool) -> None:
    """List what is pending, and when the schedule tries it next.

    --given-up lists the emails that the schedule does not try any more. It reads the whole table.
    """
    table = deployment.table("AppointmentsTable")
    found = given_up_items(table) if is_given_up else pending_items(table)
    print_list(
        sorted(map(facts_of, found), key=lambda facts: str(facts["due"])),
        {
            "Appointment": lambda facts: facts["uuid"],
            "Email": lambda facts: " ".join(filter(None, (facts["email_status"], facts["lease"]))),
            "Tries": lambda facts: str(facts["email_tries"]),
            "Due": lambda facts: (
                relative(datetime.fromisoformat(facts["due"])) if facts["due"] else ""
            ),
            "Notify": lambda facts: (
                f"{facts['notifications']} pending" if facts["notifications"] else ""
            ),
            "Reason": lambda facts: facts["email_reason"] or "",
        },
        empty="No email was given up." if is_given_up else "Nothing is owed.",
        as_json=as_json,
    )


@owed.command(
    "settle",
    examples=[
        "admin --stack appointments-prod owed settle 7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10",
        "admin --stack appointments-prod owed settle --all",
    ],
    epilog="Exit codes: 0 nothing is left to send; 1 an email is still not sent.",
)
@click.argument("uuids", metavar="UUID...", type=click.UUID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that is pending.")
@_as_json
@pass_deployment
def settle_owed(
    deployment: Deployment, *, uuids: tuple[UUID, ...], is_all: bool, as_json: bool
) -> None:
    """Send these emails now through the function, and show the result.

    This uses up no try. It sends what was given up too, if its uuid is named.
    """
    if bool(uuids) == is_all:
        raise click.UsageError("Give the appointments, or --all.")
    table = deployment.table("AppointmentsTable")
    if is_all:
        before = {item["uuid"]: item for item in pending_items(table)}
    else:
        before = {key: items.get(table, {"uuid": key}) for key in map(str, uuids)}
    unsettled = [
        key for key, item in before.items() if state_of(item) not in (State.MISSING, State.SETTLED)
    ]
    errors = settle(deployment, unsettled)
    results = []
    for key, item in before.items():
        after = items.get(table, {"uuid": key}) if key in unsettled else item
        results.append(_result(key, item, after, errors.get(key)))
    print_list(
        results,
        {
            "Appointment": lambda result: result["uuid"],
            "Before": lambda result: _with_reason(result["before"], result["before_reason"]),
            "Now": lambda result: _with_reason(result["now"], result["reason"]),
        },
        empty="Nothing is owed.",
        as_json=as_json,
    )
    if any(result["now"] != State.SETTLED for result in results):
        sys.exit(1)


def settle(deployment: Deployment, uuids: Sequence[str]) -> dict[str, str]:
    """Send these emails through the function; return the errors of failed events, by uuid."""
    errors: dict[str, str] = {}
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Sending", total=len(uuids))
        for start in range(0, len(uuids), _EVENT_SIZE):
            batch = uuids[start : start + _EVENT_SIZE]
            try:
                payload = deployment.invoke({"settle": batch}).payload
                if not isinstance(payload, dict) or "statusCode" in payload:
                    errors.update(dict.fromkeys(batch, "the function does not know this event"))
            except FunctionError as failed:
                errors.update(dict.fromkeys(batch, failed.message))
            progress.advance(task, len(batch))
    return errors


def facts_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts about an item that a list shows, as JSON."""
    return {
        "uuid": item["uuid"],
        "email_status": item.get("email_status", ""),
        "email_tries": int(item.get("email_tries", 0)),
        "email_reason": item.get("email_reason"),
        "due": iso_seconds(item["due"]) if "due" in item else None,
        "lease": _lease(item),
        "notifications": len(item.get("notifications", ())),
        "request_id": item.get("request_id"),
    }


def _lease(item: Mapping[str, Any]) -> str | None:
    """Return what a lease means: a sender sends now, or it has ended without a result."""
    if "lease" not in item:
        return None
    return "(being sent)" if int(item.get("lease_until", 0)) > time.time() else "(maybe sent)"


def _result(
    uuid: str, before: Mapping[str, Any], after: Mapping[str, Any], error: str | None
) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "before": state_of(before),
        "before_reason": before.get("email_reason"),
        "now": state_of(after),
        "reason": error or after.get("email_reason"),
    }


def _with_reason(state: State, reason: str | None) -> str:
    is_unsettled = state in (State.PENDING, State.GIVEN_UP)
    return f"{state}: {reason}" if reason and is_unsettled else state.value
