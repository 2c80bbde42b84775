"""What operators' commands call besides the tables: the function's log group, and Lambda."""

import base64
import json
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime
from functools import cache
from typing import Any, Final, cast
from uuid import uuid4

import boto3
import click
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from click.testing import CliRunner, Result
from moto.core.botocore_stubber import MockRawResponse
from moto.logs.models import logs_backends

from tests.support.fake_aws import ACCOUNT, REGION, FakeAws, Response, event, read_response
from tests.support.filtered_log import FilteredLog, Line

LOG_GROUP: Final = "/aws/lambda/appointments"
_FILTER: Final = "before-send.cloudwatch-logs.FilterLogEvents"
# What Lambda responds to an invocation instead of running the function.
Instead = Callable[[], AWSResponse]


def refusal(code: int, error: str) -> AWSResponse:
    """Return how Lambda itself refuses an invocation."""
    return _response(code, {"Message": error, "Type": "User"}, {"x-amzn-errortype": error})


def function_error(message: str) -> AWSResponse:
    """Return what Lambda responds if the function failed without a response."""
    failure = {"errorMessage": message, "errorType": "Sandbox.Timedout"}
    return _response(200, failure, {"X-Amz-Function-Error": "Unhandled"})


def response(status: str, reason: str | None = None) -> AWSResponse:
    """Return what Lambda responds if the function responded with this status, for this reason."""
    body = json.dumps({"status": status, "message": "", "errors": []})
    entry = json.dumps({"message": "response", "reason": reason})
    tail = {"X-Amz-Log-Result": base64.b64encode(entry.encode()).decode()}
    return _response(200, {"body": body}, tail)


def success() -> AWSResponse:
    """Return what Lambda responds if the function responded with a success."""
    return response("action-successful")


def _response(code: int, body: Any, headers: Any) -> AWSResponse:
    return AWSResponse("", code, headers, MockRawResponse(json.dumps(body).encode()))


@cache
def _session() -> boto3.Session:
    """Return one session for all tests: it caches what it has read from disk."""
    return boto3.Session(region_name="us-east-1")


class FakeOperatorAws:
    """CloudWatch Logs on moto, and Lambda, whose invocations run the function in this process.

    `instead` has the responses of Lambda to the next invocations (None: the function runs).
    `invoked` has the names of the functions that were invoked, `events` their events.
    """

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.instead: list[Instead | None] = []
        self.invoked: list[str] = []
        self.events: list[Any] = []
        # One execution environment processes one event at a time; this process is one.
        self._one_at_a_time = threading.Lock()
        boto3.DEFAULT_SESSION = _session()
        hooks: Any = boto3.DEFAULT_SESSION.events
        self._hooks = hooks
        self._hooks.register("before-send.lambda.Invoke", self._on_invoke)
        self.logs = boto3.client("logs")
        self.logs.create_log_group(logGroupName=LOG_GROUP)

    def filter_log(self) -> None:
        """Let FilterLogEvents apply the pattern, as CloudWatch does and moto does not."""
        self._hooks.register_first(_FILTER, self._on_filter)

    def searches(self, run: Callable[[], object]) -> list[dict[str, Any]]:
        """Return the parameters of each FilterLogEvents that something calls."""
        calls: list[dict[str, Any]] = []

        def note(params: Any, **_: Any) -> None:
            calls.append(dict(params))

        event = "provide-client-params.cloudwatch-logs.FilterLogEvents"
        self._hooks.register(event, note)
        try:
            run()
        finally:
            self._hooks.unregister(event, note)
        return calls

    def close(self) -> None:
        """Remove the log groups and the hook."""
        self._hooks.unregister(_FILTER, self._on_filter)
        for group in self.logs.describe_log_groups()["logGroups"]:
            self.logs.delete_log_group(logGroupName=group["logGroupName"])
        self._hooks.unregister("before-send.lambda.Invoke", self._on_invoke)
        boto3.DEFAULT_SESSION = None

    def send(self, sent: Any) -> Response:
        """Send the function an event; its lines go to the log group, in a stream of their own."""
        return read_response(self._run(sent))

    def post(self, request_id: str = "req-1", **params: Any) -> Response:
        """Send the function a request of a session without an address."""
        return self.send(event(**{"token": "no-address-token", **params}, request_id=request_id))

    def log(
        self,
        *lines: str,
        at: datetime | None = None,
        stream: str | None = None,
        group: str = LOG_GROUP,
    ) -> None:
        """Put lines into a log group, in a stream of their own unless it is named."""
        name = stream or str(uuid4())
        if stream is None:
            self.logs.create_log_stream(logGroupName=group, logStreamName=name)
        moment = int((at.timestamp() if at else time.time()) * 1000)
        self.logs.put_log_events(
            logGroupName=group,
            logStreamName=name,
            logEvents=[{"timestamp": moment, "message": line} for line in lines],
        )

    def run(self, command: click.Command, *arguments: str, typed: str | None = None) -> Result:
        """Run a command as its console script would."""
        return CliRunner().invoke(command, arguments, input=typed, catch_exceptions=False)

    def _on_filter(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent = json.loads(cast(bytes, request.body))
        group = logs_backends[ACCOUNT][REGION].groups[sent["logGroupName"]]
        return FilteredLog(
            Line(event.timestamp, name, event.message)
            for name, stream in group.streams.items()
            for event in stream.events
        ).respond(request)

    def _run(self, sent: Any) -> Any:
        before = len(self.aws.out.getvalue())
        with redirect_stdout(self.aws.out):
            returned = self.aws.invoke(sent)
        self.log(*self.aws.out.getvalue()[before:].splitlines())
        return returned

    def _on_invoke(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        function = request.url.split("/functions/")[1].split("/")[0]
        assert isinstance(request.body, bytes | str)
        sent = json.loads(request.body)
        with self._one_at_a_time:
            self.invoked.append(function)
            self.events.append(sent)
            instead = self.instead.pop(0) if self.instead else None
        if instead:
            return instead()
        with self._one_at_a_time:
            return self._respond(
                sent, self.aws.invoke_keeper if "keeper" in function else self._run
            )

    def _respond(self, sent: Any, run: Callable[[Any], Any]) -> AWSResponse:
        before = len(self.aws.out.getvalue())
        returned = run(sent)
        tail = base64.b64encode(self.aws.out.getvalue()[before:].encode()[-4096:])
        return _response(200, returned, {"X-Amz-Log-Result": tail.decode()})
