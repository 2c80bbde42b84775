"""What is measured, and the processes in which that happens."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tools.bootstrap import LOCAL
from tools.release import build

HERE: Final = Path(__file__).resolve().parent
BUNDLE: Final = build.BUNDLE
BASELINES: Final = HERE / "baselines"
LIBRARIES: Final = next((LOCAL / "bench" / "lib").glob("python*/site-packages"))
LOG: Final = LOCAL / "bench.log"
END_SECONDS: Final = 20


@dataclass(frozen=True)
class Target:
    """A module with a `lambda_handler`, and the folders that it finds its modules in."""

    name: str
    module: str
    folders: tuple[Path, ...]


FUNCTION: Final = Target("the function", "appointments.handler", (BUNDLE,))
# The same again: what differs between the two is noise.
AGAIN: Final = Target("the function, again", "appointments.handler", (BUNDLE,))
STANDARD: Final = Target("standard", "standard", (BASELINES, LIBRARIES))
NAIVE: Final = Target("naive boto3", "naive", (BASELINES, LIBRARIES))
FASTAPI: Final = Target("FastAPI + Mangum", "fastapi_mangum", (BASELINES, LIBRARIES))
CALLS: Final = Target("bare botocore calls", "calls", (BASELINES, LIBRARIES))
INSTRUMENTED: Final = Target("the function, instrumented", "instrumented", (BUNDLE, HERE))

RIVALS: Final = (STANDARD, NAIVE, FASTAPI)
ALL: Final = (FUNCTION, AGAIN, *RIVALS, CALLS)


class Worker:
    """A process that serves one target's handler (`worker.py`)."""

    def __init__(self, target: Target, environment: dict[str, str]) -> None:
        with LOG.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-S", "-I", HERE / "worker.py", target.module, *target.folders],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - asked for above
        self._orders, self._figures = self._process.stdin, self._process.stdout
        self.name = target.name
        self.start = self._read()

    def invoke(self, event: Any, times: int = 1) -> dict[str, Any]:
        """Invoke the handler with an event so many times; return the worker's figures."""
        self._orders.write(json.dumps({"event": event, "times": times}) + "\n")
        self._orders.flush()
        return self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_SECONDS)
        self._figures.close()

    def _read(self) -> dict[str, Any]:
        line = self._figures.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended ({self._process.wait(END_SECONDS)}): see {LOG}")
        figures: dict[str, Any] = json.loads(line)
        return figures


@contextmanager
def workers(
    targets: Iterable[Target], environment: dict[str, str]
) -> Iterator[dict[Target, Worker]]:
    """Serve several targets, a process each."""
    with ExitStack() as stack:
        yield {target: stack.enter_context(Worker(target, environment)) for target in targets}
