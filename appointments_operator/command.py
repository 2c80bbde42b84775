"""What all commands share: errors in one line, exit codes, examples in the help."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
INTERRUPTED: Final = 130
_HINTS: Final[dict[type[Exception], str]] = {
    NoRegionError: " Say --region, or set AWS_DEFAULT_REGION.",
    NoCredentialsError: " Sign in, or set AWS_PROFILE. For the local stack: admin local-env.",
    EndpointConnectionError: " If this is the local stack: make up.",
}


def ask(question: str, show: Callable[[], object]) -> None:
    """Call `show`, then ask the question. If the answer is no, the command ends.

    Raises UsageError if there is no terminal.
    """
    if not is_terminal():
        raise click.UsageError("No person can be asked here: pass --yes, or --dry-run to look.")
    show()
    if not click.confirm(question, err=True):
        sys.exit(1)


def is_terminal() -> bool:
    """Return whether the input is a terminal, where the operator can type an answer."""
    return sys.stdin.isatty()


class AwsError(click.ClickException):
    """A call of AWS failed, or got no response."""

    exit_code = 2


class Interrupted(click.ClickException):
    """The operator pressed Ctrl-C."""

    exit_code = INTERRUPTED

    def __init__(self, message: str = "Interrupted.") -> None:
        super().__init__(message)

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's signature
        """Print it below the terminal's ^C."""
        click.echo(f"\n{self.message}", err=True)


class _Common(click.Command):
    """Reports each failure in one line, and shows examples in the help."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        attributes["context_settings"] = {**SETTINGS, **attributes.get("context_settings", {})}
        super().__init__(*arguments, **attributes)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Print Ctrl-C and failures of AWS as one line, not as a traceback."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            raise Interrupted from None
        except (BotoCoreError, ClientError) as failed:
            raise AwsError(f"{failed}{_HINTS.get(type(failed), '')}") from failed

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each in one line for copying, and then the epilog."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


class Command(_Common):
    """A command."""


class Group(_Common, click.Group):
    """A group of commands."""

    command_class = Command
    group_class = type
