"""The world around the function on moto: tables, topic, secret, seeds, and requests to send."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import boto3

TABLES = {
    "sessions": "token_hash",
    "records": "record",
    "appointments": "uuid",
}
PATH = "/api/v1/appointments/create"
DAY = 24 * 3600


def hash_of(token: str) -> str:
    """Return the sessions table's key of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class Answer:
    """An answer as a caller sees it."""

    code: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def status(self) -> str:
        """The contract's status."""
        return str(self.body["status"])

    def faults(self) -> dict[str, str]:
        """Return the parameters at fault, with their statuses."""
        return {error["param"]: error["status"] for error in self.body["errors"]}


class World:
    """AWS on moto, seeded as the local stack is."""

    def __init__(self) -> None:
        self.dynamodb = boto3.resource("dynamodb")
        for name, key in TABLES.items():
            extra: dict[str, Any] = {}
            attributes = [{"AttributeName": key, "AttributeType": "S"}]
            if name == "appointments":
                attributes += [
                    {"AttributeName": "owed", "AttributeType": "S"},
                    {"AttributeName": "due", "AttributeType": "N"},
                ]
                extra["GlobalSecondaryIndexes"] = [
                    {
                        "IndexName": "owed",
                        "KeySchema": [
                            {"AttributeName": "owed", "KeyType": "HASH"},
                            {"AttributeName": "due", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }
                ]
            self.dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=attributes,
                BillingMode="PAY_PER_REQUEST",
                **extra,
            )
        boto3.client("sns").create_topic(Name="notifications")
        boto3.client("secretsmanager").create_secret(Name="mandrill", SecretString="sandbox-key")
        self.seed()

    def seed(self) -> None:
        """Put the sessions and records of specification section 11."""
        now = int(time.time())
        fresh = {"created_at": now - DAY, "last_used_at": now - 60}
        for name, extra in {
            "session": {"email": "booker@planomatic.test", **fresh},
            "silent": fresh,
            "remember_me": {"remember_me": True, "created_at": now - 900 * DAY, "last_used_at": 0},
            "application": {"kind": "application"},
            "expired": {"created_at": now - 8 * DAY, "last_used_at": now - 60},
            "idle": {"created_at": now - 6 * DAY, "last_used_at": now - 4 * DAY},
            "no_roles": {"roles": {}, **fresh},
            "revoked": {"revoked": True, **fresh},
        }.items():
            self.put_session(f"{name}-token", **extra)
        for record, extra in {
            "order#1001": {},
            "order_request#2001": {},
            "order_request_appt#3001": {},
            "user#501": {"name": "Pat", "email": "pat@planomatic.test"},
            "user#502": {"name": "Rex", "email": "rex@rejected.test"},
            "user#503": {"name": "Sam"},
        }.items():
            self.put_record(record, **extra)
        self.open_route()

    def put_session(self, token: str, **attributes: Any) -> None:
        """Put a session of user 45, or what `attributes` make of it."""
        item = {
            "token_hash": hash_of(token),
            "uuid": f"{hash_of(token)[:8]}-0000-4000-8000-000000000000",
            "kind": "session",
            "user_id": 45,
            "name": "Bo Booker",
            "roles": {"planoorder": "client", "planox2": "employee"},
            "remember_me": False,
            **attributes,
        }
        if item["kind"] == "application":
            del item["user_id"]
        self.dynamodb.Table("sessions").put_item(Item=item)

    def put_record(self, record: str, **attributes: Any) -> None:
        """Put a record."""
        self.dynamodb.Table("records").put_item(Item={"record": record, **attributes})

    def open_route(self, **attributes: Any) -> None:
        """Put the service and route records, open."""
        self.put_record("service#appointments", deployed=True)
        self.put_record(
            "route#appointments/create",
            **{"deployed": True, "permissions": ["client", "employee"], **attributes},
        )

    def items(self, table: str = "appointments") -> list[dict[str, Any]]:
        """Return all items of a table."""
        items: list[dict[str, Any]] = self.dynamodb.Table(table).scan()["Items"]
        return items


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
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": PATH,
        "headers": {"content-type": "application/json"} if headers is None else headers,
        "requestContext": {"requestId": request_id, "http": {"method": "POST", "path": PATH}},
        "body": raw,
        "isBase64Encoded": False,
    }


def answer(payload: dict[str, Any]) -> Answer:
    """Read a payload as API Gateway would."""
    return Answer(payload["statusCode"], payload["headers"], json.loads(payload["body"]))
