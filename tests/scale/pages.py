"""The pages of the console at size: what each one calls and reads, and how long it takes.

AWS is in this process: the tables on moto, and a log that is filtered as CloudWatch does it.
"""

import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from starlette.testclient import TestClient

from appointments_operator.layout import counted
from appointments_operator.web.app import create_app
from appointments_operator.web.cached_deployment import CachedDeployment
from tests.scale import at_size
from tests.scale.notification_index import NotificationIndex
from tests.scale.results import Result
from tests.support.fake_aws import ACCOUNT, REGION, make_table
from tests.support.fast_moto import fast_moto
from tests.support.filtered_log import FilteredLog
from tests.support.htmx import next_part

MAX_SECONDS: Final = 1
_MAX_WHOLE: Final = 10
_KEY: Final = "key"
_PORT: Final = 4568
_ORIGIN: Final = f"http://127.0.0.1:{_PORT}"
_NAMES: Final = {
    "LogGroup": "/aws/lambda/appointments",
    "FunctionAlias": "appointments:live",
    "RecordsTable": "records",
    "AppointmentsTable": "appointments",
    "NotificationsTable": "notifications",
    "KeeperFunction": "appointments-keeper",
}


@dataclass
class Visit:
    """What one request of a page caused: its calls, what they read, and the seconds it took."""

    text: str
    calls: Counter[str]
    read: Counter[str]
    seconds: float


class Console:
    """The console at size, and what it calls."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._calls: Counter[str] = Counter()
        self._read: Counter[str] = Counter()
        assert boto3.DEFAULT_SESSION
        events: Any = boto3.DEFAULT_SESSION.events
        # botocore asks every handler, whatever the first one returns.
        events.unregister("before-send", botocore_stubber)
        events.register("before-send", self._respond)
        events.register("after-call", self._count)
        self._log = FilteredLog(at_size.lines(now))
        tables = dynamodb_backends[ACCOUNT][REGION].tables
        write = TypeSerializer().serialize
        items = [
            {key: write(value) for key, value in item.items()}
            for item in at_size.notifications(now)
        ]
        self._index = NotificationIndex(items)
        for item in items:
            tables["notifications"].put_item(item)
        appointment = at_size.appointment(now, OLD)
        tables["appointments"].put_item({key: write(each) for key, each in appointment.items()})
        deployment = CachedDeployment(None, REGION, None, dict(_NAMES))
        self._browser = TestClient(
            create_app(deployment, _KEY, _PORT), base_url=_ORIGIN, headers={"Origin": _ORIGIN}
        )

    def get(self, path: str, **query: Any) -> Visit:
        """Show a page, or a part of one."""
        return self._visit(path, params=query)

    def follow(self, shown: Visit) -> Visit:
        """Load the next part that htmx would load."""
        path = next_part(shown.text) or next_part(shown.text, on_click="go-on")
        assert path
        return self._visit(path.removeprefix(f"/{_KEY}"))

    def _visit(self, path: str, **sent: Any) -> Visit:
        self._calls, self._read = Counter(), Counter()
        began = time.perf_counter()
        shown = self._browser.get(f"/{_KEY}{path}", **sent)
        seconds = time.perf_counter() - began
        assert shown.status_code == 200, (path, shown.text)
        return Visit(shown.text, self._calls, self._read, seconds)

    def _respond(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        if operation == "FilterLogEvents":
            return self._log.respond(request)
        if operation == "Query":
            call = json.loads(cast(bytes, request.body))
            if call["TableName"] == "notifications":
                return self._index.respond(call)
        return botocore_stubber(event_name, request)

    def _count(self, model: Any, parsed: Any, **_: Any) -> None:
        self._calls[model.name] += 1
        for name in ("Items", "events"):
            self._read[name] += len(parsed.get(name, ()))
        self._read["Items"] += "Item" in parsed


@contextmanager
def console() -> Iterator[Console]:
    """Serve the console on 10,000 notifications and 100,000 log lines."""
    now = datetime.now(UTC)
    with fast_moto(), mock_aws():
        boto3.setup_default_session(region_name=REGION)
        dynamodb = boto3.resource("dynamodb")
        for name in ("records", "appointments", "notifications"):
            make_table(dynamodb, name)
        served = Console(now)
        gc.freeze()  # what stands in for AWS is no garbage of the console
        yield served
        gc.unfreeze()
        boto3.DEFAULT_SESSION = None


# The request whose story is read came twenty days ago.
OLD: Final = at_size.REQUESTS * 2 // 3


def visits(one: Console) -> dict[str, Callable[[], Visit]]:
    """Return what is visited, by what the page of figures calls it."""
    everything = partial(one.get, "/", state="", span="30d")
    return {
        "the list": partial(one.get, "/"),
        "search by status": partial(everything, status="application-crash"),
        "search by reason": partial(everything, q="user#1800: email is not a text"),
        "search by recipient, the first part": partial(everything, q="user9000@"),
        "search by appointment, the first part": partial(everything, q=at_size.uuid_of(9000)),
        "a storm opened": partial(one.get, "/storm/notification-0"),
        "the page of an appointment": partial(one.get, "/appointment", q=at_size.uuid_of(OLD)),
        **{
            f"the story {name}, the first part": partial(one.get, "/story", **asked)
            for name, asked in STORIES.items()
        },
        "Health": partial(one.get, "/health"),
        "Health's plots": partial(one.get, "/health/plots"),
    }


STORIES: Final[dict[str, dict[str, Any]]] = {
    "of a uuid": {"q": at_size.uuid_of(OLD), "span": "365d"},
    "of an order": {"order": at_size.order_of(OLD)},
    "of a photographer": {"photographer": at_size.photographer_of(OLD)},
}


def whole_story(one: Console, **asked: Any) -> list[Visit]:
    """Load a story to its end, part by part."""
    parts = [one.get("/story", **asked)]
    while 'id="next"' in parts[-1].text:
        parts.append(one.follow(parts[-1]))
    return parts


def console_pages() -> Result:
    """Visit each page twice; the second time counts, when the clients are made."""
    result = Result("console-pages")
    with console() as one:
        for name, visit in visits(one).items():
            visit()
            _expect(result, name, [visit()], MAX_SECONDS)
        for name, asked in STORIES.items():
            _expect(result, f"the story {name}, whole", whole_story(one, **asked), _MAX_WHOLE)
    return result


def _expect(result: Result, name: str, seen: Sequence[Visit], limit: int) -> None:
    """Add what was seen as a goal."""
    seconds = sum(each.seconds for each in seen)
    calls, read = sum_of(each.calls for each in seen), sum_of(each.read for each in seen)
    parts = f"{len(seen)} parts, " if len(seen) > 1 else ""
    result.expect(
        f"console, {at_size.NOTIFICATIONS:,} notifications, {at_size.LINES:,} log lines: "
        f"{name} within {limit} s",
        f"{seconds * 1000:,.0f} ms, {parts}{counted(calls.total(), 'call')}, "
        f"{read['Items']:,} items and {read['events']:,} lines",
        is_met=seconds <= limit,
    )


def sum_of(counters: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of what several visits counted."""
    return sum(counters, Counter[str]())
