"""`admin console`: serve the console, and open it in the browser."""

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from appointments_operator.command import Command
from appointments_operator.deployment import Deployment, pass_deployment
from appointments_operator.terminal import err

_LIBRARIES: Final = ("jinja2", "starlette", "uvicorn")


@click.command(
    "console",
    cls=Command,
    examples=["admin --stack appointments-prod console", "make console"],
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=4568,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes a free one.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option(
    "--url-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the URL to this file too, readable for you alone.",
)
@pass_deployment
def console(deployment: Deployment, *, port: int, no_browser: bool, url_file: Path | None) -> None:
    """Serve a page to investigate and repair what failed, until Ctrl-C.

    It acts with your own AWS credentials. The URL has a random key: who knows it can do what
    you can.
    """
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise click.ClickException(
            f"The console needs {', '.join(missing)}: uv tool install '.[console]'"
        )
    from appointments_operator.web.server import serve  # noqa: PLC0415 - an extra of its own

    # A missing deployment is reported before the server starts.
    deployment.output("NotificationsTable")

    def show(url: str) -> None:
        click.echo(url)
        if url_file:
            url_file.touch(mode=0o600)
            url_file.write_text(url)
        err.print("This is the console. Ctrl-C ends it.", soft_wrap=True)
        if not no_browser:
            webbrowser.open(url)

    serve(deployment, port, show)
