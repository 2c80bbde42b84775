"""`admin local-env`: make a shell's commands call the local stack instead of AWS."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click

from appointments_operator.command import Command
from appointments_operator.terminal import err

_STACK_JSON: Final = Path(".local") / "stack.json"


@click.command("local-env", cls=Command, examples=['eval "$(admin local-env)"'])
def local_env() -> None:
    """Print the variables with which this shell's commands call the local stack.

    They are for AWS's own command line too. API is the base URL of the API, as in the README. A new
    shell calls AWS again.
    """
    stack = _stack()
    variables = {
        "AWS_ENDPOINT_URL": stack["endpoint_url"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_REGION": stack["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # the emulator accepts any credentials
        "API": base_url(stack["endpoint_url"], stack["host"]),
    }
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    commands = Path(sys.executable).parent
    click.echo(f'export PATH={shlex.quote(str(commands))}:"$PATH"')
    err.print(f"This shell calls the local stack at {stack['endpoint_url']}.", soft_wrap=True)


def base_url(endpoint_url: str, host: str) -> str:
    """Return a base URL of the API that every client reaches.

    The one of AWS's form, `http://<id>.execute-api.localhost:<port>`, needs names under `localhost`
    to resolve: for curl and browsers they do, for Python and Node on most machines they do not.
    """
    return f"{endpoint_url}/_aws/execute-api/{host.partition('.')[0]}"


def _stack() -> dict[str, Any]:
    for folder in (Path.cwd(), *Path.cwd().parents):
        try:
            stack: dict[str, Any] = json.loads((folder / _STACK_JSON).read_text())
        except FileNotFoundError:
            continue
        return stack
    raise click.ClickException(
        f"There is no {_STACK_JSON} here or in a folder above: start the local stack (make up)."
    )
