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
from appointments.email.circuit import Circuit
from appointments.observability import logger
from appointments.tables.keys import CIRCUIT_RECORD
from tests.faults.io_boundary import SEND, Died, Fault, IoBoundary, Kind
from tests.faults.limits import small_limits
from tests.faults.mandrill import Mandrill
from tests.faults.observed import ObservedResponse, Wait
from tests.support.environment import reset_environment
from tests.support.fake_aws import ACCOUNT, REGION, TABLES, FakeAws, renew_clients
from tests.support.fast_moto import fast_moto

START = 1_800_000_000
BOOKER, PAT, REX, CORRECTED = (
    "booker@planomatic.test",
    "pat@planomatic.test",
    "rex@rejected.test",
    "rex@planomatic.test",
)
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
class Simulation:
    """One simulation for all runs; `begin` resets it for each run.

    `is_alone`: one invocation runs at a time, so that what was stored meanwhile was stored by it.
    `workers` and `late` are the events of the asynchronous invocations that Lambda has accepted.
    """

    aws: FakeAws
    boundary: IoBoundary
    clock: time_machine.Traveller
    mandrill: Mandrill = field(default_factory=Mandrill)
    published: list[dict[str, Any]] = field(default_factory=list)
    answers: list[ObservedResponse] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    is_alone: bool = True
    workers: list[dict[str, Any]] = field(default_factory=list)
    late: list[dict[str, Any]] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    injected: int = 0
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
        self.aws.put_record("user#502", name="Rex", email=CORRECTED)
        self.original_records = pickle.dumps(_table("records").items)

    def begin(self) -> None:
        """Reset everything to the state before the first request."""
        self.clock.move_to(START)
        for name, items in self.seeds.items():
            _table(name).items = pickle.loads(items)  # noqa: S301 - our own
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()  # it would only grow
        # moto, which sets the attribute, would keep every item that it has made.
        Item.instances_tracked.clear()  # type: ignore[attr-defined]
        self.mandrill.found.clear()
        self.published.clear()
        self.answers.clear()
        self.workers.clear()
        self.late.clear()
        self.waits.clear()
        self.injected = 0
        self.log.seek(0)
        self.log.truncate()
        self.boundary.trace.clear()
        self.boundary.faults, self.boundary.standing = {}, {}
        self.boot()

    def boot(self) -> None:
        """Begin a new execution environment, with nothing in memory."""
        reset_environment()

    def restore_records(self) -> None:
        """Correct the address that Mandrill refuses."""
        _table("records").items = pickle.loads(self.original_records)  # noqa: S301 - our own

    def arm(self, faults: Iterable[Fault]) -> None:
        """Inject these faults from now on; the numbers of the effects start again."""
        self.boundary.trace.clear()
        self.boundary.faults = {fault.at: fault.kind for fault in faults}
        self.injected += len(self.boundary.faults)

    def invoke(self, event: dict[str, Any]) -> Any:
        """Invoke the function; return None if its process died."""
        context = SimpleNamespace(aws_request_id="invocation", invoked_function_arn=_FUNCTION)
        try:
            return handler.lambda_handler(event, context)
        except Died:
            self.boot()
            return None

    def deliver(self, event: dict[str, Any], uuid: str) -> dict[str, Any] | None:
        """Deliver a request, and record the response that its caller got, or None."""
        was_stored = not self.is_alone or self.is_stored(uuid)
        is_open, calls = self.circuit().is_open(self.now()), len(self.boundary.trace)
        payload = self.invoke(event)
        if self.is_alone and "requestContext" in event and SEND in self.boundary.trace[calls:]:
            is_outage = self.boundary.standing.get(SEND) is Kind.ERROR_BEFORE
            self.waits.append(Wait(event["requestContext"]["requestId"], is_open, is_outage))
        if payload is None:
            return None
        body: dict[str, Any] = json.loads(payload["body"])
        self.answers.append(
            ObservedResponse(
                body["request_id"],
                uuid,
                body["status"],
                body["saved"],
                was_stored,
                self.is_stored(uuid),
            )
        )
        return body

    def is_stored(self, uuid: str) -> bool:
        """Whether the appointments table has an item."""
        return any(item["uuid"] == uuid for item in self.items())

    def circuit(self) -> Circuit:
        """Return what is in the circuit breaker's record."""
        raws = [record.to_json()["Attributes"] for record in _table("records").all_items()]
        found = [raw for raw in raws if raw["record"]["S"] == CIRCUIT_RECORD]
        return Circuit.from_raw(found[0] if found else None)

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


_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:appointments:live"


def _table(name: str) -> Any:
    """Return moto's own table: through its API the harness would cost more than what it tests."""
    return dynamodb_backends[ACCOUNT][REGION].tables[name]


def _record_published(simulation: list[Simulation], name: str, body: Any) -> None:
    """Record a notification that SNS accepted."""
    if name == "Publish":
        sent = parse_qs(body.decode() if isinstance(body, bytes) else body)
        simulation[0].published.append(json.loads(json.loads(sent["Message"][0])["sqs"]))


def _accept(simulation: list[Simulation], event: dict[str, Any], *, is_late: bool) -> None:
    """Record an event that Lambda accepted for an asynchronous invocation."""
    (simulation[0].late if is_late else simulation[0].workers).append(event)


@contextmanager
def simulation() -> Iterator[Simulation]:
    """Create the one simulation of this process, and restore everything at the end."""
    found = Mandrill()
    made: list[Simulation] = []
    boundary = IoBoundary(
        found,
        lambda name, body: _record_published(made, name, body),
        lambda event, is_late: _accept(made, event, is_late=is_late),
    )
    with (
        time_machine.travel(START, tick=False) as clock,
        mock_aws(),
        boundary.installed(clients._SESSION),
        small_limits(),
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
