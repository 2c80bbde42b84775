"""The commands behind the Makefile: `python -m tools up --port 4566`."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tools.bootstrap import ROOT
from tools.checks import audit
from tools.console import err, out, step
from tools.errors import ToolError
from tools.load import run as load
from tools.local_stack import demo, display, rie, stack
from tools.release import build, deploy


@click.group()
def main() -> None:
    """Do what the Makefile's target of the same name says."""


def _port(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--port", type=int, help="The emulator's; the sandbox takes the next.")(
        command
    )


@main.command("run")
@_port
def run_stack(port: int | None) -> None:
    """Start the stack, create an appointment, and show the log until Ctrl-C."""
    for end in (signal.SIGINT, signal.SIGTERM):  # also if a shell has SIGINT ignored
        signal.signal(end, signal.default_int_handler)
    was_running = stack.find() is not None
    try:
        started = stack.up(port)
        _announce(started)
        before = time.time()
        out.print_json(data=demo.create(started))
        err.print(f"The log of {started.function_name} (Ctrl-C ends):")
        demo.follow(started, before)
    except KeyboardInterrupt:
        pass
    finally:
        if not was_running:
            stack.down()


@main.command("up")
@_port
def start_stack(port: int | None) -> None:
    """Start the stack in the background."""
    _announce(stack.up(port))


@main.command("down")
def stop_stack() -> None:
    """Stop the stack; its data stays."""
    err.print("Stopped." if stack.down() else "Nothing was running.")


@main.command("demo")
@_port
def create_appointment(port: int | None) -> None:
    """Create one appointment over HTTP."""
    out.print_json(data=demo.create(_running_or_started(port)))


@main.command("invoke")
@_port
@click.argument("event", type=click.Path(path_type=Path), default=Path())
def invoke_function(port: int | None, event: Path) -> None:
    """Send the file EVENT to the deployed function."""
    if not event.is_file():
        raise ToolError(f"There is no file {event}: make invoke EVENT=events/http-api.json")
    out.print_json(data=demo.invoke(_running_or_started(port), event))


@main.command("mailbox")
def show_mailbox() -> None:
    """Show the emails last sent."""
    out.print(display.mailbox(_running()))


@main.command("notifications")
def show_notifications() -> None:
    """Show the notifications last published."""
    found = display.published(_running())
    out.print(display.notifications(found))
    if found and found[-1]["replay"]:
        # In one line, however long: it is there to be copied.
        out.print("To mend the last one:", found[-1]["replay"], soft_wrap=True, markup=False)


@main.command("rie")
@_port
def run_in_emulator(port: int | None) -> None:
    """Answer every file of events/ under the Runtime Interface Emulator."""
    sys.exit(rie.main(_running_or_started(port)))


@main.command("build")
def build_for_aws() -> None:
    """Build for AWS, and tell the size of what Lambda would get."""
    with step("Build the package (sam build)"):
        build.build_for_aws()
    bundle = ROOT / ".aws-sam" / "build" / "CreateFunction"
    out.print(f"{bundle.relative_to(ROOT)}: {build.zipped_size(bundle) / 1e6:.1f} MB zipped")


@main.command("audit")
@click.option("--offline", is_flag=True, help="Without the locks.")
def scan(*, offline: bool) -> None:
    """Scan the template, the code and the locks for known weaknesses."""
    audit.audit(offline=offline)


@main.command("load")
@click.option("--seconds", type=int, default=180, show_default=True)
def run_load(seconds: int) -> None:
    """Load a stack of its own while its parts fail in turn."""
    load.load(seconds)


@main.command("deploy")
@click.argument("stage", default="")
def deploy_stage(stage: str) -> None:
    """Deploy the commit that is checked out to STAGE."""
    deploy.deploy(stage)


def _announce(started: stack.Stack) -> None:
    err.print(f"The API answers at [bold]{started.api_url}{demo.PATH}[/]", soft_wrap=True)


def _running_or_started(port: int | None) -> stack.Stack:
    """Return the stack that runs, its records as they are: only `up` renews the seeds."""
    found = stack.find()
    return found if found and port in (None, found.port) else stack.up(port)


def _running() -> stack.Stack:
    found = stack.find()
    if found is None:
        raise ToolError("The local stack is not running: make up")
    return found


if __name__ == "__main__":
    main(prog_name="python -m tools")
