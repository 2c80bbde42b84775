"""The world around the function: callers, the schedule, workers, Mandrill and the environments."""

import contextlib
import copy
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qs
from uuid import UUID, uuid5

import time_machine
from moto import mock_aws
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from appointments import clients, handler, notifier
from appointments.elapsed import LONG_AGO, Moment
from appointments.email import schedule, workers
from appointments.observability import logger
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.tables.keys import CIRCUIT_RECORD, MAX_KEYS, shard_of
from tests.faults import io_boundary
from tests.faults.mandrill import Mandrill
from tests.scale.boundary import TimedBoundary
from tests.scale.cpu import Cpu
from tests.scale.index import SparseIndex, appointments, project
from tests.scale.virtual_time import Process, VirtualTime
from tests.support.environment import reset_environment
from tests.support.fake_aws import FakeAws, event, renew_clients
from tests.support.fast_moto import fast_moto

START: Final = 1_800_000_000
LIMIT_SECONDS: Final = 29.0
# The first invocation of an execution environment waits for INIT (bench/REPORT.md, at 512 MB).
COLD_SECONDS: Final = 0.55
ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:appointments:live"
TOKEN: Final = "scale-token"
_IDS: Final = UUID("9c0c2f6e-6f0e-4f0b-8a55-5e1fb1a0f0aa")


@dataclass
class Answer:
    """What a caller got: when the request came, how long it took, and what it said."""

    at: float
    seconds: float
    status: str


@dataclass
class Environment:
    """What an execution environment keeps between invocations."""

    publish_failed: Moment = LONG_AGO


class IndexedMandrill(Mandrill):
    """The model of Mandrill, with what it has by appointment, and the times of its calls."""

    def __init__(self, virtual: VirtualTime) -> None:
        super().__init__()
        self._virtual = virtual
        self.by_uuid: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sent_at: list[float] = []
        self.searched_at: list[float] = []

    def __call__(self, path: str, call: dict[str, Any]) -> tuple[int, Any]:
        """Respond to a call: HTTP status and JSON."""
        if path == "messages/search":
            self.searched_at.append(self._virtual.now)
            asked = re.findall(r'u_appointment_uuid:"([^"]+)"', call["query"])
            return 200, [one for uuid in asked for one in self.by_uuid.get(uuid, ())][
                : call["limit"]
            ]
        status, results = super().__call__(path, call)
        new = self.found[-len(results) :]
        self.by_uuid[call["message"]["metadata"]["appointment_uuid"]] += new
        self.sent_at.append(self._virtual.now)
        return status, results

    def count_doubles(self) -> int:
        """Return how many recipients of an appointment got its email more than once."""
        return sum(
            number > 1
            for each in self.by_uuid.values()
            for number in Counter(one["email"] for one in each if one["state"] == "sent").values()
        )


class Sink:
    """The log: how many bytes it has, by kind of invocation, and what is counted in it."""

    def __init__(self, virtual: VirtualTime) -> None:
        self._virtual = virtual
        self.bytes: Counter[str] = Counter()
        self.metrics: Counter[str] = Counter()

    def write(self, text: str) -> int:
        """Take a part of the log."""
        kind = self._virtual.running.kind if self._virtual.running else ""
        self.bytes[kind] += len(text.encode())
        if '"_aws"' in text:
            for name, value in json.loads(text).items():
                if isinstance(value, list):
                    self.metrics[name] += sum(value)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""


@dataclass
class World:
    """One simulation. `answers` is what callers got, `owed` how many emails were owed when."""

    virtual: VirtualTime
    boundary: TimedBoundary
    mandrill: IndexedMandrill
    index: SparseIndex
    aws: FakeAws
    log: Sink
    photographer: int | None = 501
    answers: list[Answer] = field(default_factory=list)
    owed: list[tuple[float, int]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    invoked: Counter[str] = field(default_factory=Counter)
    busy: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    _idle: list[Environment] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def invoke(
        self, kind: str, payload: dict[str, Any], done: Callable[[Any, float], None]
    ) -> None:
        """Invoke the function now, in an idle environment or a new one."""
        asked_at = self.virtual.now
        environment = self._idle.pop() if self._idle else None
        begins_at = asked_at + (0 if environment else COLD_SECONDS)
        environment = environment or Environment()
        self.busy[kind] += 1
        self.peak = max(self.peak, self.busy.total())
        self.virtual.at(begins_at, lambda: self._start(kind, payload, done, environment, asked_at))

    def _start(
        self,
        kind: str,
        payload: dict[str, Any],
        done: Callable[[Any, float], None],
        environment: Environment,
        asked_at: float,
    ) -> None:
        begins_at = self.virtual.now

        def enter() -> None:
            notifier._LastFailure.at = environment.publish_failed

        def leave() -> None:
            environment.publish_failed = notifier._LastFailure.at

        context = SimpleNamespace(
            aws_request_id=f"invocation-{next(self._numbers)}",
            invoked_function_arn=ARN,
            get_remaining_time_in_millis=lambda: (
                (begins_at + LIMIT_SECONDS - self.virtual.now) * 1000
            ),
        )

        def run() -> None:
            self.boundary.cpu.resume()
            result = handler.lambda_handler(payload, context)
            self.virtual.wait(self.boundary.cpu.seconds(kind, "end"))
            leave()
            self._idle.append(environment)
            self.busy[kind] -= 1
            self.invoked[kind] += 1
            self.durations[kind].append(self.virtual.now - begins_at)
            done(result, self.virtual.now - asked_at)

        self.virtual.start(Process(kind, enter, leave), run)

    def request(self, uuid: str | None = None) -> None:
        """Send a caller's request for an appointment now."""
        number = next(self._numbers)
        at = self.virtual.now
        payload = event(
            token=TOKEN,
            uuid=uuid or str(uuid5(_IDS, str(number))),
            photographer_user_id=self.photographer,
            request_id=f"request-{number}",
        )

        def done(result: Any, seconds: float) -> None:
            self.answers.append(Answer(at, seconds, json.loads(result["body"])["status"]))

        self.invoke("request", payload, done)

    def arrive(self, per_second: float, begin: float, end: float) -> None:
        """Send requests at even distances from `begin` to `end` (seconds after the start)."""
        for number in range(round((end - begin) * per_second)):
            self.virtual.at(START + begin + number / per_second, self.request)

    def run_schedule(self, begin: float, end: float, phase: float = 0.0) -> None:
        """Run the schedule every minute."""
        at = begin + phase
        while at < end:
            self.virtual.at(START + at, self._run_once)
            at += 60

    def _run_once(self) -> None:
        at = self.virtual.now
        self.invoke(
            "run",
            {"schedule": "owed"},
            lambda result, seconds: self.runs.append(
                {"at": at - START, "seconds": seconds, **result}
            ),
        )

    def sample(self, begin: float, end: float, every: float = 5.0) -> None:
        """Record every few seconds how many emails are pending, except of running requests."""
        at = begin
        while at <= end:
            self.virtual.at(START + at, self._record_pending)
            at += every

    def _record_pending(self) -> None:
        number = max(len(self.index) - self.busy["request"], 0)
        self.owed.append((self.virtual.now - START, number))

    def take_worker(self, payload: dict[str, Any]) -> None:
        """Take an asynchronous invocation, which begins at once."""
        self.invoke("worker", payload, lambda *_: None)

    def until(self, seconds: float) -> None:
        """Let everything happen until so many seconds after the start."""
        self.virtual.run_until(START + seconds)
        Item.instances_tracked.clear()  # type: ignore[attr-defined] # moto remembers every item

    def example(self) -> dict[str, Any]:
        """Let the function write one appointment now; return its item as DynamoDB has it."""
        before = set(appointments())
        self.request()
        self.virtual.run_until(self.virtual.now + 40)
        [key] = set(appointments()) - before
        item = appointments().pop(key)
        self.index.update(key.value)
        self.answers.clear()
        return copy.deepcopy(item.to_json()["Attributes"])

    def copy(
        self, example: dict[str, Any], count: int, change: Callable[[int], dict[str, Any]]
    ) -> list[str]:
        """Write so many items like the example; return their uuids."""
        uuids = [str(uuid5(_IDS, f"copy {next(self._numbers)}")) for _ in range(count)]
        for number, uuid in enumerate(uuids):
            item = copy.deepcopy(example) | change(number)
            item |= {"uuid": {"S": uuid}, "request_id": {"S": f"request-{uuid}"}}
            if "owed" in item:
                item["owed"] = {"S": shard_of(uuid)}
            key = DynamoType({"S": uuid})
            appointments()[key] = Item(key, None, item)
            self.index.update(uuid)
        return uuids

    def close_circuit(self) -> None:
        """Remove the circuit breaker's record."""
        records = self.aws.dynamodb.Table(SETTINGS.records_table)
        records.delete_item(Key={"record": CIRCUIT_RECORD})

    def end_environments(self) -> None:
        """End all environments: the next invocation begins in a new one."""
        self._idle.clear()

    def record_call(self, name: str, body: Any) -> None:
        """Record a call that AWS took."""
        if name == "Publish":
            sent = parse_qs(body.decode() if isinstance(body, bytes) else body)
            notification = json.loads(json.loads(sent["Message"][0])["sqs"])
            if notification["status"] == Status.APPLICATION_CRASH.value:
                self.crashes.append(notification["uuid"])
        else:
            self.index.written(name, body)

    def statuses(self) -> Counter[str]:
        """Return how many items have which email status."""
        return Counter(item.attrs["email_status"].value for item in appointments().values())

    def given_up(self) -> int:
        """Return how many emails were given up."""
        return int(self.log.metrics["EmailsGivenUp"])


@contextmanager
def world(*, workers_per_run: int = 10, is_measuring: bool = False) -> Iterator[World]:
    """Make the one world of this process, and restore everything at the end."""
    index = SparseIndex()
    with contextlib.ExitStack() as stack:
        clock = stack.enter_context(time_machine.travel(START, tick=False))
        virtual = VirtualTime(clock, START)
        mandrill = IndexedMandrill(virtual)
        stack.enter_context(mock_aws())
        boundary = TimedBoundary(
            mandrill, index.written, virtual=virtual, cpu=Cpu(is_measuring=is_measuring)
        )
        # The limit of DynamoDB, in place of the small one of the fault campaigns.
        stack.enter_context(patch.object(io_boundary, "MAX_KEYS", MAX_KEYS))
        # Clients made while the boundary is installed keep it: it is taken off before new ones.
        stack.callback(renew_clients)
        stack.enter_context(boundary.installed(clients._SESSION))
        stack.enter_context(fast_moto())
        stack.enter_context(patch.object(Item, "project", project))
        stack.enter_context(virtual.installed())
        settings = replace(SETTINGS, mail_workers=workers_per_run)
        for module in (workers, schedule):
            stack.enter_context(patch.object(module, "SETTINGS", settings))
        log = Sink(virtual)
        stream = logger.handlers[0].setStream(log)  # type: ignore[attr-defined]
        stack.callback(logger.handlers[0].setStream, stream)  # type: ignore[attr-defined]
        stack.enter_context(redirect_stdout(log))
        renew_clients()
        reset_environment()
        aws = FakeAws(None, None)  # type: ignore[arg-type] # its faults and its log stay unused
        # Marked as used in the future, so that no request marks it beside its write.
        aws.put_session(
            TOKEN, email="booker@planomatic.test", created_at=START, last_used_at=START + 10**8
        )
        one = World(virtual, boundary, mandrill, index, aws, log)
        boundary.answers = {"Query": index.query, "Invoke": one.take_worker}
        boundary.on_call = one.record_call
        yield one
    reset_environment()
