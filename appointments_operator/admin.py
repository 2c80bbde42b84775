"""`admin`: tokens, records, the route's switch, and what is owed."""

import click

from appointments_operator import owed, records, route, tokens
from appointments_operator.deployment import Deployment, Group, options


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 there is no such thing; 2 wrong usage or trouble with AWS.",
)
@options
@click.option("--sessions-table", metavar="NAME", envvar="SESSIONS_TABLE", show_envvar=True)
@click.option("--records-table", metavar="NAME", envvar="RECORDS_TABLE", show_envvar=True)
@click.option("--appointments-table", metavar="NAME", envvar="APPOINTMENTS_TABLE", show_envvar=True)
@click.pass_context
def main(
    ctx: click.Context,
    *,
    stack: str | None,
    region: str | None,
    endpoint_url: str | None,
    function: str | None,
    sessions_table: str | None,
    records_table: str | None,
    appointments_table: str | None,
) -> None:
    """Run the service: tokens, records, the route's switch, and what is owed.

    Tables and function are found through --stack; without it they are named one by one.
    """
    ctx.obj = Deployment(
        stack,
        region,
        endpoint_url,
        {
            "FunctionAlias": function,
            "SessionsTable": sessions_table,
            "RecordsTable": records_table,
            "AppointmentsTable": appointments_table,
        },
    )


main.add_command(tokens.token)
main.add_command(records.record)
main.add_command(route.route)
main.add_command(owed.owed)

if __name__ == "__main__":
    main()
