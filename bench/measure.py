"""The measurements: each interleaved, so that what else the machine does falls on all alike."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import botocore.httpsession
from rich.progress import Progress

from bench import emulator, memory, requests
from bench.endpoint import Endpoint
from bench.targets import (
    AGAIN,
    ALL,
    BUNDLE,
    FUNCTION,
    INSTRUMENTED,
    RIVALS,
    STANDARD,
    Target,
    Worker,
    workers,
)
from tools.bootstrap import LOCAL
from tools.release import build

# Short, so that the machine's faster and slower seconds fall on all alike.
BATCH: Final = 5
WARM_UP: Final = 40
# The layout of a process's memory changes its speed by some per cent: several share the rounds.
SETS: Final = 8
# By target, then by what was measured: one figure per round.
Figures = dict[str, dict[str, list[float]]]


@dataclass
class Results:
    """Everything that was measured, in seconds and bytes."""

    cold: Figures = field(default_factory=dict)
    emulator: Figures = field(default_factory=dict)
    tls: Figures = field(default_factory=dict)
    warm: dict[str, list[float]] = field(default_factory=dict)
    # By what grows, then by its size.
    growth: Figures = field(default_factory=dict)
    resident: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    zip_bytes: int = 0
    machine: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Save the figures, so that the report can be written again."""
        path.write_text(json.dumps(vars(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Load saved figures."""
        return cls(**json.loads(path.read_text()))


class Bench:
    """One run of the bench: each measurement is a method that fills its part of `results`."""

    def __init__(
        self, results: Results, plain: Endpoint, secured: Endpoint, progress: Progress, scale: float
    ) -> None:
        self.results = results
        self._endpoint, self._secured = plain, secured
        self._environment = plain.environment() | {"BENCH_CALLS": str(LOCAL / "calls.json")}
        self._progress, self._scale = progress, scale
        self._event = requests.event(requests.USUAL)

    def record_calls(self) -> None:
        """Record the botocore calls of a warm request, for the target that does nothing else."""
        with Worker(INSTRUMENTED, self._environment) as worker:
            order = {"event": self._event, "faults": {}}
            calls = worker.invoke(order, 2)["response"]["calls"]
        Path(self._environment["BENCH_CALLS"]).write_text(json.dumps(calls))

    def cold(self) -> None:
        """Measure fresh processes: CPU from the process's start to its first response, by phase."""

        def start(target: Target) -> dict[str, float]:
            return _start(target, self._environment, self._event)

        for target in ALL:  # a first start that does not count: Python writes the baselines' .pyc
            start(target)
        self.results.cold = self._interleave("Cold starts", 41, ALL, start)

    def emulator(self) -> None:
        """Measure the first response under the real Runtime Interface Emulator."""

        def start(target: Target) -> dict[str, float]:
            context = {**self._event["requestContext"], "requestId": str(random.random())}  # noqa: S311
            event = {**self._event, "requestContext": context}
            return emulator.first_response(target, self._environment, event)

        targets = (FUNCTION, AGAIN, STANDARD)
        self.results.emulator = self._interleave("Under the emulator", 21, targets, start)

    def tls(self) -> None:
        """Measure the first invocation's CPU in the handler, the endpoint's certificate verified.

        Each trusts the certificates that its package brings, and the endpoint's beside them.
        """
        assert self._secured.certificate  # noqa: S101 - a TLS endpoint has one
        library = Path(botocore.httpsession.__file__).parent / "cacert.pem"
        trusted = {}
        for target in (FUNCTION, *RIVALS):
            roots = BUNDLE / "botocore" / "cacert.pem" if target is FUNCTION else library
            trusted[target] = LOCAL / f"trusted-{target.module}.pem"
            trusted[target].write_text(roots.read_text() + self._secured.certificate.read_text())

        def start(target: Target) -> dict[str, float]:
            return _start(target, self._secured.environment(trusted[target]), self._event)

        self.results.tls = self._interleave("Over TLS", 11, trusted, start)

    def warm(self) -> None:
        """Measure the CPU of a request: persistent processes, alternating batches."""
        warm: dict[str, list[float]] = {target.name: [] for target in ALL}
        for rounds in self._sets("Warm requests", 320):
            with workers(ALL, self._environment) as serving:
                for worker in serving.values():
                    worker.invoke(self._event, WARM_UP)
                for _ in rounds:
                    for target in _shuffle(ALL):
                        warm[target.name].append(serving[target].invoke(self._event, BATCH)["cpu"])
            self._endpoint.empty_appointments()
        self.results.warm = warm

    def growth(self) -> None:
        """Measure the CPU of a warm request as it grows."""
        for what, sizes, make in (
            ("body, KB", requests.SIZES, requests.of_size),
            ("parameters", requests.PARAMETERS, requests.with_parameters),
            ("errors", requests.ERRORS, requests.with_errors),
        ):
            taken: dict[str, list[float]] = {str(size): [] for size in sizes}
            for rounds in self._sets(f"Growth with {what}", 640):
                with Worker(FUNCTION, self._environment) as worker:
                    for size in sizes:
                        worker.invoke(make(size), WARM_UP)
                    for _ in rounds:
                        for size in _shuffle(sizes):
                            taken[str(size)].append(worker.invoke(make(size), BATCH)["cpu"])
                self._endpoint.empty_appointments()
            self.results.growth[what] = taken

    def memory(self) -> None:
        """Measure resident memory after a thousand requests, and after ten thousand more."""
        count = memory.FIRST + round(memory.MORE * self._scale)
        resident = memory.over_usual_requests(self._endpoint, self._environment, count)
        sizes = dict(self._progress.track(resident, count / memory.BATCH, description="Memory"))
        self.results.resident = {"first": sizes[memory.FIRST], "last": sizes[count]}

    def kinds(self) -> None:
        """Measure the growth of resident memory over every kind of request."""
        kinds = memory.kinds()
        for name in self._progress.track(kinds, description="Memory by kind"):
            self.results.kinds[name] = memory.over_kind(
                self._endpoint, self._environment, kinds[name], self._scale
            )

    def size(self) -> None:
        """Measure the zip that Lambda gets."""
        self.results.zip_bytes = build.zipped_size(BUNDLE)

    def _interleave(
        self,
        what: str,
        rounds: int,
        targets: Iterable[Target],
        start: Callable[[Target], dict[str, float]],
    ) -> Figures:
        """Start every target once per round, in random order."""
        figures: Figures = {target.name: defaultdict(list) for target in targets}
        count = max(3, round(rounds * self._scale))
        for _ in self._progress.track(range(count), description=what):
            for target in _shuffle(targets):
                for name, seconds in start(target).items():
                    figures[target.name][name].append(seconds)
        self._endpoint.empty_appointments()
        return figures

    def _sets(self, what: str, full: int) -> Iterator[Iterable[int]]:
        """Share the rounds of one measurement among sets of fresh processes."""
        each = max(3, round(full * self._scale / SETS))
        task = self._progress.add_task(what, total=SETS * each)

        def rounds() -> Iterator[int]:
            for number in range(each):
                yield number
                self._progress.advance(task)

        return (rounds() for _ in range(SETS))


MEASUREMENTS: Final = (
    *("cold", "emulator", "tls", "warm", "growth"),
    *("memory", "kinds", "size"),
)


def _shuffle(of: Iterable[Any]) -> list[Any]:
    every = list(of)
    return random.sample(every, len(every))


def _start(target: Target, environment: dict[str, str], event: dict[str, Any]) -> dict[str, float]:
    with Worker(target, environment) as worker:
        figures = worker.invoke(event)
    response = figures["response"]
    if response is not None and response["statusCode"] != 200:
        raise RuntimeError(f"{target.name}: {response}")
    return {
        "interpreter": worker.start["interpreter"],
        "init": worker.start["init"],
        "first response": figures["cpu"],
        "total": figures["since_start"],
    }
