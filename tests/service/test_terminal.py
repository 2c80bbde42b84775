"""The operators' commands in a narrow terminal, and in none: what they print can be copied."""

import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import click
import pytest

from appointments_operator import admin, entry_points, replay
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws

REQUEST_ID = "JKJaXmPLvHcESHA-with-forty-characters-12"
DEPLOYMENT = (
    *("--sessions-table", "sessions", "--records-table", "records"),
    *("--appointments-table", "appointments", "--function", "appointments:live"),
    *("--notifications-table", "notifications", "--log-group", LOG_GROUP),
)
REPLAY = ("--log-group", LOG_GROUP, "--since", "10m")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function retry the email at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command of a group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield *path, name


# The arguments of each command, and whether it prints the appointment's uuid.
ARGUMENTS = {
    ("notifications", "list"): ((), True),
    ("notifications", "dismiss"): (("ID", "--note", "Called them"), False),
    ("notifications", "publish"): (("--dry-run",), False),
    ("notifications", "redeliver"): (("--dry-run",), False),
    ("owed", "list"): ((), True),
    ("owed", "settle"): (("UUID",), True),
    ("record", "get"): (("user#501",), False),
    ("record", "put"): (("user#501", "--email", "pat@planomatic.test"), False),
    ("route", "open"): ((), False),
    ("route", "close"): ((), False),
    ("route", "show"): ((), False),
    ("token", "create"): (("--user-id=7", "--name=Di", "--role=planoorder=client"), False),
    ("token", "revoke"): (("--hash", "0" * 64), False),
    ("trace",): (("UUID",), True),
    ("forget",): (("UUID", "--dry-run"), True),
    ("completion",): (("zsh",), False),
    ("local-env",): ((), False),
}


def test_every_command_is_tried() -> None:
    """A new command gets its row, unless it serves until Ctrl-C or calls a deployed API."""
    assert set(leaves(admin.main)) - {("console",), ("verify",)} == set(ARGUMENTS)


def check(output: str) -> None:
    """Fail if an output has a colour or a traceback."""
    assert "\x1b" not in output
    assert "Traceback" not in output
    assert "…" not in output


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("words", ARGUMENTS, ids=" ".join)
def test_no_id_is_cut(
    operator_aws: FakeOperatorAws,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    columns: int,
) -> None:
    """Each command of `admin` prints every id in one piece, without colour and terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    uuid = str(operator_aws.post("req-1", token="session-token").body["uuid"])
    facts = operator_aws.aws.facts()[-1]
    operator_aws.aws.hand_to_keeper(facts)
    arguments, has_uuid = ARGUMENTS[words]
    ids = {"UUID": uuid, "ID": facts["notification_id"]}
    arguments = tuple(ids.get(each, each) for each in arguments)
    needs_none = words in {("completion",), ("local-env",)}
    place = () if needs_none else DEPLOYMENT
    result = operator_aws.run(admin.main, *place, *words, *arguments)
    check(result.output)
    if has_uuid:
        assert uuid in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= columns
    if words == ("token", "create"):
        operator_aws.aws.tokens.add(result.stdout.strip())


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("arguments", [["--dry-run"], ["--yes"]])
def test_a_replay_cuts_no_id(
    operator_aws: FakeOperatorAws,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    columns: int,
) -> None:
    """`replay` prints every request id and status in one piece."""
    monkeypatch.setenv("COLUMNS", str(columns))
    operator_aws.post(REQUEST_ID, token="session-token")
    result = operator_aws.run(replay.main, *REPLAY, *arguments)
    check(result.output)
    assert REQUEST_ID in result.stdout
    assert "mandrill-email-failed" in result.stdout


@pytest.mark.parametrize("command", [*leaves(admin.main), ("replay",)], ids=" ".join)
def test_every_help_has_examples_that_are_understood(
    operator_aws: FakeOperatorAws, command: tuple[str, ...]
) -> None:
    """Each command shows examples in its help; each of them names options that exist."""
    root = replay.main if command == ("replay",) else admin.main
    words = () if command == ("replay",) else command
    shown = operator_aws.run(root, *words, "--help")
    examples = shown.stdout.partition("Examples:\n")[2].splitlines()
    assert examples, "write examples=[…] in the command's decorator"
    for line in re.findall(r"(?m)^ +((?:admin|replay) [^|<>\\\n]+?)(?: [<>|\\].*)?$", shown.stdout):
        name, *arguments = line.replace("'", "").split()
        target = replay.main if name == "replay" else admin.main
        assert operator_aws.run(target, *arguments, "--help").exit_code == 0, line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_both_commands(operator_aws: FakeOperatorAws, shell: str) -> None:
    """The printed script completes `admin` and `replay`."""
    script = operator_aws.run(admin.main, "completion", shell).stdout
    assert "_ADMIN_COMPLETE" in script
    assert "_REPLAY_COMPLETE" in script


def test_a_shell_is_led_to_the_local_stack(
    operator_aws: FakeOperatorAws,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """`admin local-env` prints the stack's own port, in a folder below too; or it says why not."""
    project = tmp_path_factory.mktemp("project")
    (project / ".local").mkdir()
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    missing = operator_aws.run(admin.main, "local-env")
    assert (missing.exit_code, "make up" in missing.stderr) == (1, True)
    stack = {"endpoint_url": "http://127.0.0.1:4600", "region": "us-east-1", "host": "x.test:4600"}
    (project / ".local" / "stack.json").write_text(json.dumps(stack))
    lines = operator_aws.run(admin.main, "local-env").stdout.splitlines()
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4600" in lines
    assert "export API=http://127.0.0.1:4600/_aws/execute-api/x" in lines
    assert all(line.startswith("export ") for line in lines)


def test_an_unknown_uuid_is_no_traceback(operator_aws: FakeOperatorAws) -> None:
    """A text that is no uuid is wrong usage."""
    result = operator_aws.run(admin.main, *DEPLOYMENT, "owed", "settle", f"{uuid4()}x")
    assert result.exit_code == 2
    assert "is not a valid UUID" in result.stderr


@pytest.mark.parametrize("name", ["admin", "replay"])
def test_ctrl_c_during_the_import_is_silent(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """While a command is imported, Ctrl-C ends the process; its own handling comes afterwards."""
    handlers: list[Any] = []

    class Module:
        @staticmethod
        def main(prog_name: str) -> None:
            handlers.append((prog_name, signal.getsignal(signal.SIGINT)))

    def imported(module: str) -> type[Module]:
        handlers.append((module, signal.getsignal(signal.SIGINT)))
        return Module

    monkeypatch.setattr(entry_points, "import_module", imported)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        getattr(entry_points, name)()
    finally:
        signal.signal(signal.SIGINT, before)
    assert handlers == [
        (f"appointments_operator.{name}", signal.SIG_DFL),
        (name, signal.default_int_handler),
    ]
