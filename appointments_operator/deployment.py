"""What the operators' commands share: a deployed stack, in AWS or on this machine, and its trouble.

The same options reach both: against the local stack `--endpoint-url` (or AWS_ENDPOINT_URL) names
the emulator.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

DISTRIBUTION: Final = "appointments-create-api"
# The alias that serves the API: after a rollback it is not the newest version.
ALIAS: Final = "live"
_LOG_GROUPS: Final = "/aws/lambda/"
_OPTIONS: Final = {
    "LogGroup": "--log-group",
    "FunctionAlias": "--function",
    "SessionsTable": "--sessions-table",
    "RecordsTable": "--records-table",
    "AppointmentsTable": "--appointments-table",
}
# The function takes at most 29 s; botocore itself waits and tries again where AWS throttles.
_CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 8, "mode": "standard"}
)


class AwsError(click.ClickException):
    """AWS refused, or could not be reached."""

    exit_code = 2


class _ReportingAwsErrors:
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; trouble with AWS is one line, not a traceback."""
        try:
            return super().invoke(ctx)  # type: ignore[misc]
        except (BotoCoreError, ClientError) as failed:
            raise AwsError(str(failed)) from failed


class Command(_ReportingAwsErrors, click.Command):
    """A command that talks to AWS."""


class Group(_ReportingAwsErrors, click.Group):
    """A group of such commands."""


@dataclass(frozen=True)
class Deployment:
    """A deployed stack, or what was `given` by name, an output of the stack each."""

    stack: str | None
    region: str | None
    endpoint_url: str | None
    given: dict[str, str | None]

    def client(self, service: str) -> Any:
        """Return a client whose every wait is bounded."""
        connect: Callable[..., Any] = boto3.client
        return connect(
            service, region_name=self.region, endpoint_url=self.endpoint_url, config=_CLIENT_CONFIG
        )

    def table(self, name: str) -> Any:
        """Return the table that an output of the stack names."""
        connect: Callable[..., Any] = boto3.resource
        dynamodb = connect(
            "dynamodb",
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            config=_CLIENT_CONFIG,
        )
        return dynamodb.Table(self.name(name))

    def name(self, output: str) -> str:
        """Return the stack's output; without a stack, what was given for it."""
        if self.stack is None:
            if given := self.given.get(output):
                return given
            raise click.UsageError(f"Say where: --stack, or {_OPTIONS[output]}.")
        if output not in self._outputs:
            raise click.UsageError(f"The stack {self.stack} has no output {output}.")
        return self._outputs[output]

    @cached_property
    def _outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    @property
    def log_group(self) -> str:
        """The function's log group."""
        return self.name("LogGroup")

    @property
    def function(self) -> str:
        """The function: the one given, else by the alias that serves the API."""
        if given := self.given.get("FunctionAlias"):
            return given
        group = self.given.get("LogGroup") or ""
        if self.stack is None and group.startswith(_LOG_GROUPS):
            return f"{group.removeprefix(_LOG_GROUPS)}:{ALIAS}"
        return self.name("FunctionAlias")

    def invoke(self, event: dict[str, Any]) -> Any:
        """Invoke the function, wait for it, and return what it returned.

        Raises FunctionError where it died.
        """
        answer = self._lambda.invoke(FunctionName=self.function, Payload=json.dumps(event))
        returned = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            reason = returned.get("errorMessage") if isinstance(returned, dict) else None
            raise FunctionError(str(reason or answer["FunctionError"]))
        return returned

    @cached_property
    def _lambda(self) -> Any:
        return self.client("lambda")


pass_deployment: Final = click.make_pass_decorator(Deployment)


class FunctionError(Exception):
    """The function died, or ran out of time."""


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which deployment is meant, and `--version`."""
    for option in reversed(
        (
            click.version_option(package_name=DISTRIBUTION),
            click.option("--stack", metavar="NAME", help="The CloudFormation stack to work on."),
            click.option("--region", metavar="NAME", help="Its AWS region, else the usual one."),
            click.option(
                "--endpoint-url",
                metavar="URL",
                help="Talk to the local stack there, not to AWS (also: AWS_ENDPOINT_URL).",
            ),
            click.option(
                "--function",
                metavar="NAME[:ALIAS]",
                help="The function to invoke, else the alias that serves the API.",
            ),
        )
    ):
        command = option(command)
    return command
