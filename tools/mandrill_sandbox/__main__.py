"""Serve a sandbox: `python -m tools.mandrill_sandbox --port 4567`."""

import signal
import sys
from pathlib import Path

import click

from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox


@click.command()
@click.option("--port", type=int, required=True, help="0 takes a free one.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    default=["sandbox-key"],
    show_default=True,
    help="An API key that is accepted (repeatable).",
)
@click.option(
    "--slow", type=float, default=10, show_default=True, help="Seconds that slow.test takes."
)
# Off by default: a test suite may well search more often than Mandrill's 20 times per minute.
@click.option("--search-limit", type=int, default=0, help="Searches per minute (0: no limit).")
@click.option(
    "--mail",
    type=click.Path(path_type=Path),
    help="A file that keeps the mail, so that it survives a restart.",
)
def main(
    *, port: int, keys: tuple[str, ...], slow: float, search_limit: int, mail: Path | None
) -> None:
    """Serve a sandbox until SIGTERM or Ctrl-C."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sys.exit())
    with Sandbox(port, Account(set(keys), slow, search_limit, mail)) as sandbox:
        click.echo(f"The sandbox responds at http://127.0.0.1:{sandbox.server_port}")
        sys.stdout.flush()
        sandbox.serve_forever()


if __name__ == "__main__":
    main(prog_name="python -m tools.mandrill_sandbox")
