"""The measurements: each interleaved, so that what else the machine does falls on all alike."""

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import botocore.httpsession
from rich.progress import Progress

from bench import memory, requests, runtime
from bench.contenders import (
    AGAIN,
    ALL,
    BUNDLE,
    CALLS,
    FUNCTION,
    HERE,
    PYTHON,
    RIVALS,
    STANDARD,
    STEPS,
    Contender,
    Worker,
    workers,
)
from bench.endpoint import Endpoint
from tools.bootstrap import LOCAL
from tools.release import build

# Short, so that the machine's faster and slower seconds fall on all alike.
BATCH: Final = 5
WARM_UP: Final = 40
# Where a process's memory lies moves its speed by some per cent: several share the rounds.
SETS: Final = 8
MEMORY_FIRST: Final = 1_000
MEMORY_MORE: Final = 10_000
IMPORTS_SECONDS: Final = 60
# Whose module it is, by the first part of its name; the rest is Python's own library.
GROUPS: Final = {
    "botocore, boto3": ("botocore", "boto3", "s3transfer", "jmespath", "dateutil", "six"),
    "urllib3": ("urllib3",),
    "pydantic": ("pydantic", "pydantic_core", "annotated_types", "typing_inspection"),
    "PynamoDB": ("pynamodb",),
    "Powertools": ("aws_lambda_powertools",),
    "X-Ray SDK": ("aws_xray_sdk", "wrapt"),
    "FastAPI, Mangum": (
        "fastapi",
        "starlette",
        "mangum",
        "anyio",
        "annotated_doc",
        "opentelemetry",
    ),
    "its own modules": (
        *("appointments", "standard", "naive", "fastapi_mangum", "calls", "python"),
        *("answers", "tables", "use_case", "request_model"),
    ),
}


@dataclass
class Results:
    """Everything that was measured, in seconds and bytes; by contender where there are several."""

    cold: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    imports: dict[str, dict[str, float]] = field(default_factory=dict)
    warm: dict[str, list[float]] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    rie: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    tls: dict[str, list[float]] = field(default_factory=dict)
    resident: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, dict[str, Any]] = field(default_factory=dict)
    zip_bytes: int = 0
    growth: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Keep them, so that the report can be written again."""
        path.write_text(json.dumps(vars(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read what was kept."""
        return cls(**json.loads(path.read_text()))


class Bench:
    """One run of the bench against one endpoint."""

    def __init__(self, endpoint: Endpoint, progress: Progress, scale: float) -> None:
        self._endpoint = endpoint
        self._environment = endpoint.environment() | {"BENCH_CALLS": str(LOCAL / "calls.json")}
        self._progress = progress
        self._scale = scale
        self.results = Results()

    def rounds(self, what: str, full: int) -> Iterable[int]:
        """Count the rounds of one measurement on the progress bar."""
        return self._progress.track(range(max(3, round(full * self._scale))), description=what)

    def sets(self, what: str, full: int) -> Iterator[Iterable[int]]:
        """Share the rounds of one measurement among sets of fresh processes."""
        each = max(3, round(full * self._scale / SETS))
        task = self._progress.add_task(what, total=SETS * each)

        def rounds() -> Iterator[int]:
            for number in range(each):
                yield number
                self._progress.advance(task)

        return (rounds() for _ in range(SETS))

    def record_calls(self) -> None:
        """Record the botocore calls of a warm request, for those who do nothing else."""
        with Worker(Contender("recording", "record", (BUNDLE, HERE)), self._environment) as worker:
            worker.answer(requests.event(requests.USUAL))
            told = worker.answer(requests.event(requests.USUAL))["answer"]
        Path(self._environment["BENCH_CALLS"]).write_text(json.dumps(told["calls"]))
        item = next(given["Item"] for _, given in told["calls"] if "Item" in given)
        written = sum(len(name) + len(str(*value.values())) for name, value in item.items())
        self.results.written = {"item": written, "log": told["log"]}

    def cold(self) -> None:
        """Measure fresh processes: CPU from the process's start to its first answer, by phase."""
        event = requests.event(requests.USUAL)
        for contender in ALL:  # a first start that nobody counts: Python writes the peers' .pyc
            _start(contender, self._environment, event)
        for _ in self.rounds("Cold starts", 41):
            for contender in _shuffled(ALL):
                phases = _start(contender, self._environment, event)
                of = self.results.cold.setdefault(contender.name, defaultdict(list))
                for phase, seconds in phases.items():
                    of[phase].append(seconds)
        self._endpoint.empty_appointments()

    def imports(self) -> None:
        """Measure where INIT's CPU goes, by library."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for _ in self.rounds("Imports", 5):
            for contender in (FUNCTION, *RIVALS, CALLS, PYTHON):
                groups = _import_shares(contender, self._environment)
                for group, seconds in groups.items():
                    found[contender.name][group].append(seconds)
        self.results.imports = {
            name: {group: median(seconds) for group, seconds in groups.items()}
            for name, groups in found.items()
        }

    def warm(self) -> None:
        """Measure the CPU of a request: persistent workers, alternating batches."""
        event = requests.event(requests.USUAL)
        for rounds in self.sets("Warm requests", 320):
            with workers(ALL, self._environment) as serving:
                for worker in serving.values():
                    worker.answer(event, WARM_UP)
                for _ in rounds:
                    for contender in _shuffled(ALL):
                        cpu = serving[contender].answer(event, BATCH)["cpu"]
                        self.results.warm.setdefault(contender.name, []).append(cpu)
            self._endpoint.empty_appointments()

    def steps(self) -> None:
        """Measure where a warm request's CPU goes."""
        event = requests.event(requests.USUAL)
        taken: dict[str, list[float]] = defaultdict(list)
        with Worker(STEPS, self._environment) as worker:
            before = worker.answer(event, WARM_UP)["answer"]
            for _ in self.rounds("Steps", 60):
                after = worker.answer(event, BATCH)["answer"]
                for step, seconds in after.items():
                    taken[step].append((seconds - before[step]) / BATCH)
                before = after
        self.results.steps = {step: median(seconds) for step, seconds in taken.items()}
        self._endpoint.empty_appointments()

    def rie(self) -> None:
        """Measure the first answer under the real Runtime Interface Emulator."""
        event = requests.event(requests.USUAL)
        for _ in self.rounds("Runtime Interface Emulator", 21):
            for contender in _shuffled((FUNCTION, AGAIN, STANDARD)):
                context = {**event["requestContext"], "requestId": str(random.random())}  # noqa: S311
                told = {**event, "requestContext": context}
                first = runtime.first_answer(contender, self._environment, told)
                of = self.results.rie.setdefault(contender.name, defaultdict(list))
                of["wall"].append(first.wall)
                of["cpu"].append(first.cpu)
        self._endpoint.empty_appointments()

    def tls(self, endpoint: Endpoint) -> None:
        """Measure the first invocation's CPU in the handler, the endpoint's certificate verified.

        Each trusts the certificates that its package brings, and the endpoint's beside them.
        """
        assert endpoint.certificate  # noqa: S101 - a TLS endpoint has one
        event = requests.event(requests.USUAL)
        own = {FUNCTION: BUNDLE / "botocore" / "cacert.pem"}
        library = Path(botocore.httpsession.__file__).parent / "cacert.pem"
        contenders = (FUNCTION, *RIVALS)
        trusted = {}
        for contender in contenders:
            path = LOCAL / f"trusted-{contender.module}.pem"
            certificates = own.get(contender, library).read_text()
            path.write_text(certificates + endpoint.certificate.read_text())
            trusted[contender] = path
        for _ in self.rounds("First invocation over TLS", 11):
            for contender in _shuffled(contenders):
                environment = endpoint.environment(trusted[contender])
                with Worker(contender, environment) as worker:
                    figures = _good(worker, event)
                self.results.tls.setdefault(contender.name, []).append(figures["cpu"])

    def memory(self) -> None:
        """Measure resident memory after a thousand requests, and after ten thousand more."""
        event = requests.event(requests.USUAL)
        with Worker(FUNCTION, self._environment) as worker:
            first = worker.answer(event)["rss"]
            after, emptied = first, 0
            step = 250
            total = MEMORY_FIRST + round(MEMORY_MORE * self._scale)
            task = self._progress.add_task("Memory", total=total)
            for served in range(step, total + 1, step):
                after = worker.answer(event, step)["rss"]
                self._progress.advance(task, step)
                if served == MEMORY_FIRST:
                    self.results.resident["after 1,000"] = after
                if served - emptied >= MEMORY_FIRST:  # the emulator slows as its tables fill
                    self._endpoint.empty_appointments()
                    emptied = served
                self.results.resident[str(served)] = after
            self.results.resident["first"] = first
            self.results.resident["after 11,000"] = after

    def kinds(self) -> None:
        """Measure the growth of resident memory over every kind of request."""
        self.results.kinds = memory.measure(
            self._endpoint,
            self._scale,
            lambda every: self._progress.track(every, description="Memory by kind"),
        )

    def growth(self) -> None:
        """Measure CPU of a warm request as it grows: the sizes in random order."""
        for what, sizes, make in (
            ("body, KB", requests.SIZES, requests.of_size),
            ("parameters", requests.PARAMETERS, requests.with_parameters),
            ("faults", requests.FAULTS, requests.with_faults),
        ):
            self._grow(what, sizes, make)

    def size(self) -> None:
        """Measure the zip that Lambda gets."""
        self.results.zip_bytes = build.zipped_size(BUNDLE)

    def _grow(
        self, what: str, sizes: tuple[int, ...], make: Callable[[int], dict[str, Any]]
    ) -> None:
        taken: dict[str, list[float]] = {str(size): [] for size in sizes}
        for rounds in self.sets(f"Growth with {what}", 640):
            with Worker(FUNCTION, self._environment) as worker:
                for size in sizes:
                    worker.answer(make(size), WARM_UP)
                for _ in rounds:
                    for size in _shuffled(sizes):
                        taken[str(size)].append(worker.answer(make(size), BATCH)["cpu"])
            self._endpoint.empty_appointments()
        self.results.growth[what] = taken


def _shuffled(of: Iterable[Any]) -> list[Any]:
    return random.sample(list(of), len(list(of)))


def _good(worker: Worker, event: dict[str, Any]) -> dict[str, Any]:
    figures = worker.answer(event)
    answer = figures["answer"]
    if answer is not None and answer["statusCode"] != 200:
        raise RuntimeError(f"{worker.name}: {answer}")
    return figures


def _start(
    contender: Contender, environment: dict[str, str], event: dict[str, Any]
) -> dict[str, float]:
    with Worker(contender, environment) as worker:
        figures = _good(worker, event)
    return {
        "interpreter": worker.start["interpreter"],
        "init": worker.start["init"],
        "first answer": figures["cpu"],
        "total": figures["since_start"],
    }


def _import_shares(contender: Contender, environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-I", HERE / "imports.py", contender.module, *contender.folders],
        env=environment,
        capture_output=True,
        text=True,
        timeout=IMPORTS_SECONDS,
        check=True,
    )
    owner = {first: group for group, firsts in GROUPS.items() for first in firsts}
    shares: Counter[str] = Counter()
    for name, seconds in json.loads(done.stdout).items():
        shares[owner.get(name.partition(".")[0], "Python's own")] += seconds
    return dict(shares)
