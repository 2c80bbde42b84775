"""`replay` as a process of its own, on a log of any length: its memory, its rate, and Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.scale.log_server import LogServer, serve
from tests.scale.results import Result

_COUNT: Final = 100_000
_MAX_MEGABYTES: Final = 100
_RATE: Final = 50


# The process notes its most memory (VmHWM) where the last argument says, whatever ends it.
_PROGRAM: Final = """
import atexit, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
status, kept = pathlib.Path("/proc/self/status"), pathlib.Path(sys.argv.pop())
atexit.register(lambda: kept.write_text(status.read_text() if status.exists() else ""))
from appointments_operator.replay import main
main(prog_name="replay")
"""


@dataclass(frozen=True)
class Run:
    """A run of the command: exit code, its two outputs, seconds, and its most memory in MB.

    The memory is 0 if the system does not tell it.
    """

    code: int
    stdout: str
    stderr: str
    seconds: float
    megabytes: float


def run(server: LogServer, *arguments: str, interrupt_at: int | None = None) -> Run:
    """Run `replay` on the server's log; send it Ctrl-C after so many replays."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(server.since))
    command = [sys.executable, "-c", _PROGRAM, "--endpoint-url", server.url, "--since", since]
    command += ["--region", "us-east-1", "--log-group", "/aws/lambda/appointments-scale"]
    with TemporaryDirectory() as name:
        home = Path(name)
        with (home / "stdout").open("w") as stdout, (home / "stderr").open("w") as stderr:
            began = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 - this command
                [*command, *arguments, str(home / "memory")],
                env=os.environ | {"AWS_ACCESS_KEY_ID": "scale", "AWS_SECRET_ACCESS_KEY": "scale"},
                stdout=stdout,
                stderr=stderr,
            )
            while interrupt_at is not None and process.poll() is None:
                if len(server.replayed) >= interrupt_at:
                    process.send_signal(signal.SIGINT)
                    break
                time.sleep(0.01)
            code = process.wait(timeout=7200)
            seconds = time.monotonic() - began
        found = re.search(r"VmHWM:\s+(\d+) kB", (home / "memory").read_text())
        megabytes = int(found[1]) / 1000 if found else 0.0
        said, errors = (home / "stdout").read_text(), (home / "stderr").read_text()
    return Run(code, said, errors, seconds, megabytes)


def replay_of_100_000() -> Result:
    """All of them at 100 per second; 1,500 at 50 per second; Ctrl-C, and a second start."""
    result = Result("replay-100000")
    with serve(_COUNT, seconds=0.05) as server:
        whole = run(server, "--yes", "--rate", "100", "--at-once", "32")
        is_whole = sorted(server.replayed) == sorted({f"request-{n}" for n in range(_COUNT)})
    result.expect(
        f"replay of {_COUNT:,}: each is sent once, with ≤ {_MAX_MEGABYTES} MB",
        f"{len(server.replayed):,} in {whole.seconds / 60:.0f} min, {whole.megabytes:.0f} MB",
        is_met=is_whole and whole.code == 0 and 0 < whole.megabytes <= _MAX_MEGABYTES,
    )
    with serve(1_500, seconds=0.25) as server:
        fast = run(server, "--yes", "--rate", str(_RATE), "--at-once", "16")
        per_second = (len(server.times) - 1) / (server.times[-1] - server.times[0])
    result.expect(
        f"replay with --at-once 16 keeps to {_RATE} per second, each taking 250 ms",
        f"{per_second:.1f} per second",
        is_met=fast.code == 0 and 0.95 * _RATE <= per_second <= 1.02 * _RATE,
    )
    with serve(1_500, seconds=0.25) as server:
        first = run(server, "--yes", "--rate", str(_RATE), "--at-once", "16", interrupt_at=400)
        done = len(server.replayed)
        second = run(server, "--yes", "--rate", str(_RATE), "--at-once", "16")
        is_whole = len(server.replayed) == len(set(server.replayed)) == 1_500
    result.expect(
        "replay ended by Ctrl-C and started again: each is sent once",
        f"{done} and then {len(server.replayed) - done}",
        is_met=is_whole and (first.code, second.code) == (130, 0),
    )
    return result
