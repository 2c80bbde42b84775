"""What the tools write to the terminal: steps on the error stream, results on the output."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

# A file or a pipe has no width of its own: tables get room there.
out: Final = Console(width=None if sys.stdout.isatty() else 160)
err: Final = Console(stderr=True, highlight=False)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show a step while it runs, and how long it took."""
    started = time.monotonic()
    with err.status(f"{text} …"):
        yield
    err.print(f"[green]✓[/] {text} [dim]{time.monotonic() - started:.1f} s[/]")
