"""What the faults are injected into: AWS on moto, Mandrill's model, a clock, and the function."""

import io
import json
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import time_machine
from boto3.dynamodb.types import TypeDeserializer
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.sns.models import sns_backends

from appointments import clients, create, handler
from appointments.email import outbox, overdue, retries
from appointments.observability import logger
from appointments.tables import appointments, keys
from tests.faults.io_boundary import Died, Fault, IoBoundary
from tests.faults.mandrill import Mandrill
from tests.support.environment import reset_environment
from tests.support.fake_aws import ACCOUNT, REGION, TABLES, FakeAws, renew_clients
from tests.support.fast_moto import fast_moto

START = 1_800_000_000
BOOKER, PAT, REX, MENDED = (
    "booker@planomatic.test",
    "pat@planomatic.test",
    "rex@rejected.test",
    "rex@planomatic.test",
)
TRIES = 2
SECRETS = ("session-token", "fresh-token", "sandbox-key")


class _AtOnce:
    """A thread that does its work when it is started, so that each run has one order."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.target, self.args = target, args

    def start(self) -> None:
        self.target(*self.args)

    def join(self, _: float) -> None:
        """Nothing is left to wait for."""


@dataclass
class Answered:
    """An answer of the function, and the request it answers."""

    request_id: str
    status: str
    saved: bool | None
    was_stored: bool
    is_stored: bool


@dataclass
class Simulation:
    """One simulation for all runs; `begin` resets it for each run.

    `is_alone` tells that one invocation runs at a time, so that what was stored meanwhile is its.
    """

    aws: FakeAws
    boundary: IoBoundary
    clock: time_machine.Traveller
    mandrill: Mandrill = field(default_factory=Mandrill)
    published: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    is_alone: bool = True
    seeds: dict[str, bytes] = field(default_factory=dict)
    original_records: bytes = b""

    def __post_init__(self) -> None:
        self.aws.put_session(
            "session-token", email=BOOKER, created_at=START - 3600, last_used_at=START - 600
        )
        self.aws.put_session(
            "fresh-token", email=BOOKER, created_at=START - 3600, last_used_at=START - 1
        )
        self.seeds = {name: pickle.dumps(_table(name).items) for name in TABLES}
        self.aws.put_record("user#502", name="Rex", email=MENDED)
        self.original_records = pickle.dumps(_table("records").items)

    def begin(self) -> None:
        """Reset everything to the state before the first request."""
        self.clock.move_to(START)
        for name, items in self.seeds.items():
            _table(name).items = pickle.loads(items)  # noqa: S301 - our own
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()  # it would only grow
        # Nor need moto, which sets the attribute, remember every item that ever was.
        Item.instances_tracked.clear()  # type: ignore[attr-defined]
        self.mandrill.found.clear()
        self.published.clear()
        self.answers.clear()
        self.log.seek(0)
        self.log.truncate()
        self.boundary.trace.clear()
        self.boundary.faults, self.boundary.standing = {}, {}
        self.boot()

    def boot(self) -> None:
        """Begin a new execution environment: what the last one had in memory is gone."""
        reset_environment()

    def restore_records(self) -> None:
        """Correct the address that Mandrill refuses."""
        _table("records").items = pickle.loads(self.original_records)  # noqa: S301 - our own

    def arm(self, faults: Iterable[Fault]) -> None:
        """Inject these faults from now on; the numbers of the effects start again."""
        self.boundary.trace.clear()
        self.boundary.faults = {fault.at: fault.kind for fault in faults}

    def invoke(self, event: dict[str, Any]) -> Any:
        """Invoke the function; None where its process died."""
        try:
            return handler.lambda_handler(event, SimpleNamespace(aws_request_id="invocation"))
        except Died:
            self.boot()
            return None

    def deliver(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Deliver a request, and remember the response that its caller got, or None."""
        was_stored = not self.is_alone or bool(self.items())
        payload = self.invoke(event)
        if payload is None:
            return None
        body: dict[str, Any] = json.loads(payload["body"])
        self.answers.append(
            Answered(
                body["request_id"], body["status"], body["saved"], was_stored, bool(self.items())
            )
        )
        return body

    def now(self) -> int:
        """Return what the clock says."""
        return int(time.time())

    def items(self) -> list[dict[str, Any]]:
        """Return what is in the appointments table."""
        read = TypeDeserializer().deserialize
        found = [item.to_json()["Attributes"] for item in _table("appointments").all_items()]
        return [{name: read(value) for name, value in item.items()} for item in found]

    def lines(self) -> list[dict[str, Any]]:
        """Return the function's log lines, its metrics among them."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def _table(name: str) -> Any:
    """Return moto's own table: through its API the harness would cost more than what it tests."""
    return dynamodb_backends[ACCOUNT][REGION].tables[name]


def _seen(simulation: list[Simulation], name: str, body: Any) -> None:
    """Remember what SNS took."""
    if name == "Publish":
        sent = parse_qs(body.decode() if isinstance(body, bytes) else body)
        simulation[0].published.append(json.loads(json.loads(sent["Message"][0])["sqs"]))


@contextmanager
def simulation() -> Iterator[Simulation]:
    """Create the one simulation of this process, and restore everything at the end."""
    found = Mandrill()
    made: list[Simulation] = []
    boundary = IoBoundary(found, lambda name, body: _seen(made, name, body))
    with (
        time_machine.travel(START, tick=False) as clock,
        mock_aws(),
        boundary.installed(clients._SESSION),
        # One of eight equal queries is enough here; the tests of the email have all eight.
        patch.object(overdue, "SHARDS", ("0",)),
        patch.object(keys, "SHARDS", ("0",)),
        # Two tries in place of five: the request's, and the schedule's last.
        patch.object(appointments, "MAX_TRIES", TRIES),
        patch.object(retries, "MAX_TRIES", TRIES),
        patch.object(outbox, "MAX_TRIES", TRIES),
        fast_moto(),
        patch.object(create, "threading", SimpleNamespace(Thread=_AtOnce)),
        # The pause after a failed publish ends with the clock's time too.
        patch("time.monotonic", time.time),
    ):
        renew_clients()
        # Its own faults stay unused: the boundary injects them.
        aws = FakeAws(None, io.StringIO())  # type: ignore[arg-type]
        one = Simulation(aws, boundary, clock, found)
        made.append(one)
        stream = logger.handlers[0].setStream(one.log)  # type: ignore[attr-defined]
        with redirect_stdout(one.log):
            yield one
        logger.handlers[0].setStream(stream)  # type: ignore[attr-defined]
    renew_clients()
    assert time.time() != START
