"""What people do with the local stack: a repair stays, an outage is rehearsed, data is reset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.stack.table import item
from tests.stack.test_replay_command import post
from tools.command import ToolGroup
from tools.environment import QUEUE
from tools.local_stack import commands, display, logs, seeds
from tools.local_stack import stack as local
from tools.local_stack.aws import session

CIRCUIT = "circuit#mandrill"
REPAIRED = {"record": "user#502", "name": "Rex", "email": "rex@planomatic.test"}


@pytest.fixture
def run(stack: local.Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of `make` on the tests' own stack."""
    monkeypatch.setattr(local, "find", lambda: stack)
    group = ToolGroup("tools")
    for command in commands.COMMANDS:
        group.add_command(command)
    return lambda *arguments: CliRunner().invoke(group, arguments, catch_exceptions=False)


def records(stack: local.Stack) -> Any:
    """Return the records table."""
    dynamodb: Any = session.resource("dynamodb", endpoint_url=stack.endpoint_url)
    return dynamodb.Table(stack.records_table)


def record(stack: local.Stack, key: str) -> Any:
    """Return a record, None if there is none."""
    return records(stack).get_item(Key={"record": key}).get("Item")


def put_on_queue(stack: local.Stack, count: int) -> None:
    """Put so many notifications on the queue of the topic: `n0`, `n1` and so on."""
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    queue = queues.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for start in range(0, count, 10):
        entries: Any = [
            {"Id": str(n), "MessageBody": json.dumps({"notification_id": f"n{n}"})}
            for n in range(start, min(start + 10, count))
        ]
        queues.send_message_batch(QueueUrl=queue, Entries=entries)


def test_up_keeps_a_repair_and_adds_what_is_missing(stack: local.Stack, home: Any) -> None:
    """A second `make up` leaves a record that exists as it is, and adds one that is missing."""
    table = records(stack)
    table.put_item(Item=REPAIRED)
    table.delete_item(Key={"record": "user#503"})
    try:
        local.up(stack.port, home)
        assert record(stack, "user#502") == REPAIRED
        assert record(stack, "user#503") == {"record": "user#503", "name": "Sam"}
    finally:
        table.put_item(Item=next(r for r in seeds.RECORDS if r["record"] == "user#502"))


@pytest.mark.parametrize("end", [["outage", "--end"], ["reset"]])
def test_an_outage_is_rehearsed(
    stack: local.Stack, run: Callable[..., Result], end: list[str]
) -> None:
    """During an outage emails fail; its end, or a reset, also closes the circuit breaker."""
    run("outage", "--mandrill", "invalid-key")
    try:
        failed = post(stack, photographer_user_id=501)
        assert failed["status"] == "mandrill-email-failed"
        assert "Invalid_Key" in failed["message"]
        records(stack).put_item(Item={"record": CIRCUIT, "failures": 5})
    finally:
        ended = run(*end)
    assert ended.exit_code == 0
    assert record(stack, CIRCUIT) is None
    assert post(stack, photographer_user_id=501)["status"] == "action-successful"


def test_a_reset_leaves_what_the_first_start_made(
    stack: local.Stack, run: Callable[..., Result]
) -> None:
    """Appointments, emails, notifications and repairs are gone; the seeds are as they were."""
    saved = post(stack, photographer_user_id=502)["uuid"]
    table = records(stack)
    table.put_item(Item=REPAIRED)
    table.put_item(Item={"record": "order#7"})
    put_on_queue(stack, 1)
    assert display.read_published(stack)
    assert run("reset").exit_code == 0
    assert item(stack, saved) is None
    found = {each["record"]: each for each in table.scan()["Items"]}
    assert found == {each["record"]: each for each in seeds.RECORDS}
    assert run("mailbox").stdout.startswith("No emails yet")
    assert run("notifications").stdout.startswith("No notifications yet")
    assert post(stack)["status"] == "action-successful"


def test_the_last_notification_is_found_behind_many(
    stack: local.Stack, run: Callable[..., Result]
) -> None:
    """`make notifications ID=…` finds the last one, also if an outage left 600 before it."""
    put_on_queue(stack, 600)
    try:
        shown = run("notifications", "n599", "--json")
        assert json.loads(shown.stdout) == {"notification_id": "n599"}
        assert len(display.read_published(stack)) >= 600
    finally:
        assert run("reset").exit_code == 0


def test_a_run_ends_with_what_to_do_next(
    stack: local.Stack, home: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` shows the response in a few lines, then the URL, then the log until Ctrl-C."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "up", lambda _: stack)
    monkeypatch.setattr(local, "HOME", home)
    monkeypatch.setattr(logs, "follow", interrupted)
    done = run("run")
    assert done.exit_code == 0
    assert "Response  200 action-successful" in done.stdout
    assert len(done.stdout.splitlines()) < 10
    assert f"{stack.base_url}/api/v1/appointments/create" in done.stderr
    assert "make down stops it" in done.stderr


def test_a_stack_that_stops_ends_the_log(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make down` beside `make logs` ends it with a sentence, not with a traceback."""

    def stopped(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(local, "find", lambda: None)
        raise logs.UNREACHABLE[0](endpoint_url="http://127.0.0.1")

    monkeypatch.setattr(logs, "follow", stopped)
    done = run("logs")
    assert done.exit_code == 0
    assert "The local stack was stopped by another command." in done.stderr


def test_the_response_of_a_demo_is_json(run: Callable[..., Result]) -> None:
    """`make demo` prints the whole response."""
    assert '"status": "action-successful"' in run("demo").stdout
