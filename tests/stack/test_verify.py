"""`admin verify` on the deployed stack: all is well, something is broken, and it cleans up."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Final

import pytest
import urllib3

from appointments_operator.verify.command import CHECKS
from tests.stack.commands import BIN, environment, run
from tools.environment import STACK_NAME
from tools.local_stack import outage
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

EMAIL: Final = "verify@planomatic.test"
COMMAND: Final = ("--stack", STACK_NAME, "verify", "--email", EMAIL)
NOT_ON_LOCAL_STACK: Final = {
    "the API limits requests",
    "alarms are off, and tell people",
    "people are subscribed to NotificationsTopic",
    "people are subscribed to OpsTopic",
}


def verify(stack: Stack) -> tuple[int, dict[str, str]]:
    """Run the command; return its exit code, and the result of each check."""
    done = run(stack, "admin", *COMMAND, "--json")
    rows = json.loads(done.stdout)
    return done.returncode, {row["check"]: row["result"] for row in rows}


def left_over(stack: Stack) -> list[str]:
    """Return the tables that still have something of a verification."""
    dynamodb = session.resource("dynamodb", endpoint_url=stack.endpoint_url)
    tables = (stack.sessions_table, stack.records_table, stack.appointments_table)
    return [
        name
        for name in tables
        if "verification" in str(dynamodb.Table(name).scan()["Items"]).lower()
    ]


def emails(stack: Stack) -> int:
    """Return how many emails a verification has got."""
    listed = urllib3.request("GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=10).json()
    return sum(to["email"] == EMAIL for message in listed for to in message["to"])


def test_a_good_deployment_is_verified(stack: Stack) -> None:
    """Each check passes or says that the local stack does not have it; nothing is left over."""
    before = emails(stack)
    code, results = verify(stack)
    assert code == 0
    assert results == {
        check.name: "not shown here" if check.name in NOT_ON_LOCAL_STACK else "ok"
        for check in CHECKS
    }
    assert emails(stack) == before + 2
    assert left_over(stack) == []


def set_schedule(stack: Stack, state: str) -> None:
    """Set the state of the schedule."""
    scheduler = session.client("scheduler", endpoint_url=stack.endpoint_url)
    found = scheduler.get_schedule(Name=f"{STACK_NAME}-owed")
    kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(**{each: found[each] for each in kept}, State=state)


def keep_log(stack: Stack, days: int | None) -> None:
    """Set how long the function's log is kept."""
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    if days is None:
        logs.delete_retention_policy(logGroupName=stack.log_group)
    else:
        logs.put_retention_policy(logGroupName=stack.log_group, retentionInDays=days)


EMAIL_CHECKS: Final = {
    *("its email is sent", "Mandrill's search finds the email", "one search finds two (OR)"),
}
# What is broken and how it is repaired, and the checks that then fail.
BROKEN: Final[dict[str, tuple[Callable[[Stack], None], Callable[[Stack], None], set[str]]]] = {
    "key": (lambda stack: outage.begin(stack, "invalid-key"), outage.end, EMAIL_CHECKS),
    "schedule": (
        lambda stack: set_schedule(stack, "DISABLED"),
        lambda stack: set_schedule(stack, "ENABLED"),
        {"the schedule runs"},
    ),
    "retention": (
        lambda stack: keep_log(stack, None),
        lambda stack: keep_log(stack, 365),
        {"the log has a retention"},
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_found(stack: Stack, case: str) -> None:
    """The checks of what is broken fail, the others do not; nothing is left over."""
    break_it, repair, failing = BROKEN[case]
    break_it(stack)
    try:
        code, results = verify(stack)
    finally:
        repair(stack)
    assert {name for name, result in results.items() if result == "FAILED"} == failing
    assert code == 1
    assert left_over(stack) == []


def test_a_failed_check_says_what_to_do(stack: Stack) -> None:
    """Below the table, each failed check has its advice."""
    outage.begin(stack, "invalid-key")
    try:
        done = run(stack, "admin", *COMMAND)
    finally:
        outage.end(stack)
    assert "mandrill-unavailable (Invalid_Key)" in done.stdout
    assert "its email is sent: docs/operations.md, chapter Reasons." in done.stdout


def test_an_interrupted_verification_cleans_up(stack: Stack) -> None:
    """Ctrl-C in the middle of a request leaves no token, record or appointment."""
    outage.begin(stack, "hang")
    try:
        with subprocess.Popen(  # noqa: S603 - the command
            [BIN / "admin", *COMMAND],
            env=environment(stack),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            until = time.monotonic() + 60
            while not left_over(stack).count(stack.appointments_table):
                assert time.monotonic() < until
                time.sleep(0.1)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
    finally:
        outage.end(stack)
    assert running.returncode == 130, said
    assert left_over(stack) == []
