"""The entry points of the commands: Ctrl-C ends them without a traceback from the first moment."""

import signal
from importlib import import_module


def admin() -> None:
    """Run `admin`."""
    _run("admin")


def replay() -> None:
    """Run `replay`."""
    _run("replay")


def _run(name: str) -> None:
    """Import the command, which takes half a second, and run it.

    Until the command handles Ctrl-C, the signal ends the process. In a background job the handler
    is another one, which ignores Ctrl-C: it stays.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = import_module(f"appointments_operator.{name}").main
    signal.signal(signal.SIGINT, handler)
    command(prog_name=name)
