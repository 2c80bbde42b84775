"""The two consoles: results on the output, all else on the error stream."""

import sys
from typing import Final

from rich.console import Console

err: Final = Console(stderr=True, highlight=False)
_PIPE_WIDTH: Final = 200


def output() -> Console:
    """Return the console of a command's results; a pipe has room for whole lines."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, markup=False, highlight=False)
