"""The operators' command works on the deployed stack as it does on AWS."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from appointments_operator.erasure import Erasure
from tests.stack.commands import SECONDS, run
from tests.stack.table import item
from tests.stack.test_replay_command import post
from tools.environment import STACK_NAME
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack


def admin(stack: Stack, *arguments: str, typed: str = "") -> str:
    """Run the command on the stack; return what it prints."""
    done = run(stack, "admin", "--stack", STACK_NAME, *arguments, typed=typed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(stack: Stack, status: str, **params: Any) -> None:
    """Wait until requests get this status: an open route is cached for half a minute."""
    end = time.monotonic() + SECONDS
    while (answered := post(stack, **params)["status"]) != status and time.monotonic() < end:
        time.sleep(1)
    assert answered == status


@pytest.mark.parametrize("by_hash", [False, True])
def test_a_token_works_until_it_is_revoked(stack: Stack, *, by_hash: bool) -> None:
    """A created token creates appointments; a revoked one does not."""
    done = run(
        stack, "admin", "--stack", STACK_NAME,
        *("token", "create", "--user-id", "7", "--name", "Di", "--role", "planoorder=client"),
    )  # fmt: skip
    token = done.stdout.strip()
    assert post(stack, token=token)["status"] == "action-successful"
    if by_hash:
        admin(stack, "token", "revoke", "--hash", done.stderr.split()[-1])
    else:
        admin(stack, "token", "revoke", "-", typed=token)
    assert post(stack, token=token)["status"] == "invalid-token"


def test_a_record_that_was_put_can_be_referred_to(stack: Stack) -> None:
    """An order that was put is one that appointments may name."""
    order = time.time_ns() % 10**9 + 10**9
    assert post(stack, order_id=order)["status"] == "invalid-param"
    admin(stack, "record", "put", f"order#{order}")
    assert post(stack, order_id=order)["status"] == "action-successful"
    assert json.loads(admin(stack, "record", "get", f"order#{order}")) == {
        "record": f"order#{order}"
    }


def test_the_route_closes_and_opens(stack: Stack) -> None:
    """Callers are turned away while the route is closed, and let in as soon as it opens."""
    try:
        assert not json.loads(admin(stack, "route", "close", "--json"))[1]["deployed"]
        until(stack, "route-not-found")
    finally:
        assert json.loads(admin(stack, "route", "open", "--no-sensitive", "--json"))[1]["deployed"]
    until(stack, "action-successful")


def test_what_is_pending_is_listed_and_settled(stack: Stack) -> None:
    """An email that Mandrill rejected is owed; with the address corrected it is settled at once."""
    answer = post(stack, photographer_user_id=502)
    assert answer["status"] == "mandrill-email-failed"
    uuid = answer["uuid"]
    assert uuid in admin(stack, "owed", "list")
    before = json.loads(admin(stack, "record", "get", "user#502"))["email"]
    admin(stack, "record", "put", "user#502", "--email", "rex@planomatic.test")
    try:
        assert "nothing is left to send" in admin(stack, "owed", "settle", uuid)
    finally:
        admin(stack, "record", "put", "user#502", "--email", before)
    stored = item(stack, uuid)
    assert stored is not None
    assert stored["email_status"] == "sent"
    assert uuid not in admin(stack, "owed", "list")


def test_what_is_erased_stays_erased(stack: Stack) -> None:
    """After `admin forget` the item is gone, and what leads to its uuid is refused."""
    order, uuid = time.time_ns() % 10**9 + 10**9, str(uuid4())
    admin(stack, "record", "put", f"order#{order}")
    sent: dict[str, Any] = {"uuid": uuid, "order_id": order, "notes": "ring at Ada's"}
    request_id = post(stack, **sent)["request_id"]
    assert uuid in admin(stack, "forget", "--order", str(order), "--dry-run")
    assert (item(stack, uuid) or {})["notes"] == sent["notes"]
    erased = json.loads(admin(stack, "forget", "--order", str(order), "--yes", "--json"))
    assert [each["erased"] for each in erased["appointments"]] == [True]
    stays = item(stack, uuid) or {}
    assert set(stays) == {"uuid", "forgotten_at", "email_status", "fingerprint"}
    refused = post(stack, **sent)
    assert (refused["status"], refused["errors"][0]["param"]) == ("invalid-param", "uuid")
    replayed = run(stack, "replay", "--stack", STACK_NAME, "--request-id", request_id, "--yes")
    assert replayed.returncode == 1
    assert "was erased" in " ".join(replayed.stdout.split())
    assert item(stack, uuid) == stays
    assert "the appointment was erased" in " ".join(admin(stack, "trace", uuid).split())


def test_what_is_pending_is_not_erased(stack: Stack) -> None:
    """The table itself refuses to erase an appointment whose email is pending."""
    uuid = post(stack, photographer_user_id=502)["uuid"]
    refused = run(stack, "admin", "--stack", STACK_NAME, "forget", uuid, "--yes")
    assert refused.returncode == 1
    assert "its email is pending" in " ".join(refused.stdout.split())
    written = item(stack, uuid) or {}
    table = session.resource("dynamodb", endpoint_url=stack.endpoint_url).Table(
        stack.appointments_table
    )
    looked_at = Erasure(uuid, {"uuid": uuid, "email_status": "sent"})  # as if it were settled
    looked_at.run(table)
    assert not looked_at.is_erased
    assert looked_at.reason == "its email is pending: `admin owed settle` sends it"
    assert item(stack, uuid) == written


def test_the_stack_shows_its_names(stack: Stack) -> None:
    """The commands find every table and the alias through the stack's outputs alone."""
    cloudformation = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    (described,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    names = {output["OutputKey"] for output in described["Outputs"]}
    assert {"LogGroup", "FunctionAlias", "SessionsTable", "RecordsTable"} <= names
    assert "AppointmentsTable" in names
