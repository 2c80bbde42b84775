"""Load the local stack while its parts fail in turn, let it recover, and check the result."""

import itertools
import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import urllib3
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tools.bootstrap import LOCAL, ROOT
from tools.environment import QUEUE, tool_environment
from tools.errors import ToolError
from tools.load import report
from tools.load.compare import compare
from tools.local_stack import demo, processes, role, seeds, services
from tools.local_stack import stack as local
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.terminal import err, out

HOME: Final = LOCAL / "load"
LOCUST: Final = LOCAL / "locust" / "bin"
CALLERS: Final = ROOT / "tools" / "load" / "callers.py"
# More callers than two processors keep busy only wait longer.
USERS: Final = 8
LAST_RESPONSES_SECONDS: Final = 60
RECOVERY_SECONDS: Final = 480
POLL_SECONDS: Final = 0.5
KILL_EVERY_SECONDS: Final = 2.0
MAX_MESSAGES: Final = 20_000
PHOTOGRAPHER: Final = next(each for each in seeds.RECORDS if each["record"] == "user#501")
UNREACHABLE: Final = {**PHOTOGRAPHER, "email": "pat@down.test"}

# What `run` calls again and again while a phase lasts.
Action = Callable[[], None]


@dataclass(frozen=True)
class Phase:
    """A part of the time, and the context in which something fails."""

    name: str
    share: float
    failure: Callable[[], AbstractContextManager[Action | None]] = nullcontext


def load(seconds: int) -> None:
    """Run the load for so long; raises ToolError if a promise was broken."""
    local.down(HOME)  # what a run that was killed may have left
    shutil.rmtree(HOME, ignore_errors=True)
    stack = local.up(processes.free_ports(services.PORTS), HOME)
    try:
        _warm_up(stack)
        spans = _run(stack, phases(stack), seconds)
        journal = [json.loads(line) for line in (HOME / "journal.jsonl").read_text().splitlines()]
        _recover(stack)
        findings = compare(journal, items(stack), _mails(stack), _empty_queue(stack))
    finally:
        local.down(HOME)
    out.print(report.write(HOME, journal, spans, findings))
    subprocess.run(  # noqa: S603
        [LOCUST / "python", ROOT / "tools" / "load" / "plot.py", HOME], cwd=ROOT, check=True
    )
    err.print(f"{HOME.relative_to(ROOT)}/report.md, {HOME.relative_to(ROOT)}/responses.png")
    if any(findings.values()):
        raise ToolError("A promise was broken: see the report.")


def phases(stack: Stack) -> list[Phase]:
    """Return what fails, in turn, and the calm before and after."""
    return [
        Phase("calm", 0.15),
        Phase("workers killed", 0.15, _kill_workers),
        Phase("Mandrill hangs", 0.10, _suspend_mandrill),
        Phase("DynamoDB refuses", 0.10, partial(_refuse, stack, "dynamodb:")),
        Phase("calm again", 0.10),
        Phase("Mandrill down", 0.15, partial(_break_mandrill, stack)),
        Phase("SNS refuses too", 0.10, partial(_break_mandrill_and_sns, stack)),
        Phase("recovered", 0.15),
    ]


@contextmanager
def _kill_workers() -> Iterator[Action]:
    """Kill one of the function's execution environments now and then."""
    emulator = processes.find(HOME / "ministack.pid")
    last = 0.0

    def kill() -> None:
        nonlocal last
        if emulator and time.monotonic() - last > KILL_EVERY_SECONDS:
            last = time.monotonic()
            living = [each for each in emulator.children() if each.status() != psutil.STATUS_ZOMBIE]
            if living:
                random.choice(living).kill()  # noqa: S311 - any

    yield kill


@contextmanager
def _suspend_mandrill() -> Iterator[None]:
    """Suspend the sandbox: connections are accepted, no response comes."""
    sandbox = processes.find(HOME / "sandbox.pid")
    assert sandbox is not None  # noqa: S101 - `up` has started it
    sandbox.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        sandbox.send_signal(signal.SIGCONT)


@contextmanager
def _refuse(stack: Stack, actions: str) -> Iterator[None]:
    """Let a service refuse every call of the function."""
    with role.without(stack, lambda _, action: action.startswith(actions)):
        yield


@contextmanager
def _break_mandrill(stack: Stack) -> Iterator[None]:
    """Let Mandrill respond with an error, by the address of the photographer."""
    _put_record(stack, UNREACHABLE)
    try:
        yield
    finally:
        _put_record(stack, PHOTOGRAPHER)


@contextmanager
def _break_mandrill_and_sns(stack: Stack) -> Iterator[None]:
    """Let emails fail, and their notifications too."""
    with _break_mandrill(stack), _refuse(stack, "sns:"):
        yield


def _put_record(stack: Stack, record: dict[str, Any]) -> None:
    _table(stack, stack.records_table).put_item(Item=record)


def _warm_up(stack: Stack) -> None:
    """Start an execution environment for each request that can be under way at once."""
    with ThreadPoolExecutor(2 * USERS) as threads:
        list(threads.map(lambda _: demo.create(stack), range(2 * USERS)))


def _run(stack: Stack, planned: list[Phase], seconds: int) -> list[tuple[str, float]]:
    """Send for so long, phase by phase; return when each phase began."""
    settings = {
        "LOAD_URL": stack.endpoint_url,
        "LOAD_HOST": stack.host,
        "LOAD_TOKENS": json.dumps(dict(stack.tokens)),
        "LOAD_JOURNAL": str(HOME / "journal.jsonl"),
    }
    command: list[str | Path] = [
        LOCUST / "locust", "--locustfile", CALLERS, "--headless", "--only-summary",
        "--users", str(USERS), "--spawn-rate", str(USERS), "--run-time", f"{seconds}s",
        "--stop-timeout", str(LAST_RESPONSES_SECONDS),
    ]  # fmt: skip
    spans = []
    with (HOME / "locust.log").open("wb") as log, _progress() as progress:
        task = progress.add_task("", total=seconds)
        callers = subprocess.Popen(  # noqa: S603
            command, cwd=HOME, env=tool_environment(**settings), stdout=log, stderr=log
        )
        try:
            start = time.monotonic()
            ends = itertools.accumulate(phase.share * seconds for phase in planned)
            for phase, end in zip(planned, ends, strict=True):
                spans.append((phase.name, time.time()))
                with phase.failure() as action:
                    while time.monotonic() < start + end and callers.poll() is None:
                        if action:
                            action()
                        time.sleep(POLL_SECONDS)
                        passed = time.monotonic() - start
                        progress.update(task, completed=passed, description=phase.name)
            callers.wait(LAST_RESPONSES_SECONDS + 30)
        finally:
            if callers.poll() is None:
                callers.kill()
                callers.wait()
    return spans


def _recover(stack: Stack) -> None:
    """Invoke the schedule until nothing is pending, as time would."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    functions = session.client("lambda", endpoint_url=stack.endpoint_url)
    peak = 0
    with _progress() as progress:
        task = progress.add_task("what is pending is sent", total=None)
        while time.monotonic() < deadline:
            functions.invoke(
                FunctionName=f"{stack.function_name}:live", Payload=b'{"schedule": "owed"}'
            )
            owed = sum("owed" in item for item in items(stack))
            peak = max(peak, owed)
            progress.update(task, total=peak, completed=peak - owed)
            if not owed:
                return
            time.sleep(POLL_SECONDS)


def items(stack: Stack) -> list[dict[str, Any]]:
    """Return all appointments that the callers made."""
    table = _table(stack, stack.appointments_table)
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    while not page or "LastEvaluatedKey" in page:
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
        page = table.scan(ConsistentRead=True, **start)
        found += page["Items"]
    # Callers send `notes`; the requests that warm the function up do not.
    return [item for item in found if "notes" in item]


def _table(stack: Stack, name: str) -> Any:
    return session.resource("dynamodb", endpoint_url=stack.endpoint_url).Table(name)


def _mails(stack: Stack) -> list[dict[str, Any]]:
    mails: list[dict[str, Any]] = urllib3.request(
        "GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=30
    ).json()
    return mails


def _empty_queue(stack: Stack) -> set[str]:
    """Empty the queue on the topic; return the requests that have a notification."""
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    queue = queues.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    found = set()
    for _ in range(MAX_MESSAGES // 10):
        messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages")
        if not messages:
            break
        for message in messages:
            found.add(str(json.loads(message["Body"])["request_id"]))
            queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"), BarColumn(), TimeElapsedColumn(), console=err
    )
