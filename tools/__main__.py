"""The commands behind the Makefile: `python -m tools up --port 4566`."""

import argparse
import signal
import sys
import time
from pathlib import Path

from tools import audit, demo, deploy, deployment, rie, stack, tables
from tools.bootstrap import ROOT
from tools.console import err, out, step
from tools.load.run import load as run_load
from tools.project import ToolError


def main() -> int:
    """Run one command; the exit status says whether it did its work."""
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "up", "demo", "invoke", "rie"):
        command = commands.add_parser(name)
        command.add_argument("--port", type=int)
        if name == "invoke":
            command.add_argument("event", type=Path, nargs="?", default=Path())
    for name in ("down", "mailbox", "notifications", "build"):
        commands.add_parser(name)
    commands.add_parser("load").add_argument("--seconds", type=int, default=180)
    commands.add_parser("audit").add_argument("--offline", action="store_true")
    commands.add_parser("deploy").add_argument("stage", nargs="?", default="")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except ToolError as fault:
        err.print("[red]✗[/]", end=" ")
        err.print(str(fault), markup=False, soft_wrap=True)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Do what the command says."""
    match arguments.command:
        case "run":
            return follow(arguments.port)
        case "up":
            announce(stack.up(arguments.port))
        case "down":
            err.print("Stopped." if stack.down() else "Nothing was running.")
        case "demo":
            out.print_json(data=demo.create(running_or_started(arguments.port)))
        case "invoke":
            if not arguments.event.is_file():
                raise ToolError(
                    f"There is no file {arguments.event}: make invoke EVENT=events/http-api.json"
                )
            out.print_json(data=demo.invoke(running_or_started(arguments.port), arguments.event))
        case "mailbox":
            out.print(tables.mailbox(running()))
        case "notifications":
            found = tables.published(running())
            out.print(tables.notifications(found))
            if found and found[-1]["replay"]:
                # In one line, however long: it is there to be copied.
                out.print(
                    "To mend the last one:", found[-1]["replay"], soft_wrap=True, markup=False
                )
        case "rie":
            return rie.main(running_or_started(arguments.port))
        case "build":
            build()
        case _:
            release(arguments)
    return 0


def release(arguments: argparse.Namespace) -> None:
    """Do one of the things that a release takes."""
    match arguments.command:
        case "audit":
            audit.audit(offline=arguments.offline)
        case "load":
            run_load(arguments.seconds)
        case "deploy":
            deploy.deploy(arguments.stage)


def follow(port: int | None) -> int:
    """Start the stack, create an appointment, and show the log until Ctrl-C."""
    for end in (signal.SIGINT, signal.SIGTERM):  # also where a shell has SIGINT ignored
        signal.signal(end, signal.default_int_handler)
    was_running = stack.find() is not None
    try:
        started = stack.up(port)
        announce(started)
        before = time.time()
        out.print_json(data=demo.create(started))
        err.print(f"The log of {started.function_name} (Ctrl-C ends):")
        demo.follow(started, before)
    except KeyboardInterrupt:
        pass
    finally:
        if not was_running:
            stack.down()
    return 0


def announce(started: stack.Stack) -> None:
    """Say where the stack is."""
    err.print(f"The API answers at [bold]{started.api_url}{demo.PATH}[/]", soft_wrap=True)


def running_or_started(port: int | None) -> stack.Stack:
    """Return the stack that runs, its records as they are: only `up` renews the seeds."""
    found = stack.find()
    return found if found and port in (None, found.port) else stack.up(port)


def running() -> stack.Stack:
    """Return the stack that runs."""
    found = stack.find()
    if found is None:
        raise ToolError("The local stack is not running: make up")
    return found


def build() -> None:
    """Build for AWS, and tell the size of what Lambda would get."""
    with step("Build the package (sam build)"):
        deployment.build_for_aws()
    bundle = ROOT / ".aws-sam" / "build" / "CreateFunction"
    out.print(f"{bundle.relative_to(ROOT)}: {deployment.zipped_size(bundle) / 1e6:.1f} MB zipped")


if __name__ == "__main__":
    sys.exit(main())
