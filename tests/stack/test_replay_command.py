"""From the alert to the repair in one command, on the deployed stack."""

import json
import shlex
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.stack.commands import BIN, SECONDS, run
from tests.stack.table import item
from tools.environment import STACK_NAME
from tools.local_stack import role
from tools.local_stack.aws import session
from tools.local_stack.display import read_published
from tools.local_stack.stack import Stack

PATH: Final = "/api/v1/appointments/create"
GOOD, CRASH = "action-successful", "application-crash"


def post(stack: Stack, **params: Any) -> dict[str, Any]:
    """Send a request over HTTP, from an application's token that has no address; its answer."""
    sent = {"token": stack.tokens["application"], "updated_at_mt": "now", **params}
    headers = {"Content-Type": "application/json"}
    answer = stack.request("POST", PATH, json.dumps(sent).encode(), headers)
    body: dict[str, Any] = answer.json()
    return body


def tables_closed(stack: Stack) -> AbstractContextManager[None]:
    """Take the tables away from the function's role, and give them back."""
    return role.without(stack, lambda _, action: action.startswith("dynamodb:"))


@pytest.fixture
def began() -> str:
    """Return when the test began: what other tests left in the log is none of its own."""
    return datetime.now(UTC).isoformat()


@pytest.fixture
def crashed(stack: Stack) -> list[str]:
    """Send ten requests while the tables are out of reach; return their uuids."""
    with tables_closed(stack):
        answers = [post(stack, description=f"house {number}") for number in range(10)]
    assert {answer["status"] for answer in answers} == {CRASH}
    return [answer["uuid"] for answer in answers]


def replay_json(stack: Stack, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `replay --json` on the stack; return its exit code and its result."""
    done = run(stack, "replay", "--stack", STACK_NAME, "--yes", "--json", *arguments)
    return done.returncode, json.loads(done.stdout)["requests"]


def test_one_command_repairs_all_ten(stack: Stack, began: str, crashed: list[str]) -> None:
    """The tables are out of reach for a minute; one command repairs all that failed meanwhile."""
    commands = [each["replay"] for each in read_published(stack) if each["status"] == CRASH]
    command = shlex.split(commands[-1])
    chosen = command.index("--request-id")
    command = command[:chosen] + command[chosen + 2 :]  # not that request alone
    command[command.index("--since") + 1] = began
    assert [item(stack, uuid) for uuid in crashed] == [None] * 10

    done = run(stack, *command)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 of 10 requests are good now." in done.stdout
    stored = [item(stack, uuid) for uuid in crashed]
    assert {each["description"] for each in stored if each} == {
        f"house {number}" for number in range(10)
    }
    again = run(stack, *command)
    assert again.returncode == 0
    assert "There is nothing to replay" in again.stdout
    assert "10 requests failed and have been repaired since." in again.stderr


def test_picks_what_failed_and_what_had_no_response(stack: Stack) -> None:
    """By default: notified failures and requests whose function died; a dry run only shows."""
    since = datetime.now(UTC).isoformat()
    good = post(stack, description="good")
    with tables_closed(stack):
        bad = post(stack, description="bad")
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    events = logs.filter_log_events(logGroupName=stack.log_group)["events"]
    request = next(
        line
        for event in events
        if '"message":"request"' in event["message"] and good["request_id"] in event["message"]
        for line in [json.loads(event["message"])]
    )
    died = request | {
        "request_id": str(uuid4()),
        "received_at": datetime.fromtimestamp(time.time() - 120, UTC).isoformat(),
    }
    logs.create_log_stream(logGroupName=stack.log_group, logStreamName=died["request_id"])
    logs.put_log_events(
        logGroupName=stack.log_group,
        logStreamName=died["request_id"],
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(died)}],
    )
    picked = {died["request_id"]: "unanswered", bad["request_id"]: CRASH}

    code, shown = replay_json(stack, "--since", "3m", "--dry-run")
    found = {each["request_id"]: each["then"] for each in shown}
    assert (code, found | picked) == (0, found)
    assert good["request_id"] not in found
    assert item(stack, bad["uuid"]) is None

    code, done = replay_json(stack, "--since", "3m")
    now = {each["request_id"]: each["now"] for each in done}
    assert code in {0, 1}, "what other tests left may fail again"
    assert {now[request_id] for request_id in picked} == {GOOD}
    assert item(stack, bad["uuid"]) is not None
    assert replay_json(stack, "--since", since) == (0, [])


def test_can_be_interrupted_and_run_again(stack: Stack, began: str, crashed: list[str]) -> None:
    """Ctrl-C ends it with exit code 130; the next run does the rest, and nothing is done twice."""
    command = ["--stack", STACK_NAME, "--since", began, "--yes", "--rate", "0.02"]
    region = ["--region", stack.region, "--endpoint-url", stack.endpoint_url]
    # A shell has its background jobs ignore Ctrl-C, and so would their children.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(  # noqa: S603
        [BIN / "replay", *command, *region],
        env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + SECONDS
        while item(stack, crashed[0]) is None and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    signal.signal(signal.SIGINT, ignored)
    assert process.returncode == 130, err
    assert "Interrupted: " in err
    assert "were not replayed" in err

    code, rest = replay_json(stack, "--since", began, "--rate", "50")
    assert code == 0
    assert 0 < len(rest) < 10
    assert all(item(stack, uuid) for uuid in crashed)


def test_a_closed_terminal_is_not_taken_for_consent(stack: Stack, began: str) -> None:
    """Without --yes and without a terminal nothing is replayed."""
    with tables_closed(stack):
        uuid = post(stack)["uuid"]
    done = run(stack, "replay", "--stack", STACK_NAME, "--since", began)
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert item(stack, uuid) is None
    assert replay_json(stack, "--since", began)[0] == 0


def test_a_stack_that_does_not_exist_is_reported(stack: Stack) -> None:
    """A wrong name ends with exit code 2 and a line that names it."""
    done = run(stack, "replay", "--stack", "nowhere", "--yes")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
