"""The two streams of a command: results on the output, all else on the error stream."""

import os
import sys
from typing import Final

from rich.console import Console

err: Final = Console(stderr=True, markup=False, highlight=False)
# The width for a file or a pipe: a list has one line per item there.
_PIPE_WIDTH: Final = 100_000


def output() -> Console:
    """Return the writer of a command's results, as wide as the terminal or COLUMNS."""
    has_width = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if has_width else _PIPE_WIDTH, markup=False, highlight=False)
