"""AWS on moto, around the function: tables, topic, secret, seeds, and requests to send."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from threading import Lock
from typing import Any, Final, cast

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.sns.models import sns_backends

from appointments.tables.keys import ROUTE_RECORD
from tests.support.events import JSON, Request, http_api, rest_api
from tools.local_stack import seeds

TABLES = {
    "sessions": "token_hash",
    "records": "record",
    "appointments": "uuid",
    "notifications": "notification_id",
}
# The indexes of a table: name, hash key, range key and its type, projection.
INDEXES: Final = {
    "appointments": [("owed", "owed", "due", "N", "KEYS_ONLY")],
    "notifications": [
        ("by_day", "day", "came_at", "S", "ALL"),
        ("open", "open", "came_at", "S", "ALL"),
        ("by_request", "request_id", "came_at", "S", "KEYS_ONLY"),
    ],
}
DAY = 24 * 3600
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"  # moto's
REFUSALS: Final[dict[Any, str]] = {
    "denied": "AccessDeniedException",
    "throttled": "ProvisionedThroughputExceededException",
}
ROLES: Final = {"planoorder": "client", "planox2": "employee"}
OPEN: Final = {"deployed": True, "permissions": ["client", "employee"]}


def renew_clients() -> None:
    """Make the clients of the function anew, and let PynamoDB's tables use them."""
    from appointments import clients  # noqa: PLC0415 - moto first
    from appointments.tables.appointments import Appointment  # noqa: PLC0415
    from appointments.tables.records import Record  # noqa: PLC0415
    from appointments.tables.sessions import Session  # noqa: PLC0415

    clients.client.cache_clear()
    for table in (Session, Record, Appointment):
        table.connect()


def hash_of(token: str) -> str:
    """Return the sessions table's key of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class Response:
    """A response as a caller gets it."""

    code: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def status(self) -> str:
        """The contract's status."""
        return str(self.body["status"])

    def param_errors(self) -> dict[str, str]:
        """Return the parameters at fault, with their statuses."""
        return {error["param"]: error["status"] for error in self.body["errors"]}


@cache
def _boto3(service: str) -> Any:
    """Return boto3's client, made once: making it takes longer than most tests."""
    return boto3.Session(region_name=REGION).client(service)  # type: ignore[call-overload]


@cache
def _dynamodb() -> Any:
    return boto3.resource("dynamodb", region_name=REGION)


# What is called before a call is forwarded; it may raise instead.
Before = Callable[[], object]


class DynamoFaults:
    """The function's calls to DynamoDB, one at a time, and the faults injected into them.

    `inject` holds, by operation, what happens to the next calls: "refused" (it never arrives),
    "lost" (it arrives, its response does not), "down" (DynamoDB answers HTTP 500), "denied" (IAM
    forbids it), "throttled" (there is no capacity for it), "unprocessed" (there is capacity for one
    of its keys, and none for the last one), or a function that is called first.
    """

    def __init__(self, client: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.inject: dict[str, list[str | Before]] = {}
        self._events = client.meta.events
        self._turn = Lock()
        # botocore asks every handler, whatever the first one returns: moto's own would write too.
        self._events.unregister("before-send", botocore_stubber)
        self._events.register_first("before-send.dynamodb", self._send)

    def close(self) -> None:
        """Remove the hooks."""
        self._events.unregister("before-send.dynamodb", self._send)
        self._events.unregister("before-send", botocore_stubber)  # once, if they are nested
        self._events.register("before-send", botocore_stubber)

    def operations(self) -> list[str]:
        """Return the names of the calls in their order."""
        return [operation for operation, _ in self.calls]

    def _send(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.calls.append((operation, json.loads(cast(bytes, request.body))))
        planned = self.inject.get(operation)
        fault = planned.pop(0) if planned else None
        if callable(fault):
            fault()
        if fault == "refused":
            raise ConnectionClosedError(endpoint_url=request.url)
        if fault == "down":
            return AWSResponse(request.url, 500, HTTPHeaders(), MockRawResponse(b"{}"))
        left: dict[str, Any] = {}
        if fault == "unprocessed":
            left = _take_first_key(request)
            fault = None if left else "throttled"
        if fault in REFUSALS:
            refusal = MockRawResponse(json.dumps({"__type": REFUSALS[fault]}).encode())
            return AWSResponse(request.url, 400, HTTPHeaders(), refusal)
        with self._turn:  # DynamoDB's writes are atomic, moto's are not
            response = botocore_stubber(event_name, request)
        if left and response:
            body = json.loads(response.content) | {"UnprocessedKeys": left}
            raw = MockRawResponse(json.dumps(body).encode())
            return AWSResponse(request.url, 200, HTTPHeaders(), raw)
        if fault == "lost":
            raise ConnectionClosedError(endpoint_url=request.url)
        return response


def _take_first_key(request: AWSPreparedRequest) -> dict[str, Any]:
    """Leave one key in a BatchGetItem; return the others, nothing if there is only one."""
    asked = json.loads(cast(bytes, request.body))["RequestItems"]
    (name, first), *others = asked.items()
    key, *keys = first["Keys"]
    left = {**({name: {**first, "Keys": keys}} if keys else {}), **dict(others)}
    if left:
        request.body = json.dumps({"RequestItems": {name: {**first, "Keys": [key]}}}).encode()
    return left


def make_table(dynamodb: Any, name: str, called: str | None = None) -> Any:
    """Make one of the tables, as the template does, under its name or another; return it."""
    types = {TABLES[name]: "S"}
    indexes = []
    for index, hash_key, range_key, range_type, projection in INDEXES.get(name, ()):
        types |= {hash_key: "S", range_key: range_type}
        indexes.append(
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": hash_key, "KeyType": "HASH"},
                    {"AttributeName": range_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": projection},
            }
        )
    return dynamodb.create_table(
        TableName=called or name,
        KeySchema=[{"AttributeName": TABLES[name], "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in types.items()
        ],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _make() -> None:
    """Make the tables, the topic and the secret."""
    for name in TABLES:
        make_table(_dynamodb(), name)
    _boto3("sns").create_topic(Name="notifications")
    _boto3("secretsmanager").create_secret(Name="mandrill", SecretString="sandbox-key")


def _empty() -> None:
    """Empty what `_make` made, which is many times faster than to make it anew."""
    for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
        table.items.clear()
    _reset_notifications()


def _reset_notifications() -> None:
    for topic in sns_backends[ACCOUNT][REGION].topics.values():
        topic.sent_notifications.clear()
    _boto3("sns").create_topic(Name="notifications")  # a test may have deleted it


class FakeAws:
    """AWS on moto, with the sessions and records of the local stack, and what the function wrote.

    `out` is what it wrote to stdout, `payloads` what it returned; no token may be in either.
    """

    def __init__(self, faults: DynamoFaults, out: io.StringIO) -> None:
        self.faults, self.out = faults, out
        self.payloads: list[Any] = []
        self.tokens: set[str] = set()
        self.dynamodb = _dynamodb()
        if dynamodb_backends[ACCOUNT][REGION].tables:
            _empty()
        else:
            _make()
        self.seed()

    def seed(self) -> None:
        """Put the sessions and records of specification section 11."""
        now = int(time.time())
        kinds = seeds.kinds(now)
        no_address = {**kinds["session"], "email": ...}
        items = {
            "sessions": [
                self._session(f"{kind}-token", **attributes)
                for kind, attributes in {**kinds, "no-address": no_address}.items()
            ],
            "records": [
                {**record, **(OPEN if record["record"] == ROUTE_RECORD else {})}
                for record in seeds.RECORDS
            ],
        }
        self.dynamodb.batch_write_item(
            RequestItems={
                table: [{"PutRequest": {"Item": item}} for item in items[table]] for table in items
            }
        )

    def put_session(self, token: str, **attributes: Any) -> None:
        """Put a session of user 45, or what `attributes` make of it (`...` leaves one out)."""
        self.dynamodb.Table("sessions").put_item(Item=self._session(token, **attributes))

    def _session(self, token: str, **attributes: Any) -> dict[str, Any]:
        self.tokens.add(token)
        return seeds.session(token, **{"roles": ROLES, **attributes})

    def put_record(self, record: str, **attributes: Any) -> None:
        """Put a record."""
        self.dynamodb.Table("records").put_item(Item={"record": record, **attributes})

    def open_route(self, **attributes: Any) -> None:
        """Put the service and route records, open."""
        self.put_record("service#appointments", deployed=True)
        self.put_record(
            "route#appointments/create",
            **{**OPEN, **attributes},
        )

    def items(self, table: str = "appointments") -> list[dict[str, Any]]:
        """Return all items of a table."""
        items: list[dict[str, Any]] = self.dynamodb.Table(table).scan()["Items"]
        return items

    def item(self) -> dict[str, Any]:
        """Return the one appointment there is."""
        (item,) = self.items()
        return item

    def session(self, token: str = "no-address-token") -> dict[str, Any] | None:
        """Return a session's item as it is now."""
        key = hash_of(token)
        return next((item for item in self.items("sessions") if item["token_hash"] == key), None)

    def notifications(self) -> list[tuple[Any, ...]]:
        """Return what was published, as moto keeps it: id, message, subject, and more."""
        topics = sns_backends[ACCOUNT][REGION].topics.values()
        return [sent for topic in topics for sent in topic.sent_notifications]

    def facts(self) -> list[dict[str, Any]]:
        """Return the facts that a queue on the topic got, oldest first."""
        return [json.loads(json.loads(sent[1])["sqs"]) for sent in self.notifications()]

    def hand_to_keeper(self, *bodies: Any, sent_at: float | None = None) -> Any:
        """Hand messages of the queue to the keeper, in one batch; a text is a body as it is."""
        sent = str(int((sent_at or time.time()) * 1000))
        records = [
            {
                "messageId": f"message-{place}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"SentTimestamp": sent, "ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            }
            for place, body in enumerate(bodies)
        ]
        return self.invoke_keeper({"Records": records})

    def invoke_keeper(self, event: Any, context: Any = None) -> Any:
        """Invoke the keeper as Lambda does."""
        from appointments.tab import lambda_handler  # noqa: PLC0415 - moto first

        with redirect_stdout(self.out):
            return lambda_handler(event, context)

    def reset_notifications(self) -> None:
        """Drop what was published."""
        _reset_notifications()

    def invoke(self, event: Any, context: Any = None) -> Any:
        """Invoke the function as Lambda does."""
        (returned,) = self.invoke_at_once([event], context)
        return returned

    def invoke_at_once(self, events: Sequence[Any], context: Any = None) -> list[Any]:
        """Invoke the function with each event at the same moment."""
        from appointments.handler import lambda_handler  # noqa: PLC0415 - moto first

        with redirect_stdout(self.out):
            if len(events) == 1:
                returned = [lambda_handler(events[0], context)]
            else:
                with ThreadPoolExecutor(len(events)) as threads:
                    returned = list(threads.map(lambda_handler, events, repeat(context)))
        self.payloads += returned
        return returned

    def send(self, event: Any, context: Any = None) -> Response:
        """Send an event that gets one response."""
        return read_response(self.invoke(event, context))

    def post(self, *, token: Any = "no-address-token", **given: Any) -> Response:
        """Send a request with these parameters, of a session without an address by default."""
        return self.send(event(token=token, **given))

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """Return the lines of the log, or those with this message; every line must be JSON."""
        written = self.out.getvalue().encode()  # stdout is UTF-8, and has no lone surrogates
        lines = [json.loads(line) for line in written.split(b"\n") if line]
        return [line for line in lines if message is None or line.get("message") == message]

    def line(self, message: str) -> dict[str, Any]:
        """Return the one line with this message."""
        (line,) = self.lines(message)
        return line

    def leaks(self) -> set[str]:
        """Return the places in which there is a token and must not be."""
        places = {
            "answers": [without_token(payload) for payload in self.payloads],
            "log": self.out.getvalue(),
            "items": [
                item.to_json()
                for table in TABLES
                for item in dynamodb_backends[ACCOUNT][REGION].tables[table].all_items()
            ],
            "notifications": self.notifications(),
        }
        return {
            place
            for place, found in places.items()
            if any(
                token in (found if isinstance(found, str) else repr(found)) for token in self.tokens
            )
        }


def without_token(payload: Any) -> Any:
    """Return a payload with its body read and without the one place that may hold a token."""
    if isinstance(payload, list):
        return [without_token(each) for each in payload]
    if not (isinstance(payload, dict) and payload.get("body")):
        return payload
    body = json.loads(payload["body"])
    if isinstance(body.get("session"), dict):
        body["session"].pop("token", None)
    return {**payload, "body": body}


def event(
    *,
    token: str | None = "session-token",
    headers: dict[str, str] | None = None,
    request_id: str = "req-1",
    raw: str | None = None,
    **params: Any,
) -> dict[str, Any]:
    """Return an HTTP API event: a good request with `params`, or with the body `raw`."""
    if raw is None:
        sent = {"token": token, "updated_at_mt": "2026-11-22 10:00:00", **params}
        raw = json.dumps({name: value for name, value in sent.items() if value is not ...})
    return http_api(Request(raw=raw, headers=JSON if headers is None else headers, id=request_id))


def rest(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as a REST API sends it (payload format 1.0)."""
    context = event["requestContext"]
    return rest_api(
        Request(
            raw=event["body"],
            headers=event["headers"],
            method=context["http"]["method"],
            path=event["rawPath"],
            id=context["requestId"],
        )
    )


def read_response(payload: dict[str, Any]) -> Response:
    """Read a payload as API Gateway would: its body is UTF-8."""
    return Response(payload["statusCode"], payload["headers"], json.loads(payload["body"].encode()))
