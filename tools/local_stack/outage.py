"""Rehearse an outage on the local stack, and its end."""

import urllib3

from tools.errors import ToolError
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

_CIRCUIT_RECORD = "circuit#mandrill"


def begin(stack: Stack, kind: str) -> None:
    """Make the Mandrill sandbox fail in this way until the end of the outage."""
    response = urllib3.request("PUT", _url(stack), body=kind, timeout=5, retries=False)
    if response.status != 200:
        raise ToolError(f"The sandbox has no such outage: {kind}")


def end(stack: Stack) -> None:
    """Make the sandbox work again, and close the circuit breaker that the outage has opened."""
    urllib3.request("DELETE", _url(stack), timeout=5, retries=False)
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    dynamodb.delete_item(TableName=stack.records_table, Key={"record": {"S": _CIRCUIT_RECORD}})


def _url(stack: Stack) -> str:
    return f"{stack.mandrill_url}/_sandbox/outage"
