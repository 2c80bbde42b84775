"""`admin`: tokens, records, the route's switch, and what is owed."""

import click

from appointments_operator import completion, local_env, owed, records, route, tokens
from appointments_operator.command import Group
from appointments_operator.deployment import DISTRIBUTION, options, remember


def _table_option(name: str, variable: str) -> click.Option:
    return click.Option(
        [name],
        metavar="NAME",
        envvar=variable,
        show_envvar=True,
        expose_value=False,
        callback=remember,
    )


@click.group(
    cls=Group,
    examples=[
        "admin --stack appointments-prod owed list",
        "admin --stack appointments-prod record get 'user#501'",
        "admin --stack appointments-prod route show",
        "admin completion bash",
    ],
    epilog=(
        "Exit codes: 0 done; 1 there is no such thing, or it could not be done; 2 wrong usage or "
        "a failure of AWS; 130 interrupted."
    ),
)
@click.version_option(package_name=DISTRIBUTION)
@options
def main() -> None:
    """Run the service: tokens, records, the route's switch, and what is owed.

    Tables and function are found through --stack. Without it they are named one by one. The
    options that name the deployment may also come after the command.
    """


main.params += [
    _table_option("--sessions-table", "SESSIONS_TABLE"),
    _table_option("--records-table", "RECORDS_TABLE"),
    _table_option("--appointments-table", "APPOINTMENTS_TABLE"),
]
for command in (
    tokens.token,
    records.record,
    route.route,
    owed.owed,
    local_env.local_env,
    completion.completion,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
