"""The error that a command ends with."""

import click

from tools.terminal import err


class ToolError(click.ClickException):
    """A failure of a command; the text says what its user does about it."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """Print it on the error stream."""
        err.print("[red]✗[/]", end=" ")
        err.print(self.message, markup=False, soft_wrap=True)


class ToolUsageError(ToolError):
    """What is wrong in how a command was called. `make` has no use for click's usage line."""

    exit_code = 2
