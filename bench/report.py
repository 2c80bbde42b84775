"""The report: what was measured, against what was to be reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench.measure import Results
from bench.requests import EVERYTHING, USUAL
from bench.targets import AGAIN, ALL, CALLS, FASTAPI, FUNCTION, NAIVE, STANDARD
from tools.release import build

REPORT: Final = Path(__file__).resolve().parent / "REPORT.md"
PHASES: Final = ("interpreter", "init", "first response")
# Memory is counted in pages, and the allocator moves a few: so many MB are no growth.
NO_GROWTH: Final = 0.5
# Linear: an error among many costs no more than one among few, but for noise.
LINEAR: Final = 1.25
# Lambda gives one whole processor at this memory size, below it a share in proportion.
WHOLE_PROCESSOR: Final = 1769
MEMORY_SIZES: Final = (128, 256, 512, 768, 1024, 1769)
# Assumed: seconds of one call to DynamoDB from Lambda, of which a request makes two.
DYNAMODB: Final = 0.004
MAX_COLD: Final = 1.5
_KINDS: Final = 5
_MB: Final = 1e6
_MS: Final = 1000


@dataclass(frozen=True)
class Goal:
    """One row of what was to be reached: at most `limit`."""

    what: str
    measured: float
    limit: float
    unit: str = ""

    def row(self) -> tuple[str, ...]:
        """Return the cells of its row."""
        digits = 1 if self.measured > 10 else 2 if self.unit else 3
        measured = f"{self.measured:.{digits}f}{self.unit}"
        verdict = "met" if self.measured <= self.limit else "**missed**"
        return self.what, f"≤ {self.limit:g}{self.unit}", measured, verdict


def write(results: Results) -> Path:
    """Write the report; return its path."""
    REPORT.write_text(_page(results))
    return REPORT


def goals(results: Results) -> list[Goal]:
    """Compare the figures with the goals."""
    cold = _against({name: phases["total"] for name, phases in results.cold.items()})
    emulator = _against({name: figures["wall"] for name, figures in results.emulator.items()})
    warm = _against(results.warm)
    tls = median(results.tls[FUNCTION.name]["first response"]) * _MS
    resident = results.resident["first"]
    growth = results.resident["last"] - resident
    worst = max(kind["bytes"] for kind in results.kinds.values())
    rie, every = "first response under the Runtime Interface Emulator", len(EVERYTHING)
    return [
        Goal("cold start, CPU, against standard", cold[STANDARD.name], 0.38),
        Goal("cold start, CPU, against naive boto3", cold[NAIVE.name], 1.0),
        Goal("cold start, CPU, against FastAPI + Mangum", cold[FASTAPI.name], 0.45),
        Goal(f"{rie}, against standard", emulator[STANDARD.name], 0.45),
        Goal("warm request, CPU, against its bare botocore calls", warm[CALLS.name], 1.25),
        Goal("in-handler CPU, first invocation, TLS", tls, 30, " ms"),
        Goal("resident memory after 1,000 requests", resident / _MB, 55, " MB"),
        Goal("its growth over the next 10,000", growth / _MB, NO_GROWTH, " MB"),
        Goal("its growth over any kind of request", worst / _MB, NO_GROWTH, " MB"),
        Goal("deployment zip with `.pyc`", results.zip_bytes / _MB, 8.5, " MB"),
        Goal("growth of CPU, body 2 KB to 48 KB", _growth(results, "body, KB"), 1.15),
        Goal(f"growth of CPU, 2 to {every} parameters", _growth(results, "parameters"), 1.1),
        Goal(f"a late error of {every}, CPU, against an early one", _late_error(results), LINEAR),
    ]


def _against(figures: dict[str, list[float]]) -> dict[str, float]:
    """Return what the function takes against each target, in medians."""
    ours = median(figures[FUNCTION.name])
    return {name: ours / median(seconds) for name, seconds in figures.items()}


def _growth(results: Results, what: str) -> float:
    first, last = (median(seconds) for seconds in results.growth[what].values())
    return last / first


def _late_error(results: Results) -> float:
    points = [(int(count), median(seconds)) for count, seconds in results.growth["errors"].items()]
    (first, low), (middle, half), (last, high) = points
    return ((high - half) / (last - middle)) / ((half - low) / (middle - first))


_PAGE: Final = """\
# The bench

Written by `make bench` on {date}, from one run on {machine}, Python {python};
load average {before} before, {after} after. Figures are medians; ratios are of medians of what
was measured in turn, interleaved, in that one run.

**The noise.** The function measured against itself, as if it were a rival: {noise}
(1 would be no noise).

## What was to be reached

{goals}

## Cold start

CPU (user and system) of a fresh process from its start to its first response, in ms.

{cold}

Under Lambda's real Runtime Interface Emulator, from the first invocation to its response, INIT
included:

{emulator}

CPU in the handler for the first invocation, over TLS, the endpoint's certificate verified, each
target trusting the roots that its package brings:

{tls}

## Warm request

CPU of a request in a persistent process, in batches that alternate.

{warm}

How it grows, in ms:

{growth}

## Memory

Resident after 1,000 usual requests {resident} MB, after 10,000 more {later} MB.

By kind of request: the catalogue of the tests (`tests/support/cases.py`) has {kinds} kinds. Each was
sent {requests} times after a warm-up, through its ways in by turns, to a process of its own. Growth
below {no_growth} MB is pages and the allocator: whether a kind above it grows needs a longer run. The
kinds that grew most:

{worst_kinds}

## Which memory size

Lambda gives a function a whole processor at {whole} MB and a share in proportion below. From the CPU
above and {dynamodb} ms per call to DynamoDB (assumed), without an email:

{sizes}

The template's default (`MemorySize`) is {default} MB: a cold start within {max_cold} s also on a processor
half as fast. A larger size costs more when an email is sent: waiting for Mandrill is billed by the
GB too.

## How it is measured

- All targets run in processes of their own on a bare interpreter (`python -S -I`): the function
  from its built package, the baselines from their locked libraries, compiled.
- All call the same MiniStack in a process of its own, over plain HTTP but for the TLS row. What
  counts is the CPU of the measured process; only under the emulator it is the clock.
- Before anything is timed, the function and its baselines pass the same check of their responses
  (`bench/check.py`): a success and what it stored, all parameters, two errors at once, an unknown
  token, a missing reference, a uuid that is taken.
- The usual request has {passed} parameters, four of them references. No recipient has an address: an
  email would outweigh the rest.
- The baselines lack parts of the function (`bench/baselines/__init__.py` lists them). Powertools'
  Tracer is off outside Lambda: the standard baseline pays for the X-Ray SDK's import but for no
  segment, except under the emulator.
- The bare botocore calls are the calls that the function makes, recorded, on a client as botocore's
  documentation makes it.
- The certificate over TLS is self-signed: one signature to verify, while AWS's chain has three.
"""


def _page(results: Results) -> str:
    machine, resident = results.machine, results.resident
    sizes = _memory_sizes(results)
    kinds = sorted(results.kinds.items(), key=lambda kind: kind[1]["bytes"], reverse=True)
    return _PAGE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine["processor"],
        python=machine["python"],
        before=machine["load before"],
        after=machine["load after"],
        noise=_noise(results),
        goals=_table(
            ("", "goal", "measured", ""),
            (goal.row() for goal in goals(results)),
        ),
        cold=_compare(
            (*PHASES, "total"),
            {name: list(phases.values()) for name, phases in results.cold.items()},
        ),
        emulator=_table(
            ("", "clock, ms", "CPU of the runtime's process, ms"),
            (
                (name, _ms(figures["wall"], 0), _ms(figures["cpu"], 0))
                for name, figures in results.emulator.items()
            ),
        ),
        tls=_table(
            ("", "ms"),
            ((name, _ms(phases["first response"])) for name, phases in results.tls.items()),
        ),
        warm=_compare(("ms",), {name: [taken] for name, taken in results.warm.items()}, 2),
        growth="\n\n".join(
            _table((what, *taken), [("ms", *(_ms(seconds, 2) for seconds in taken.values()))])
            for what, taken in results.growth.items()
        ),
        resident=f"{resident['first'] / _MB:.1f}",
        later=f"{resident['last'] / _MB:.1f}",
        kinds=len(kinds),
        requests=max(kind["requests"] for _, kind in kinds),
        no_growth=NO_GROWTH,
        worst_kinds=_table(
            ("kind", "growth, MB"),
            ((name, f"{kind['bytes'] / _MB:.2f}") for name, kind in kinds[:_KINDS]),
        ),
        whole=WHOLE_PROCESSOR,
        dynamodb=f"{DYNAMODB * _MS:.0f}",
        sizes=_table(
            ("memory, MB", "warm response, ms", "cold response, ms"),
            ((str(size), f"{warm * _MS:.0f}", f"{cold * _MS:.0f}") for size, warm, cold in sizes),
        ),
        max_cold=MAX_COLD,
        default=build.built_template()["Parameters"]["MemorySize"]["Default"],
        passed=len(USUAL),
    )


def _noise(results: Results) -> str:
    measured = {
        "cold": {name: phases["total"] for name, phases in results.cold.items()},
        "warm": results.warm,
        "under the emulator": {name: of["wall"] for name, of in results.emulator.items()},
    }
    noise = {what: _against(figures)[AGAIN.name] for what, figures in measured.items()}
    return ", ".join(f"{what} {ratio:.3f}" for what, ratio in noise.items())


def _compare(columns: Sequence[str], figures: dict[str, list[list[float]]], digits: int = 1) -> str:
    """Return a table of all targets, and how the function compares with each in the last column."""
    ratios = _against({name: columns[-1] for name, columns in figures.items()})
    return _table(
        ("", *columns, "the function against it"),
        (
            (name, *(_ms(seconds, digits) for seconds in figures[name]), f"{ratios[name]:.3f}")
            for name in (target.name for target in ALL)
        ),
    )


def _memory_sizes(results: Results) -> list[tuple[int, float, float]]:
    """Return each memory size, with the seconds to a warm and to a cold response."""
    cold, warm = median(results.cold[FUNCTION.name]["total"]), median(results.warm[FUNCTION.name])
    wait = 2 * DYNAMODB
    shares = {size: min(1.0, size / WHOLE_PROCESSOR) for size in MEMORY_SIZES}
    return [(size, wait + warm / share, wait + cold / share) for size, share in shares.items()]


def _ms(seconds: Sequence[float], digits: int = 1) -> str:
    return f"{median(seconds) * _MS:.{digits}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
