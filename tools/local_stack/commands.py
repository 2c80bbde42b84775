"""The commands of the local stack: `make up`, `make run`, `make mailbox` and others."""

import sys
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from appointments.names import PATH
from appointments_operator.layout import print_json
from tools.command import Command
from tools.errors import ToolError
from tools.local_stack import demo, display, logs, rie, services, stack
from tools.local_stack import outage as outages
from tools.local_stack import reset as resetting
from tools.mandrill_sandbox.account import Outage
from tools.terminal import err, step

_STOPPED: Final = "Stopped; the data stays in .local."
# `make logs` begins with what came this long before.
_LOOK_BACK_SECONDS: Final = 900


class _Port(click.ParamType[int]):
    name = "PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the port, if the stack's ports fit above it."""
        if not str(value).isdecimal() or not 1 <= int(value) <= services.MAX_PORT:
            self.fail(
                f"PORT is 1 to {services.MAX_PORT}, not {value}: the stack takes PORT to "
                f"PORT+{services.PORTS - 1}.",
                param,
                ctx,
            )
        return int(value)


def _port(command: Callable[..., Any]) -> Callable[..., Any]:
    option = click.option(
        "--port", type=_Port(), help="The emulator's; the sandbox takes the next."
    )
    return option(command)


_as_json: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("run", cls=Command, examples=["make run", "make run PORT=4600"])
@_port
def run_stack(port: int | None) -> None:
    """Start the stack, create an appointment, and show the log until Ctrl-C."""
    was_running = stack.find() is not None
    try:
        started = stack.up(port)
        before = time.time()
        display.response(demo.create(started))
        _announce(started)
        _follow(started, before)
    except KeyboardInterrupt:
        err.print()
    finally:
        if not was_running and stack.down():
            err.print(_STOPPED)
        elif was_running and stack.find():
            err.print("The local stack still runs, as before: make down stops it.")


@click.command("up", cls=Command, examples=["make up", "make up PORT=4600"])
@_port
def start_stack(port: int | None) -> None:
    """Start the stack in the background, deploy what has changed, and add missing seeds."""
    _announce(stack.up(port))


@click.command("down", cls=Command, examples=["make down"])
def stop_stack() -> None:
    """Stop the stack; its data stays."""
    err.print(_STOPPED if stack.down() else "Nothing was running.")


@click.command("demo", cls=Command, examples=["make demo"])
@_port
def create_appointment(port: int | None) -> None:
    """Create one appointment over HTTP, and print the response."""
    print_json(demo.create(_running_or_started(port)), is_indented=True)


@click.command("invoke", cls=Command, examples=["make invoke EVENT=events/http-api.json"])
@_port
@click.argument("event", type=click.Path(path_type=Path), required=False)
def invoke_function(port: int | None, event: Path | None) -> None:
    """Send the file EVENT to the deployed function, and print what it returns."""
    if event is None:
        raise click.UsageError("Name an event: make invoke EVENT=events/http-api.json")
    content = demo.read_event(event)
    print_json(demo.invoke(_running_or_started(port), content), is_indented=True)


@click.command("console", cls=Command, examples=["make console"])
@_port
def open_console(port: int | None) -> None:
    """Open the operators' console of the local stack in the browser, and print its URL."""
    _running_or_started(port)
    url = services.console_url(stack.HOME).read_text()
    click.echo(url)
    webbrowser.open(url)


@click.command("logs", cls=Command, examples=["make logs", "make logs RAW=1"])
@click.option("--raw", is_flag=True, help="Print the log as it is.")
def show_logs(*, raw: bool) -> None:
    """Show one line per request of the last 15 minutes, and follow, until Ctrl-C."""
    try:
        _follow(_running(), time.time() - _LOOK_BACK_SECONDS, is_raw=raw)
    except KeyboardInterrupt:
        err.print()


@click.command("mailbox", cls=Command, examples=["make mailbox", "make mailbox JSON=1"])
@_as_json
def show_mailbox(*, as_json: bool) -> None:
    """Show the emails last sent, as their recipients read them."""
    display.mailbox(_running(), as_json=as_json)


@click.command(
    "notifications", cls=Command, examples=["make notifications", "make notifications ID=…"]
)
@click.argument("notification_id", metavar="ID", required=False)
@_as_json
def show_notifications(notification_id: str | None, *, as_json: bool) -> None:
    """Show the notifications last published, or the one with this ID as a person gets it."""
    if notification_id is None:
        display.notifications(_running(), as_json=as_json)
    else:
        display.notification(_running(), notification_id, as_json=as_json)


@click.command("seeds", cls=Command, examples=["make seeds"])
@_as_json
def show_seeds(*, as_json: bool) -> None:
    """Show the tokens and records of the local stack."""
    display.tokens_and_records(as_json=as_json)


@click.command("reset", cls=Command, examples=["make reset"])
def reset() -> None:
    """Bring the stack's data back to what it was after the first start."""
    running = _running()
    with step("Empty tables, queues, log and mailbox; seed anew"):
        resetting.reset(running)


@click.command(
    "outage",
    cls=Command,
    examples=["make outage MANDRILL=down", "make outage END=1"],
)
@click.option("--mandrill", type=click.Choice([outage.value for outage in Outage]))
@click.option("--end", is_flag=True, help="End the outage, and close the circuit breaker.")
def rehearse_outage(*, mandrill: str | None, end: bool) -> None:
    """Make Mandrill fail until END=1: to rehearse what happens, and how to repair it."""
    if (mandrill is None) == (not end):
        kinds = "|".join(outage.value for outage in Outage)
        raise click.UsageError(f"make outage MANDRILL={kinds}, or make outage END=1")
    running = _running()
    if mandrill is None:
        outages.end(running)
        err.print("Mandrill works again.")
    else:
        outages.begin(running, mandrill)
        err.print(f"Mandrill fails ({mandrill}): make demo shows it, make outage END=1 ends it.")


@click.command("rie", cls=Command, examples=["make rie"])
@_port
def run_in_emulator(port: int | None) -> None:
    """Send every file of events/ to the package under the Runtime Interface Emulator."""
    sys.exit(rie.main(_running_or_started(port)))


COMMANDS: Final = (
    run_stack,
    start_stack,
    stop_stack,
    create_appointment,
    invoke_function,
    open_console,
    show_logs,
    show_mailbox,
    show_notifications,
    show_seeds,
    reset,
    rehearse_outage,
    run_in_emulator,
)


def _follow(running: stack.Stack, since: float, *, is_raw: bool = False) -> None:
    """Follow the log; that another command stops the stack ends it, and is no failure."""
    try:
        logs.follow(running, since, is_raw=is_raw)
    except logs.UNREACHABLE:
        if stack.find() is not None:
            raise
        err.print("The local stack was stopped by another command.")


def _announce(started: stack.Stack) -> None:
    display.next_steps(started, PATH, services.console_url(stack.HOME).read_text())


def _running_or_started(port: int | None) -> stack.Stack:
    """Return the stack that runs, otherwise start it on the port that it had last."""
    found = stack.find()
    return found if found and port in (None, found.port) else stack.up(port or stack.last_port())


def _running() -> stack.Stack:
    found = stack.find()
    if found is None:
        raise ToolError("The local stack is not running: make up")
    return found
