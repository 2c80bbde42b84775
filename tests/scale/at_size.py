"""What operators look through at size: 10,000 notifications, and a log of 100,000 lines."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tests.support.filtered_log import Line

NOTIFICATIONS: Final = 10_000
REQUESTS: Final = 33_333
LINES: Final = 3 * REQUESTS + 1
DAYS: Final = 30
PHOTOGRAPHERS: Final = 150
# The newest open notifications are one storm.
STORM: Final = 1_240
_OPEN: Final = 2_000
_NOTIFIED_DAYS: Final = 7
_TEXT: Final = "A house with a garden, a garage, and a key under the mat. " * 8


def uuid_of(number: int) -> str:
    """Return the appointment of a request; the newest request is number 0."""
    return str(UUID(int=(0xA << 124) + number))


def received_at(now: datetime, number: int) -> datetime:
    """Return when a request came: they come evenly over thirty days, the last one a minute ago."""
    return now - timedelta(minutes=1) - number * timedelta(days=DAYS) / REQUESTS


def order_of(number: int) -> int:
    """Return the order that a request names: three requests, one after the other, name each."""
    return 1_000 + number // 3


def photographer_of(number: int) -> int:
    """Return the photographer that a request names."""
    return 500 + number % PHOTOGRAPHERS


def lines(now: datetime) -> Iterator[Line]:
    """Yield the log: of each request its own line, that of its email, and its response."""
    for number in range(REQUESTS):
        at = received_at(now, number)
        request_id, uuid, status = f"request-{number}", uuid_of(number), "action-successful"
        params = {
            "updated_at_mt": "2026-11-20T10:00:00",
            "description": _TEXT,
            "order_id": str(order_of(number)),
            "photographer_user_id": photographer_of(number),
            **({"uuid": uuid} if number % 2 else {}),
        }
        recipient = {"email": f"user{number}@planomatic.test", "status": "sent"}
        entries: list[dict[str, Any]] = [
            {"message": "request", "received_at": iso(at), "params": params, "unknown": []},
            {
                "message": "email",
                "uuid": uuid,
                "trigger": "request",
                "status": "sent",
                "tries": 1,
                "recipients": [recipient],
            },
            {"message": "response", "uuid": uuid, "status": status, "code": 200, "saved": True},
        ]
        for place, entry in enumerate(entries):
            moment = at + timedelta(milliseconds=90 * place)
            head = {"level": "INFO", "timestamp": iso(moment), "request_id": request_id}
            text = json.dumps(head | entry)
            yield Line(int(moment.timestamp() * 1000), f"stream-{number % 20}", text)
    yield Line(int(now.timestamp() * 1000), "schedule", json.dumps({"message": "schedule"}))


def appointment(now: datetime, number: int) -> dict[str, Any]:
    """Return the item of a request."""
    return {
        "uuid": uuid_of(number),
        "request_id": f"request-{number}",
        "received_at": iso(received_at(now, number)),
        "order_id": order_of(number),
        "email_status": "sent",
        "email_tries": 1,
    }


def notifications(now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the items of the notifications table, the newest first: a storm, then all kinds."""
    for number in range(NOTIFICATIONS):
        is_storm, is_open = number < STORM, number < _OPEN
        came_at = now - (
            timedelta(milliseconds=300 * number)
            if is_storm
            else timedelta(minutes=30) + number * timedelta(days=_NOTIFIED_DAYS) / NOTIFICATIONS
        )
        state = "open" if is_open else ("resolved", "dismissed")[number % 2]
        address = f"user{number}@planomatic.test"
        is_crash = not is_storm and number % 3 == 0
        yield {
            "notification_id": f"notification-{number}",
            "stage": "prod",
            "service": "appointments-create",
            "status": "application-crash" if is_crash else "mandrill-email-failed",
            "reason": (
                f"user#{number}: email is not a text" if is_crash else f"{address} rejected"
            ),
            "request_id": f"request-{number}",
            "received_at": iso(came_at),
            "uuid": uuid_of(number),
            "saved": True,
            "owner": "user 45",
            "recipients": [{"email": address, "roles": ["photographer"], "status": "rejected"}],
            "log_group": "/aws/lambda/appointments",
            "log_query": "fields @timestamp, @message | filter request_id = 'x' | sort @timestamp",
            "replay": f"replay --request-id request-{number} --since {iso(came_at)}",
            "repair": f"Correct user#{number}.",
            "recovery": "Nothing recovers automatically.",
            "chapter": "docs/operations.md#mandrill",
            "storm": "more" if number else "first",
            "came_at": iso(came_at),
            "day": came_at.date().isoformat(),
            "state": state,
            **({"open": "open"} if is_open else {}),
            "history": [],
            "ttl": int((came_at + timedelta(days=365)).timestamp()),
        }


def iso(moment: datetime) -> str:
    """Return a moment as items and the log have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
