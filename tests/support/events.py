"""A request and the ways that it can take into the function, as AWS shapes the events."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from appointments.timestamps import iso

PATH: Final = "/api/v1/appointments/create"
JSON: Final[Mapping[str, str]] = {"content-type": "application/json"}


@dataclass(frozen=True)
class Request:
    """A request before it takes its way in; `params` is what its body decodes to, if it does."""

    params: Mapping[str, Any] | None = None
    raw: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"
    path: str = PATH
    is_base64: bool = False
    id: str = "req-1"

    @property
    def body(self) -> str | None:
        """The body as it is sent."""
        return self.raw if self.params is None else json.dumps(self.params)

    @property
    def is_logged(self) -> bool:
        """Whether a request log entry records it, so that it can be replayed."""
        return self.params is not None

    def log_entry(self, received_at: datetime) -> dict[str, Any]:
        """Return the request log entry of specification section 10.1."""
        params = dict(self.params or {})
        token = str(params.pop("token", None) or "").strip()
        known = {name: value for name, value in params.items() if not name.startswith("unknown")}
        return {
            "level": "INFO",
            "message": "request",
            "request_id": self.id,
            "received_at": iso(received_at),
            "token_hash": hashlib.sha256(token.encode()).hexdigest() if token else None,
            "params": known,
            "unknown": sorted(params.keys() - known.keys()),
            "idempotency_key": self.headers.get("idempotency-key"),
        }


Way = Callable[[Request], Any]


def http_api(request: Request) -> dict[str, Any]:
    """Return the event of an HTTP API (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "headers": dict(request.headers),
        "requestContext": {
            "requestId": request.id,
            "http": {"method": request.method, "path": request.path},
        },
        "body": request.body,
        "isBase64Encoded": request.is_base64,
    }


def rest_api(request: Request) -> dict[str, Any]:
    """Return the event of a REST API (payload format 1.0)."""
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": None,
        "requestContext": {"requestId": request.id, "stage": "prod"},
        "body": request.body,
        "isBase64Encoded": request.is_base64,
    }


def subscription(*messages: str, **other: Any) -> dict[str, Any]:
    """Return what CloudWatch Logs sends to a subscriber."""
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/appointments",
        "logStream": "2026/11/22/[1]abc",
        "subscriptionFilters": ["replay"],
        "logEvents": [{"id": "1", "timestamp": 1, "message": message} for message in messages],
        **other,
    }
    return pack(json.dumps(payload).encode())


def pack(content: bytes) -> dict[str, Any]:
    """Return the event of a subscription with this content."""
    return {"awslogs": {"data": base64.b64encode(gzip.compress(content, 1)).decode()}}


def event_bridge(detail: Any) -> dict[str, Any]:
    """Return what EventBridge sends."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "request",
        "source": "planomatic.operators",
        "account": "123456789012",
        "time": "2026-11-22T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


HTTP: Final[Mapping[str, Way]] = {"HTTP API": http_api, "REST API": rest_api}
REPLAYS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "log entry": lambda entry: entry,
    "replay": lambda entry: {"replay": entry},
    "subscription": lambda entry: subscription(json.dumps(entry)),
    "EventBridge": event_bridge,
}
WAYS: Final = (*HTTP, *REPLAYS)
