"""The deployed stack that a command works on, in AWS or on this machine.

The same options reach both: against the local stack `--endpoint-url` (or AWS_ENDPOINT_URL) names
the emulator.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Final

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from appointments.names import ALIAS

DISTRIBUTION: Final = "appointments-create-api"
_META_KEY: Final = "appointments_operator.deployment"
_LOG_GROUPS: Final = "/aws/lambda/"
# If only --log-group is given, it has the stack's name. With these suffixes, as in the template,
# that name gives the other outputs which `replay` needs.
_SUFFIXES: Final = {"FunctionAlias": f":{ALIAS}", "NotificationsTable": "-notifications"}
_OPTIONS: Final = {
    "LogGroup": "--log-group",
    "FunctionAlias": "--function",
    "SessionsTable": "--sessions-table",
    "RecordsTable": "--records-table",
    "AppointmentsTable": "--appointments-table",
    "NotificationsTable": "--notifications-table",
    "NotificationsTopic": "--notifications-topic",
    "KeeperFunction": "--keeper",
}
# The most invocations of a command at the same time.
MAX_AT_ONCE: Final = 100
# The function takes at most 29 s; botocore itself waits and tries again if AWS throttles.
_CLIENT_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"total_max_attempts": 8, "mode": "standard"},
    max_pool_connections=MAX_AT_ONCE,
)


@dataclass(frozen=True)
class Deployment:
    """A deployed stack, or without a stack the names `given` by options in place of its outputs."""

    stack: str | None
    region: str | None
    endpoint_url: str | None
    given: dict[str, str | None]

    def client(self, service: str) -> Any:
        """Return a client of an AWS service. Each of its calls ends within a time limit."""
        return self._connect(boto3.client, service)

    def table(self, name: str) -> Any:
        """Return the table that an output of the stack names."""
        return self._connect(boto3.resource, "dynamodb").Table(self.output(name))

    def _connect(self, connect: Callable[..., Any], service: str) -> Any:
        try:
            return connect(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                config=_CLIENT_CONFIG,
            )
        except BotoCoreError:
            raise
        except ValueError as failed:  # botocore raises it for an endpoint that is no URL
            raise click.UsageError(
                f"{failed}. Write --endpoint-url or AWS_ENDPOINT_URL like http://127.0.0.1:4566."
            ) from failed

    def output(self, key: str) -> str:
        """Return an output of the stack; without a stack, the name that was given in its place."""
        if self.stack is None:
            if given := self.given.get(key) or self._default(key):
                return given
            alternative = f", or {_OPTIONS[key]}" if key in _OPTIONS else ""
            raise click.UsageError(f"Say which deployment: --stack{alternative}.")
        if key not in self._outputs:
            raise click.UsageError(f"The stack {self.stack} has no output {key}.")
        return self._outputs[key]

    def _default(self, output: str) -> str | None:
        """Return the output as derived from the log group's name, which has the stack's name."""
        group = self.given.get("LogGroup") or ""
        suffix = _SUFFIXES.get(output)
        if suffix is None or not group.startswith(_LOG_GROUPS):
            return None
        return group.removeprefix(_LOG_GROUPS) + suffix

    @cached_property
    def _outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    @property
    def log_group(self) -> str:
        """The function's log group."""
        return self.output("LogGroup")

    @property
    def function(self) -> str:
        """The function to invoke: that of --function, else the alias that serves the API."""
        if given := self.given.get("FunctionAlias"):
            return given
        return self.output("FunctionAlias")

    def invoke(self, event: dict[str, Any], function: str | None = None) -> "InvocationResult":
        """Invoke the function or another one, wait for it, and return its result.

        Raises FunctionError if it died.
        """
        response = self.lambda_client.invoke(
            FunctionName=function or self.function, Payload=json.dumps(event), LogType="Tail"
        )
        payload = json.loads(response["Payload"].read() or b"null")
        if "FunctionError" in response:
            reason = payload.get("errorMessage") if isinstance(payload, dict) else None
            raise FunctionError(str(reason or response["FunctionError"]))
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        return InvocationResult(payload, log)

    @cached_property
    def lambda_client(self) -> Any:
        """The client that invokes functions. Several threads may use it at once."""
        return self.client("lambda")


@dataclass(frozen=True)
class InvocationResult:
    """What a function returned, and the end of the log of this invocation (4 KB)."""

    payload: Any
    log: str


class FunctionError(click.ClickException):
    """The function died, or ran out of time."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The function died: {reason}")


def pass_deployment(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the deployment, and pass the deployment to the command."""

    @wraps(command)
    def with_deployment(*arguments: Any, **parameters: Any) -> Any:
        return command(_deployment(click.get_current_context()), *arguments, **parameters)

    return options(with_deployment)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the deployment: before the subcommand or after it."""
    for option in reversed(
        (
            _option("--stack", metavar="NAME", help="The CloudFormation stack to work on."),
            _option("--region", metavar="NAME", help="Its AWS region, otherwise the usual one."),
            _option(
                "--endpoint-url",
                metavar="URL",
                help="Call the local stack there, not AWS (also: AWS_ENDPOINT_URL).",
            ),
            _option(
                "--function",
                metavar="NAME[:ALIAS]",
                help="The function to invoke, otherwise the alias that serves the API.",
            ),
        )
    ):
        command = option(command)
    return command


def _option(name: str, **attributes: Any) -> Callable[..., Any]:
    return click.option(name, expose_value=False, callback=store_option, **attributes)


def store_option(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store an option that names the deployment. If it occurs twice, the last one counts."""
    if value is not None:
        ctx.meta.setdefault(_META_KEY, {})[param.name] = value


def _deployment(ctx: click.Context) -> Deployment:
    given = ctx.meta.get(_META_KEY, {})
    names = {output: given.get(_parameter(option)) for output, option in _OPTIONS.items()}
    return Deployment(given.get("stack"), given.get("region"), given.get("endpoint_url"), names)


def _parameter(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")
