"""`admin`: tokens, records, the route's switch, what is owed, notifications, and appointments."""

import click

from appointments_operator import (
    completion,
    forget,
    local_env,
    notifications,
    owed,
    records,
    route,
    serve,
    tokens,
    trace,
)
from appointments_operator.command import Group
from appointments_operator.deployment import DISTRIBUTION, options, store_option
from appointments_operator.verify.command import verify


def _name_option(name: str, variable: str) -> click.Option:
    return click.Option(
        [name],
        metavar="NAME",
        envvar=variable,
        show_envvar=True,
        expose_value=False,
        callback=store_option,
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
    """Run the service: tokens, records, the route's switch, what is owed, and notifications.

    Tables and function are found through --stack. Without it they are named one by one. The
    options that name the deployment may also come after the command.
    """


main.params += [
    _name_option("--sessions-table", "SESSIONS_TABLE"),
    _name_option("--records-table", "RECORDS_TABLE"),
    _name_option("--appointments-table", "APPOINTMENTS_TABLE"),
    _name_option("--notifications-table", "NOTIFICATIONS_TABLE"),
    _name_option("--notifications-topic", "NOTIFICATIONS_TOPIC"),
    _name_option("--keeper", "KEEPER_FUNCTION"),
    _name_option("--log-group", "LOG_GROUP"),
]
for command in (
    tokens.token,
    records.record,
    route.route,
    owed.owed,
    notifications.notifications,
    trace.trace,
    forget.forget,
    serve.console,
    verify,
    local_env.local_env,
    completion.completion,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
