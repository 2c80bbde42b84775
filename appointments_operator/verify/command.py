"""`admin verify`: run the checks one by one, and show the results in a table."""

import sys
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from appointments_operator.command import Command
from appointments_operator.deployment import Deployment, pass_deployment
from appointments_operator.layout import print_json, print_list
from appointments_operator.option_types import ADDRESS
from appointments_operator.terminal import err
from appointments_operator.verify.check import Check, CheckFailed, NotOnLocalStack
from appointments_operator.verify.mandrill import MANDRILL_CHECKS
from appointments_operator.verify.responses import RESPONSE_CHECKS
from appointments_operator.verify.setup import SETUP_CHECKS
from appointments_operator.verify.verification import Verification, start_verification

CHECKS: Final = (*RESPONSE_CHECKS, *MANDRILL_CHECKS, *SETUP_CHECKS)
_GOOD: Final = "ok"
_FAILED: Final = "FAILED"
_NOT_ON_LOCAL_STACK: Final = "not shown here"


@click.command(
    "verify",
    cls=Command,
    examples=["admin --stack appointments-prod verify --email verify@planomatic.com"],
    epilog="Exit codes: 0 no check failed; 1 one failed; 2 wrong usage or a failure of AWS.",
)
@click.option(
    "--email",
    type=ADDRESS,
    required=True,
    help="Where two emails go: your own, or a mailbox for it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_deployment
def verify(deployment: Deployment, *, email: str, as_json: bool) -> None:
    """Verify a deployment within two minutes: requests, emails, and what AWS has of it.

    It makes tokens, a user record and two appointments, and deletes them at the end. What it did
    stays in the log; a failed email also publishes its notification.
    """
    if deployment.stack is None:
        raise click.UsageError("Say which deployment: --stack.")
    with start_verification(deployment, email) as verification:
        rows = [_row(check, verification) for check in CHECKS]
    if as_json:
        print_json(rows)
    else:
        print_list(
            rows,
            {
                "Check": lambda row: row["check"],
                "Result": lambda row: row["result"],
                "Detail": lambda row: row["detail"],
            },
            empty="",
        )
        for row in rows:
            if row["result"] == _FAILED:
                click.echo(f"{row['check']}: {row['advice']}")
    sys.exit(any(row["result"] == _FAILED for row in rows))


def _row(check: Check, verification: Verification) -> dict[str, Any]:
    err.print(f"{check.name} …", soft_wrap=True, highlight=False)
    row = {"check": check.name, "result": _GOOD, "detail": "", "advice": None}
    try:
        row["detail"] = check.look(verification)
    except NotOnLocalStack as missing:
        row |= {"result": _NOT_ON_LOCAL_STACK, "detail": f"the local stack does not have {missing}"}
    except (CheckFailed, ClientError, BotoCoreError) as failed:
        row |= {"result": _FAILED, "detail": str(failed), "advice": check.advice}
    return row
