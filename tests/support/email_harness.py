"""The function with its email: the Mandrill sandbox, a clock that is set, and what was sent.

No test with it depends on the pace of the machine: pauses cost no time, and a call to the sandbox
has at least several real seconds, of which it needs some milliseconds.
"""

import io
import json
import signal
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import time_machine
from moto.sns.models import sns_backends

from appointments import handler
from appointments.email import mandrill_client
from appointments.settings import SETTINGS
from tests.support.fake_aws import ACCOUNT, REGION, Answer, FakeAws, answer, event
from tools.mandrill_sandbox.account import Account, MandrillError, Struct

START = 1_800_000_000
KEY = "sandbox-key"
UUID = "7d1f6f0e-0c5a-4c57-9a3e-5a0f6d9b2c11"
SLOW = 2.0
# What the function keeps of its time for what follows the email.
RESERVE = 7


class CountedAccount(Account):
    """The sandbox's account; it keeps the calls and refuses the next of them on demand."""

    def __init__(self) -> None:
        super().__init__({KEY}, SLOW, 0)
        self.calls: list[str] = []
        self.heard: list[Any] = []
        self.refusals: list[str] = []

    def authorise(self, call: object) -> Struct:
        """Keep the call as it came."""
        self.heard.append(call)
        return super().authorise(call)

    def send_template(self, call: Struct) -> list[Struct] | str:
        """Send, unless a refusal is due."""
        self._count("send")
        return super().send_template(call)

    def search(self, call: Struct) -> list[Struct]:
        """Search, unless a refusal is due."""
        self._count("search")
        return super().search(call)

    def forget(self) -> None:
        """Keep nothing of the calls either."""
        super().forget()
        for kept in (self.calls, self.heard, self.searches):
            kept.clear()

    def _count(self, call: str) -> None:
        self.calls.append(call)
        if self.refusals:
            raise MandrillError(self.refusals.pop(0))


@dataclass
class Clock:
    """What `time.time`, `time.monotonic` and `time.sleep` go by: it moves when a test moves it.

    Who sleeps moves it too, but for the time of day; `slept` keeps how long. The process's timer
    goes by it as well: it fires in the main thread when the clock has moved to `fires_at`.
    """

    of_day: time_machine.Traveller
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
        self.of_day.shift(seconds)
        self._pass(seconds)

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


@dataclass
class EmailHarness:
    """The function and all that is around it."""

    aws: FakeAws
    account: CountedAccount
    clock: Clock
    capsys: pytest.CaptureFixture[str]
    log: io.StringIO = field(default_factory=io.StringIO)

    def create(self, *, seconds: float = 29, **params: Any) -> Answer:
        """Send the request, with so many seconds left to the function."""
        params = {"uuid": UUID, "photographer_user_id": 501, **params}
        return self.handle(event(**params), seconds)

    def handle(self, request: dict[str, Any], seconds: float = 29) -> Answer:
        """Hand the function an event."""
        return answer(handler.lambda_handler(request, Context(seconds)))

    def schedule(self, seconds: float = 29) -> dict[str, Any]:
        """Run the schedule."""
        done: dict[str, Any] = handler.lambda_handler({"schedule": "owed"}, Context(seconds))
        return done

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.move(seconds)

    def item(self) -> dict[str, Any]:
        """Return the one appointment's item."""
        [item] = self.aws.items()
        return item

    def mailed(self) -> list[str]:
        """Return the address of every email that was accepted, in order."""
        return [to["email"] for mail in self.account.accepted() for to in mail["to"]]

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

    def get_remaining_time_in_millis(self) -> float:
        """Return what is left."""
        return self.seconds * 1000


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the adapter call Mandrill there."""
    monkeypatch.setattr(mandrill_client, "SETTINGS", replace(SETTINGS, mandrill_url=url))
