"""What is done while the faults are injected, and what recovers it afterwards."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.faults.io_boundary import SEND, Fault, Kind
from tests.faults.simulation import Simulation
from tests.support.fake_aws import event

UUIDS = tuple(f"7d1f6f0e-0c5a-4c57-9a3e-5a0f6d9b2c1{number}" for number in range(6))
SCHEDULE = {"schedule": "owed"}
# How often the caller and the schedule try again: then nothing may be pending.
_MAX_RETRIES = 6
_MAX_RUNS = 24


class Recovery(StrEnum):
    """Who tries again: the caller, after the bad address was corrected, or the schedule alone."""

    CALLER = "caller"
    SCHEDULE = "schedule"


@dataclass(frozen=True)
class Scenario:
    """What is done (`action`) while faults are injected, after `before` was done."""

    name: str
    action: Callable[["Run"], object]
    before: Callable[["Run"], object] = lambda _: None
    photographer: int | None = 501
    token: str = "session-token"
    standing: dict[str, Kind] = field(default_factory=dict)


@dataclass
class Run:
    """One scenario with faults, and one way of recovery."""

    simulation: Simulation
    scenario: Scenario
    recovery: Recovery
    sent: int = 0
    answers: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def request(self, uuid: str = UUIDS[0]) -> None:
        """Deliver the caller's request, the same each time but for the gateway's request id."""
        self.sent += 1
        self.answers[uuid] = self.simulation.deliver(
            event(
                token=self.scenario.token,
                uuid=uuid,
                photographer_user_id=self.scenario.photographer,
                notes="Ring.",
                request_id=f"req-{self.sent}",
            ),
            uuid,
        )

    def replay(self) -> None:
        """Replay the line that the request left."""
        line = {
            "message": "request",
            "request_id": "req-0",
            "received_at": "2027-01-15T07:55:00.000Z",
            "token_hash": hashlib.sha256(b"session-token").hexdigest(),
            "params": {
                "updated_at_mt": "2026-11-22 10:00:00",
                "uuid": UUIDS[0],
                "photographer_user_id": self.scenario.photographer,
                "notes": "Ring.",
            },
        }
        self.answers[UUIDS[0]] = self.simulation.deliver(line, UUIDS[0])

    def schedule(self) -> None:
        """Run the schedule, then the workers that it invoked, then the late ones of the last."""
        late, self.simulation.late = self.simulation.late, []
        self.simulation.invoke(SCHEDULE)
        self._work(self.simulation.workers)
        self._work(late)

    def _work(self, events: list[dict[str, Any]]) -> None:
        while events:
            self.simulation.invoke(events.pop(0))

    def work(self, uuids: Sequence[str] = UUIDS[:1]) -> None:
        """Run a worker."""
        self.simulation.invoke({**SCHEDULE, "uuids": list(uuids)})

    def settle(self) -> None:
        """Settle everything, as an operator does."""
        self.simulation.invoke({"settle": list(UUIDS)})

    def under(self, **standing: Kind) -> None:
        """Inject a fault into every effect of these names, until this is called again."""
        names = {"send": SEND, "publish": "Publish"}
        self.simulation.boundary.standing = {names[name]: kind for name, kind in standing.items()}

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.simulation.clock.shift(seconds)

    def perform(self, faults: Iterable[Fault]) -> list[str]:
        """Do `before`, the action, the recovery. Return the names of the effects."""
        self.simulation.begin()
        self.scenario.before(self)
        self.under()
        self.simulation.arm(faults)
        self.simulation.boundary.standing = self.scenario.standing
        self.scenario.action(self)
        self.under()
        self.recover()
        effects = list(self.simulation.boundary.trace)
        if self.recovery is Recovery.CALLER:
            # The same request once more, without a fault, changes nothing.
            self.simulation.arm(())
            for uuid in self.answers:
                self.request(uuid)
        return effects

    def recover(self) -> None:
        """Repeat the recovery until nothing is pending."""
        if self.recovery is Recovery.CALLER:
            self.simulation.restore_records()
            self._retry()
        for _ in range(_MAX_RUNS):
            due = [int(item["due"]) for item in self.simulation.items() if "due" in item]
            if not due:
                break
            self.wait(max(60, min(due) - self.simulation.now()))
            self.schedule()
        self._work(self.simulation.late)

    def _retry(self) -> None:
        for _ in range(_MAX_RETRIES):
            self.wait(61)
            unsaved = [
                uuid for uuid, answer in self.answers.items() if not answer or answer["retryable"]
            ]
            for uuid in unsaved or UUIDS[:1]:
                self.request(uuid)
            if not unsaved:
                break


def fail_to_send(run: Run) -> None:
    """Send the request while Mandrill refuses."""
    run.under(send=Kind.ERROR_BEFORE)
    run.request()


def _fail_to_send_and_publish(run: Run) -> None:
    run.under(send=Kind.ERROR_BEFORE, publish=Kind.ERROR_BEFORE)
    run.request()
    run.wait(61)


def _die_sending(run: Run) -> None:
    maybe_sent(run, 1, accepted=1)


def maybe_sent(run: Run, number: int, *, accepted: int) -> None:
    """Die while sending `number` emails, of which Mandrill has accepted so many."""
    for position, uuid in enumerate(UUIDS[:number]):
        run.under(send=Kind.DIE_AFTER if position < accepted else Kind.DIE_BEFORE)
        run.request(uuid)
    run.wait(121)


def _requests(run: Run) -> None:
    """Deliver a request of four appointments each, and the first one again."""
    for uuid in (*UUIDS[:4], UUIDS[0]):
        run.request(uuid)


def _make_backlog(run: Run) -> None:
    """Make more emails overdue than a run sends by itself."""
    run.under(send=Kind.ERROR_BEFORE)
    for uuid in UUIDS:
        run.request(uuid)
    run.wait(61)


def _give_up(run: Run) -> None:
    run.request()
    run.wait(61)
    run.schedule()


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("create", Run.request),
        Scenario("create-rejected", Run.request, photographer=502),
        Scenario(
            "create-sns-down",
            Run.request,
            photographer=None,
            standing={SEND: Kind.ERROR_BEFORE, "Publish": Kind.ERROR_BEFORE},
        ),
        Scenario("repeat", Run.request, before=fail_to_send),
        Scenario("schedule", Run.schedule, before=_fail_to_send_and_publish),
        Scenario("schedule-suspect", Run.schedule, before=_die_sending),
        Scenario("replay", Run.replay),
        Scenario("retry-given-up", Run.request, before=_give_up, photographer=502),
        # The circuit breaker opens, and its record recovers.
        Scenario(
            "outage",
            _requests,
            photographer=None,
            token="fresh-token",
            standing={SEND: Kind.ERROR_BEFORE},
        ),
        # The run invokes workers.
        Scenario("backlog", Run.schedule, before=_make_backlog),
        # The run searches, and so does the settling by an operator.
        Scenario(
            "search", Run.schedule, before=lambda run: maybe_sent(run, len(UUIDS), accepted=5)
        ),
        Scenario("settle", Run.settle, before=lambda run: maybe_sent(run, 3, accepted=2)),
    )
}
