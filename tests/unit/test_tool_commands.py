"""The commands behind the Makefile: wrong uses are a line with an exit code, and no id is cut."""

import json
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner, Result

from tools.bootstrap import ROOT
from tools.command import ToolGroup
from tools.environment import DEFAULT_PORT
from tools.errors import ToolError
from tools.local_stack import commands, display, logs, processes, seeds, services
from tools.local_stack import stack as local
from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox

CLOSED = "http://127.0.0.1:9"
UUID, REQUEST_ID = str(uuid4()), str(uuid4())
FACTS = {
    "notification_id": str(uuid4()),
    "stage": "local",
    "service": "appointments-create",
    "status": "mandrill-email-failed",
    "reason": "rex@rejected.test rejected (hard-bounce)",
    "request_id": REQUEST_ID,
    "received_at": "2027-01-05T17:04:11.020Z",
    "uuid": UUID,
    "saved": True,
    "owner": "user#45",
    "recipients": [],
    "log_group": "/aws/lambda/appointments-local",
    "log_query": "fields @message",
    "replay": f"replay --request-id {REQUEST_ID} --yes",
}


@pytest.fixture
def root() -> click.Group:
    """Return the group of the local stack's commands."""
    group = ToolGroup("tools")
    for command in commands.COMMANDS:
        group.add_command(command)
    return group


@pytest.fixture
def run(root: click.Group) -> Callable[..., Result]:
    """Run a command as `make` does."""
    return lambda *arguments: CliRunner().invoke(root, arguments, catch_exceptions=False)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> local.Stack:
    """Return a stack that seems to run, and of which no service responds."""
    running = local.Stack(
        api_url=CLOSED,
        host="api",
        endpoint_url=CLOSED,
        region="us-east-1",
        function_name="f",
        log_group="g",
        sessions_table="sessions",
        records_table="records",
        appointments_table="appointments",
        notifications_topic="t",
        notifications_table="notifications",
        mandrill_url=CLOSED,
        tokens=seeds.TOKENS,
    )
    monkeypatch.setattr(local, "find", lambda: running)
    return running


@pytest.fixture
def no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no stack run, and none be started."""
    monkeypatch.setattr(local, "find", lambda: None)
    monkeypatch.delattr(local, "up")


WRONG_USES = [
    *((["up", "--port", port], 2, f"PORT is 1 to 65532, not {port}") for port in ("0", "99999")),
    *((["run", "--port", port], 2, f"PORT is 1 to 65532, not {port}") for port in ("-1", "x")),
    (["demo", "--port", "80000"], 2, "PORT is 1 to 65532, not 80000"),
    (["invoke"], 2, "make invoke EVENT=events/http-api.json"),
    (["invoke", str(ROOT / "README.md")], 2, "README.md is no event: it is no JSON"),
    (["invoke", "nowhere.json"], 2, "nowhere.json is no event: No such file"),
    (["invoke", str(ROOT)], 2, "is no event: Is a directory"),
    (["outage"], 2, "make outage MANDRILL=down|slow|hang|invalid-key, or make outage END=1"),
    (["outage", "--mandrill", "down", "--end"], 2, "make outage END=1"),
    (["outage", "--mandrill", "holiday"], 2, "'holiday' is not one of 'down'"),
    (["logs", "--cooked"], 2, "No such option '--cooked'"),
    *(([name], 1, "The local stack is not running: make up") for name in ("mailbox", "reset")),
    (["logs"], 1, "The local stack is not running: make up"),
    (["notifications"], 1, "The local stack is not running: make up"),
    (["outage", "--mandrill", "down"], 1, "The local stack is not running: make up"),
]


@pytest.mark.usefixtures("no_stack")
@pytest.mark.parametrize(("arguments", "code", "message"), WRONG_USES)
def test_wrong_use_is_one_line(
    run: Callable[..., Result],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    """It says what to do, starts nothing, and ends with its exit code."""
    result = run(*arguments)
    said = result.stderr
    assert (result.exit_code, message in said) == (code, True), said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("arguments", [["mailbox"], ["outage", "--mandrill", "down"]])
def test_a_sandbox_that_is_down_is_one_line(
    run: Callable[..., Result], arguments: list[str]
) -> None:
    """If the sandbox does not respond, the line says how to start it."""
    result = run(*arguments)
    said = result.stderr
    assert result.exit_code == 1
    assert "does not respond" in said
    assert "make up" in said
    assert "Traceback" not in said


def test_every_command_has_examples_of_its_target(root: click.Group) -> None:
    """The examples of a command's help are calls of the target with its name."""
    for name, command in root.commands.items():
        shown = CliRunner().invoke(command, ["--help"]).stdout
        assert f"  make {name}" in shown.partition("Examples:")[2]


@pytest.mark.parametrize("taken", range(services.PORTS))
def test_every_port_is_checked_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """If the sandbox's port is taken, MiniStack is not started either."""
    monkeypatch.delattr(processes, "start")
    port = processes.free_ports(services.PORTS)
    with (
        socket.create_server(("127.0.0.1", port + taken)),
        pytest.raises(ToolError, match=rf"Port {port + taken} is taken .*make up PORT=\d+"),
    ):
        local.up(port, tmp_path)
    assert list(tmp_path.glob("*.pid")) == []


def test_an_interrupted_start_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C during `make up` stops what it has started, and nothing that ran before."""
    emulator, sandbox = tmp_path / "ministack.pid", tmp_path / "sandbox.pid"
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]

    def interrupted(*_: Any) -> None:
        processes.start(sleep, sandbox, tmp_path / "log", {})
        raise KeyboardInterrupt

    processes.start(sleep, emulator, tmp_path / "log", {})
    monkeypatch.setattr(local, "_start", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            local.up(processes.free_ports(services.PORTS), tmp_path)
        assert processes.find(sandbox) is None
        assert processes.find(emulator) is not None
    finally:
        processes.stop(emulator)
        processes.stop(sandbox)


def test_an_event_goes_to_the_port_that_the_stack_had_last(tmp_path: Path) -> None:
    """Without a running stack, its last port counts; a first start takes the default."""
    assert local.last_port(tmp_path) == DEFAULT_PORT
    (tmp_path / "port").write_text("4600")
    assert local.last_port(tmp_path) == 4600


def test_a_stack_of_another_version_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If `stack.json` has other keys, the message says how to renew it."""
    (tmp_path / "stack.json").write_text('{"api_url": "x"}')
    monkeypatch.setattr(processes, "find", lambda _: True)
    with pytest.raises(ToolError, match="make down, then make up"):
        local.find(tmp_path)


@pytest.fixture
def mail(stack: local.Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Serve the sandbox of the stack."""
    account = Account({seeds.MANDRILL_KEY}, slow=0, search_limit=0)
    with Sandbox(0, account) as sandbox:
        threading.Thread(target=sandbox.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{sandbox.server_port}"
        changed = local.Stack(**{**vars(stack), "mandrill_url": url})
        monkeypatch.setattr(local, "find", lambda: changed)
        yield account
        sandbox.shutdown()


def send(account: Account) -> None:
    """Send an email."""
    message = {
        "to": [{"email": "pat@planomatic.test", "name": "Pat"}],
        "global_merge_vars": [
            {"name": "date_start_local", "content": "2027-01-05"},
            {"name": "uuid", "content": UUID},
        ],
        "metadata": {"appointment_uuid": UUID, "request_id": REQUEST_ID},
    }
    account.send_template({"template_name": "t", "template_content": [], "message": message})


def test_the_mailbox_shows_what_a_recipient_reads(
    run: Callable[..., Result], mail: Account
) -> None:
    """Time, address, subject and text; an empty mailbox is a sentence, an empty list as JSON."""
    assert run("mailbox").stdout == "No emails yet: make demo sends one.\n"
    assert run("mailbox", "--json").stdout == "[]\n"
    send(mail)
    shown = run("mailbox").stdout
    assert "s ago" in shown
    assert "To       pat@planomatic.test" in shown
    assert "Subject  Appointment on 2027-01-05" in shown
    assert "date_start_local: 2027-01-05" in shown
    assert json.loads(run("mailbox", "--json").stdout)[0]["metadata"]["request_id"] == REQUEST_ID


@pytest.mark.usefixtures("stack")
def test_notifications_are_listed_and_shown(
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list has their ids; with an id, subject and text are those that a person gets."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(display, "read_published", lambda _: found)
    assert run("notifications").stdout == "No notifications yet: nothing has failed.\n"
    found.append(FACTS)
    assert str(FACTS["notification_id"]) in run("notifications").stdout
    shown = run("notifications", str(FACTS["notification_id"])).stdout
    assert shown.startswith("Subject: [local] mandrill-email-failed: rex@rejected.test")
    assert f"Appointment:  It is saved (uuid {UUID})." in shown
    assert json.loads(run("notifications", "--json").stdout) == [FACTS]
    missing = run("notifications", "nothing")
    assert missing.exit_code == 1
    assert "There is no notification nothing." in missing.stderr


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize(
    "arguments", [["seeds"], ["mailbox"], ["notifications"], ["notifications", "ID"]]
)
def test_no_id_is_cut(
    run: Callable[..., Result],
    mail: Account,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    columns: int,
) -> None:
    """Every id is printed in one piece, without colour and terminal."""
    send(mail)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(display, "read_published", lambda _: [FACTS])
    named = [str(FACTS["notification_id"]) if each == "ID" else each for each in arguments]
    shown = run(*named).stdout
    assert "\x1b" not in shown
    assert "Traceback" not in shown
    whole = {"seeds": seeds.TOKENS["remember_me"], "mailbox": UUID, "notifications": UUID}
    assert whole[arguments[0]] in shown


def entry(message: str, **fields: Any) -> str:
    """Return a line of the function's log."""
    at = datetime(2027, 1, 5, 13, 24, 35, tzinfo=UTC)
    return json.dumps({"level": "INFO", "message": message, "timestamp": at.isoformat(), **fields})


EMAIL = entry(
    "email", request_id=REQUEST_ID, uuid=UUID, trigger="request", status="sent",
    recipients=[{"status": "sent"}, {"status": "queued"}], reason=None,
)  # fmt: skip
RESPONSE = entry(
    "response", request_id=REQUEST_ID, uuid=UUID, status="action-successful", code=200,
    duration_ms=28.4, reason=None,
)  # fmt: skip


def shown(width: int, *lines: str) -> list[str]:
    """Return what `make logs` prints of these lines, without the time of day."""
    reader = logs.Reader()
    return [line[10:] for each in lines for line in reader.lines(each, width)]


def test_a_request_is_one_line() -> None:
    """Status, appointment, duration, emails; in a narrow terminal the id has its own line."""
    noise = ("START RequestId: x", "END RequestId: x", entry("request", request_id=REQUEST_ID))
    assert shown(100, *noise, EMAIL, RESPONSE) == [
        f"200 action-successful  {UUID}  28 ms  2 emails"
    ]
    assert shown(80, EMAIL, RESPONSE) == ["200 action-successful  28 ms  2 emails", UUID]


def test_the_log_shows_what_is_wrong() -> None:
    """A reason, an error, the schedule's own try and what is no JSON are shown."""
    failed = json.loads(RESPONSE) | {"uuid": None, "reason": "PutItem: denied", "replay": True}
    by_schedule = json.loads(EMAIL) | {"trigger": "schedule", "status": "failed", "reason": "no"}
    error = entry("broken", level="ERROR", request_id=REQUEST_ID)
    lines = (json.dumps(failed), json.dumps(by_schedule), error, "Task timed out")
    assert shown(100, *lines) == [
        f"200 action-successful  {REQUEST_ID}  28 ms  replay",
        "PutItem: denied",
        f"email failed  {UUID}  by schedule",
        "no",
        f"error: broken  {REQUEST_ID}",
        "Task timed out",
    ]


def test_a_python_that_is_too_old_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 2 too gets a sentence: the file has no syntax that it does not know."""
    monkeypatch.setattr(sys, "version_info", (2, 7, 18))
    with pytest.raises(SystemExit, match=r"is older than 3\.11"):
        runpy.run_path(str(ROOT / "tools" / "minimum_python.py"))


def test_an_interrupted_installation_is_reported(tmp_path: Path) -> None:
    """Ctrl-C during the first installation is a line and exit code 130."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "bootstrap.py", tmp_path / "tools")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    with subprocess.Popen(  # noqa: S603
        [sys.executable, tmp_path / "tools" / "bootstrap.py", "venv"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stderr
        said = process.stderr.read(len("Installing"))
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=60)[1]
    assert said.startswith("Installing")
    assert "Interrupted. Run the same command again: it continues." in said
    assert "Traceback" not in said
    assert process.returncode == 130


@pytest.mark.parametrize("is_coloured", [True, False])
def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch, *, is_coloured: bool) -> None:
    """With NO_COLOR, a message in a terminal has no colour."""
    monkeypatch.setenv("NO_COLOR", "" if is_coloured else "1")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.setenv("TERM", "xterm")
    done = subprocess.run(
        [sys.executable, "-m", "tools", "invoke"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "make invoke EVENT=" in done.stderr
    assert ("\x1b[31m" in done.stderr) is is_coloured
