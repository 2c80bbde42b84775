"""`admin completion`: what a shell needs to complete the commands."""

import click
from click.shell_completion import get_completion_class

from appointments_operator import replay
from appointments_operator.command import Command


@click.command(
    "completion",
    cls=Command,
    examples=[
        'eval "$(admin completion bash)"',
        "admin completion fish > ~/.config/fish/completions/admin.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print the completion of `admin` and `replay` for SHELL."""
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - click has these three
    for name, command in (("admin", ctx.find_root().command), ("replay", replay.main)):
        click.echo(script(command, {}, name, f"_{name.upper()}_COMPLETE").source())
