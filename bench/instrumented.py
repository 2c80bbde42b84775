"""The function as a handler that reports its calls to DynamoDB and breaks those its event names."""

from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff

from appointments import clients, handler
from appointments.email import mandrill_client

patch.object(ExponentialBackoff, "delay_amount", lambda *_: 0).start()
patch.object(RetryQuota, "acquire", lambda *_: True).start()
patch.object(mandrill_client, "_RETRY_BACKOFF", (0.0, 0.0)).start()
_REFUSALS = {
    "denied": (400, b'{"__type": "AccessDeniedException"}'),
    "throttled": (400, b'{"__type": "ProvisionedThroughputExceededException"}'),
    "down": (500, b"{}"),
}
_METHODS = {"BatchGetItem": "batch_get_item", "PutItem": "put_item"}
_client = clients.client("dynamodb")
_calls: list[tuple[str, dict[str, Any]]] = []
_faults: dict[str, list[str]] = {}
_served = 0


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._body]


def _break(event_name: str, request: Any, **_: Any) -> AWSResponse | None:
    planned = _faults.get(event_name.rpartition(".")[2])
    fault = planned.pop(0) if planned else None
    if fault == "lost":
        _client._endpoint.http_session.send(request)
    if fault in ("lost", "refused"):
        raise ConnectionClosedError(endpoint_url=request.url)
    if fault is None:
        return None
    code, body = _REFUSALS[fault]
    return AWSResponse(request.url, code, HTTPHeaders(), _Raw(body))


def _note(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.name in _METHODS:
        _calls.append((_METHODS[model.name], params))


_client.meta.events.register("provide-client-params.dynamodb", _note)
_client.meta.events.register("before-send.dynamodb", _break)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond to `event["event"]` under another request id; `event["faults"]` says what breaks."""
    global _served  # noqa: PLW0603 - the process's own count
    _served += 1
    _calls.clear()
    _faults.clear()
    _faults.update({name: list(faults) for name, faults in event["faults"].items()})
    response = handler.lambda_handler(_fresh(event["event"], f"kind-{_served}"), context)
    return {"response": response, "calls": _calls}


def _fresh(event: Any, request_id: str) -> Any:
    if not isinstance(event, dict):
        return event
    if event.get("message") == "request" and event.get("request_id"):
        return {**event, "request_id": request_id}
    if "requestContext" in event:
        return {**event, "requestContext": {**event["requestContext"], "requestId": request_id}}
    return {
        name: _fresh(value, request_id) if name in ("replay", "detail") else value
        for name, value in event.items()
    }
