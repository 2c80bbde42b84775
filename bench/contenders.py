"""Who is measured, and the processes in which that happens."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tools.bootstrap import LOCAL
from tools.release import build

HERE: Final = Path(__file__).resolve().parent
BUNDLE: Final = build.BUILD / "CreateFunction"
PEERS: Final = HERE / "peers"
LIBRARIES: Final = next((LOCAL / "bench" / "lib").glob("python*/site-packages"))
WORKER: Final = HERE / "worker.py"
LOG: Final = LOCAL / "bench.log"
END_SECONDS: Final = 20


@dataclass(frozen=True)
class Contender:
    """A handler and the folders that it finds its modules in."""

    name: str
    module: str
    folders: tuple[Path, ...]


FUNCTION: Final = Contender("the function", "appointments.handler", (BUNDLE,))
# The same again: what differs between the two is noise.
AGAIN: Final = Contender("the function, again", "appointments.handler", (BUNDLE,))
STANDARD: Final = Contender("standard", "standard", (PEERS, LIBRARIES))
NAIVE: Final = Contender("naive boto3", "naive", (PEERS, LIBRARIES))
FASTAPI: Final = Contender("FastAPI + Mangum", "fastapi_mangum", (PEERS, LIBRARIES))
CALLS: Final = Contender("bare botocore calls", "calls", (PEERS, LIBRARIES))
PYTHON: Final = Contender("bare Python", "python", (PEERS,))
# The function with its steps, and its imports, timed one by one.
STEPS: Final = Contender("the function's steps", "steps", (BUNDLE, HERE))

RIVALS: Final = (STANDARD, NAIVE, FASTAPI)
ALL: Final = (FUNCTION, AGAIN, *RIVALS, CALLS, PYTHON)


class Worker:
    """A process that serves one contender's handler."""

    def __init__(self, contender: Contender, environment: dict[str, str]) -> None:
        with LOG.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-S", "-I", WORKER, contender.module, *contender.folders],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.name = contender.name
        self.start = self._read()

    def answer(self, event: Any, times: int = 1) -> dict[str, Any]:
        """Have the handler answer an event so many times; return the worker's figures."""
        assert self._process.stdin  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps({"event": event, "times": times}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - as above
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_SECONDS)
        self._process.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout  # noqa: S101 - as above
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended ({self._process.wait(END_SECONDS)}): see {LOG}")
        figures: dict[str, Any] = json.loads(line)
        return figures


@contextmanager
def workers(
    contenders: tuple[Contender, ...], environment: dict[str, str]
) -> Iterator[dict[Contender, Worker]]:
    """Serve several contenders, a process each."""
    with ExitStack() as stack:
        yield {
            contender: stack.enter_context(Worker(contender, environment))
            for contender in contenders
        }
