"""The function with its email: the Mandrill sandbox, a clock that is set, and what was sent.

No test with it depends on the pace of the machine: pauses cost no time, and a call to the sandbox
has at least several real seconds, of which it needs some milliseconds.
"""

import io
import json
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from appointments import clients, handler
from appointments.email import mandrill_client
from appointments.settings import SETTINGS
from appointments.tables.keys import CIRCUIT_RECORD, shard_of
from tests.support.fake_aws import ACCOUNT, REGION, FakeAws, Response, event, read_response
from tools.local_stack import seeds
from tools.mandrill_sandbox.account import Account, MandrillError, Struct

START = 1_800_000_000
KEY = "sandbox-key"
UUID = "7d1f6f0e-0c5a-4c57-9a3e-5a0f6d9b2c11"
SLOW = 2.0
# The seconds of its time that the function reserves for what follows the email.
RESERVE = 7
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:create:live"
PAT = "pat@planomatic.test"
# An item whose email is for the photographer alone, without its key and its times.
OVERDUE = {
    "received_at": "2027-01-15T07:00:00.000Z",
    "role": "client",
    "owner": "user#45",
    "fingerprint": "f",
    "attempt": "first",
    "photographer_user_id": 501,
    "email_status": "failed",
    "email_tries": 0,
    "email_unused": 1,
    "owed_since": START - 3600,
}
MAYBE_SENT = {
    "email_status": "unknown",
    "email_recipients": [{"email": PAT, "roles": ["photographer"], "status": "unknown"}],
    "lease": "gone",
    "lease_until": START - 1,
}


class CountedAccount(Account):
    """The sandbox's account, which records the calls; `refusals` are the next errors."""

    def __init__(self) -> None:
        super().__init__({KEY}, SLOW, 0)
        self.calls: list[str] = []
        self.received: list[Any] = []
        self.refusals: list[str] = []

    def authorise(self, call: object) -> Struct:
        """Record the call as it came."""
        self.received.append(call)
        return super().authorise(call)

    def send_template(self, call: Struct) -> list[Struct] | str:
        """Send, unless a refusal is due."""
        self._count("send")
        return super().send_template(call)

    def search(self, call: Struct) -> list[Struct]:
        """Search, unless a refusal is due."""
        self._count("search")
        return super().search(call)

    def reset(self) -> None:
        """Empty the record of the calls too."""
        super().reset()
        for record in (self.calls, self.received, self.searches):
            record.clear()

    def _count(self, call: str) -> None:
        self.calls.append(call)
        if self.refusals:
            raise MandrillError(self.refusals.pop(0))


@dataclass
class Clock:
    """What `time.time`, `time.monotonic` and `time.sleep` go by: it moves when a test moves it.

    A sleep moves the monotonic clock, but not the time of day; `slept` has the seconds of each. The
    process's timer follows the monotonic clock: it fires in the main thread at `fires_at`.
    """

    time_of_day: time_machine.Traveller
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    fires_at: float | None = None

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Take no time."""
        self.slept.append(seconds)
        self._pass(seconds)

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.time_of_day.shift(seconds)
        self._pass(seconds)

    def freeze(self, seconds: float) -> None:
        """Let time pass while the environment is frozen: the monotonic clock stands still."""
        self.time_of_day.shift(seconds)

    def setitimer(self, _: int, seconds: float) -> tuple[float, float]:
        """Set the process's timer; return what was left of it."""
        left = 0.0 if self.fires_at is None else max(self.fires_at - self.now, 0.001)
        self.fires_at = self.now + seconds if seconds else None
        return left, 0.0

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        if self.fires_at is not None and self.now >= self.fires_at:
            self.fires_at = None
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGALRM)


class Workers:
    """The workers that the function invokes, as Lambda's queue would have them.

    `capacity` is how many events the queue takes; Lambda refuses the next ones. None: no limit.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.functions: set[str] = set()
        self.capacity: int | None = None
        self.on_invoke: Callable[[], object] = lambda: None
        events = clients.client("lambda").meta.events
        events.register("before-call.lambda.Invoke", self._take)

    def _take(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        if self.capacity is not None and len(self.events) >= self.capacity:
            raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
        assert params["headers"]["X-Amz-Invocation-Type"] == "Event"
        self.on_invoke()
        self.functions.add(unquote(params["url_path"]).split("/")[3])
        self.events.append(json.loads(params["body"]))
        return SimpleNamespace(status_code=202), {"StatusCode": 202}


@dataclass
class EmailHarness:
    """The function and all that is around it."""

    aws: FakeAws
    account: CountedAccount
    clock: Clock
    capsys: pytest.CaptureFixture[str]
    log: io.StringIO = field(default_factory=io.StringIO)
    workers: "Workers | None" = None

    def create(self, *, seconds: float = 29, **params: Any) -> Response:
        """Send the request, with so many seconds left to the function."""
        params = {"uuid": UUID, "photographer_user_id": 501, **params}
        return self.handle(event(**params), seconds)

    def handle(self, request: dict[str, Any], seconds: float = 29) -> Response:
        """Hand the function an event."""
        return read_response(handler.lambda_handler(request, Context(seconds)))

    def schedule(self, seconds: float = 29, **more: Any) -> dict[str, Any]:
        """Run the schedule, with more keys in its event. It may invoke workers if `workers` is set.

        They do not run before `work`.
        """
        arn = "" if self.workers is None else FUNCTION_ARN
        context = Context(seconds, invoked_function_arn=arn)
        done: dict[str, Any] = handler.lambda_handler({"schedule": "owed", **more}, context)
        return done

    def work(self, event: dict[str, Any] | None = None, seconds: float = 29) -> dict[str, Any]:
        """Run a worker: the next that was invoked, or with this event."""
        if event is None:
            assert self.workers is not None
            event = self.workers.events.pop(0)
        done: dict[str, Any] = handler.lambda_handler(event, Context(seconds))
        return done

    def settle(self, *uuids: Any, seconds: float = 29) -> dict[str, Any]:
        """Settle these appointments, as an operator does."""
        done: dict[str, Any] = handler.lambda_handler({"settle": list(uuids)}, Context(seconds))
        return done

    def replay(self) -> Response:
        """Replay the first request."""
        return self.handle({"replay": self.lines("request")[0]})

    def circuit(self) -> dict[str, Any] | None:
        """Return the circuit breaker's record, without its key."""
        records = {record.pop("record"): record for record in self.aws.items("records")}
        return records.get(CIRCUIT_RECORD)

    def put_circuit(self, failures: int = 0, open_for: int = 0, **more: Any) -> None:
        """Put the circuit breaker's record: so many failures, the last one now."""
        now = int(time.time())
        record = {"failures": failures, "failed_at": now, "open_until": now + open_for}
        last = {"uuid": "x", "reason": "mandrill-unavailable (x)"}
        self.aws.put_record(CIRCUIT_RECORD, **record | last | more)

    def renew_session(self, token: str) -> None:
        """Renew a seeded session, which has ended after days."""
        now = int(time.time())
        no_address = {"email": ...} if token == "no-address-token" else {}
        self.aws.put_session(token, **seeds.kinds(now)["session"] | no_address)

    def put_overdue(self, number: int, *, maybe_sent: bool = False, **more: Any) -> list[str]:
        """Put so many items whose email is overdue, the oldest first; return their uuids.

        The emails are for the photographer alone. `more` are attributes; None leaves one out.
        """
        uuids = [
            f"{place % 16:x}{place:07x}-1111-4111-8111-111111111111" for place in range(number)
        ]
        with self.aws.dynamodb.Table("appointments").batch_writer() as batch:
            for place, uuid in enumerate(uuids):
                due = int(time.time()) - number + place
                item = {
                    **OVERDUE,
                    **(MAYBE_SENT if maybe_sent else {}),
                    "uuid": uuid,
                    "owed": shard_of(uuid),
                    "due": due,
                    "email_due": due,
                    "request_id": f"req-{place}",
                    **more,
                }
                present = {name: value for name, value in item.items() if value is not None}
                batch.put_item(Item=present)
        return uuids

    def accept(self, uuid: str, *emails: str) -> None:
        """Let Mandrill accept the email of an appointment, as from another sender."""
        message = {
            "to": [{"email": email, "name": ""} for email in emails],
            "metadata": {"appointment_uuid": uuid},
        }
        call = {"template_name": "appointment-created", "template_content": [], "message": message}
        Account.send_template(self.account, call)

    def item_of(self, uuid: str) -> dict[str, Any]:
        """Return the item of an appointment."""
        return next(item for item in self.aws.items() if item["uuid"] == uuid)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.move(seconds)

    def item(self) -> dict[str, Any]:
        """Return the one appointment's item."""
        [item] = self.aws.items()
        return item

    def mailed(self) -> list[str]:
        """Return the address of every email that was accepted, in order."""
        return [to["email"] for mail in self.account.accepted_mail() for to in mail["to"]]

    def published(self) -> list[Any]:
        """Return what SNS took: objects with `subject`, `message`, `attributes`."""
        [topic] = sns_backends[ACCOUNT][REGION].topics.values()
        return [
            Published(subject or "", json.loads(message), attributes or {})
            for _, message, subject, attributes, *_ in topic.sent_notifications
        ]

    def lines(self, message: str) -> list[dict[str, Any]]:
        """Return the log's lines with this message."""
        return [line for line in self._lines() if line.get("message") == message]

    def count(self, metric: str) -> float:
        """Return the sum of a metric's values."""
        return float(sum(sum(line[metric]) for line in self._lines() if metric in line))

    def written(self) -> str:
        """Return all that the function wrote: its log and its metrics."""
        self.log.write(self.capsys.readouterr().out)
        return self.log.getvalue()

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written().splitlines()]


@dataclass
class Published:
    """One notification as SNS took it."""

    subject: str
    message: dict[str, str]
    attributes: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What machines read."""
        facts: dict[str, Any] = json.loads(self.message["sqs"])
        return facts

    @property
    def storm(self) -> str:
        """Whether it is the `first` of its kind or one `more`, as its attribute says."""
        assert self.attributes["storm"]["Value"] == self.facts["storm"]
        return str(self.facts["storm"])


@dataclass
class Context:
    """Lambda's context, as far as it is read."""

    seconds: float
    aws_request_id: str = "invocation-1"
    invoked_function_arn: str = ""

    def get_remaining_time_in_millis(self) -> float:
        """Return what is left."""
        return self.seconds * 1000


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the adapter call Mandrill at this URL."""
    monkeypatch.setattr(mandrill_client, "SETTINGS", replace(SETTINGS, mandrill_url=url))
