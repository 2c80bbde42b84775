"""The report: what was measured, against what was to be reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench import cost, plots
from bench.contenders import AGAIN, ALL, CALLS, FASTAPI, FUNCTION, NAIVE, RIVALS, STANDARD
from bench.measure import GROUPS, Results
from bench.requests import FAULTS, PARAMETERS, USUAL
from tools.release import build

REPORT: Final = Path(__file__).resolve().parent / "REPORT.md"
PHASES: Final = ("interpreter", "init", "first answer")
# Memory is counted in pages, and the allocator moves a few: less than this is no growth.
NO_GROWTH: Final = 500_000
# Linear: a fault among many costs no more than one among few, but for noise.
LINEAR: Final = 1.25
_MB: Final = 1e6
_MS: Final = 1000


@dataclass(frozen=True)
class Goal:
    """One row of what is to be reached."""

    what: str
    wanted: str
    measured: str
    is_met: bool


def write(results: Results) -> Path:
    """Write the report and its plots; return its path."""
    REPORT.write_text(_page(results))
    return REPORT


def goals(results: Results) -> list[Goal]:
    """Hold the figures against the goals."""
    cold = {name: median(phases["total"]) for name, phases in results.cold.items()}
    ours = cold[FUNCTION.name]
    rie = {name: median(figures["wall"]) for name, figures in results.rie.items()}
    tls = median(results.tls[FUNCTION.name]) * _MS
    after = results.resident["after 1,000"]
    grown = results.resident["after 11,000"] - after
    most = max(kind["bytes"] for kind in results.kinds.values())
    body, parameters = (_growth(results, what) for what in ("body, KB", "parameters"))
    late = _late_fault(results)
    return [
        *(
            _ratio(f"cold start, CPU, against {rival.name}", limit, ours / cold[rival.name])
            for rival, limit in ((STANDARD, 0.38), (NAIVE, 1.0), (FASTAPI, 0.45))
        ),
        _ratio(
            "first answer under the Runtime Interface Emulator, against standard",
            0.45,
            rie[FUNCTION.name] / rie[STANDARD.name],
        ),
        _ratio(
            "warm request, CPU, against the bare botocore calls that it makes",
            1.25,
            median(results.warm[FUNCTION.name]) / median(results.warm[CALLS.name]),
        ),
        Goal("in-handler CPU, first invocation, TLS", "≤ 30 ms", f"{tls:.1f} ms", tls <= 30),
        Goal(
            "resident memory after 1,000 requests",
            "≤ 55 MB",
            f"{after / _MB:.1f} MB",
            after <= 55 * _MB,
        ),
        Goal("its growth over the next 10,000", "none", f"{grown / _MB:.2f} MB", grown < NO_GROWTH),
        Goal(
            "its growth over any kind of request", "none", f"{most / _MB:.2f} MB", most < NO_GROWTH
        ),
        Goal(
            "deployment zip with `.pyc`",
            "≤ 8.5 MB",
            f"{results.zip_bytes / _MB:.1f} MB",
            results.zip_bytes <= 8.5 * _MB,
        ),
        _ratio("growth of CPU, body 2 KB to 48 KB", 1.15, body),
        _ratio(f"growth of CPU, {PARAMETERS[0]} to {PARAMETERS[-1]} parameters", 1.1, parameters),
        Goal(
            f"growth of CPU, {FAULTS[0]} to {FAULTS[-1]} faults",
            "linear",
            f"a late fault costs {late:.2f} of an early one",
            late <= LINEAR,
        ),
    ]


def _ratio(what: str, limit: float, measured: float) -> Goal:
    return Goal(what, f"≤ {limit}", f"{measured:.3f}", measured <= limit)


def _growth(results: Results, what: str) -> float:
    curve = list(results.growth[what].values())
    return median(curve[-1]) / median(curve[0])


def _late_fault(results: Results) -> float:
    """Return what one of the last faults costs against one of the first, in medians."""
    points = [(int(count), median(seconds)) for count, seconds in results.growth["faults"].items()]
    (first, cheap), (middle, half), (last, dear) = points[0], points[len(points) // 2], points[-1]
    return ((dear - half) / (last - middle)) / ((half - cheap) / (middle - first))


_PAGE: Final = """\
# The bench

Written by `make bench` on {date}, from one run on {machine}, Python {python};
load average {before} before, {after} after. Figures are medians; ratios are of medians of what
was measured in turn, interleaved, in that one run.

**The noise.** The function measured against itself, as if it were a rival: {null}
(1 would be no noise).

## What was to be reached

{goals}

## Cold start

CPU (user and system) of a fresh process from its start to its first answer, in ms.

{cold}

![Cold start by phase]({cold_plot})

Where INIT's CPU goes, by library: each module's own share, measured apart, with an import hook in
place. What a peer's own modules take is mostly the making of its clients.

![INIT by library]({imports_plot})

Under Lambda's real Runtime Interface Emulator, from the first invocation to its answer, INIT
included:

{rie}

CPU in the handler for the first invocation, over TLS, the endpoint's certificate verified, each
trusting the roots that its package brings:

{tls}

## Warm request

CPU of a request in a persistent process, in batches that alternate.

{warm}

The function's steps are drawn by their shares, which were measured apart.

![A warm request by step]({warm_plot})

## Memory and size

Resident after the first request {first} MB, after 1,000 {thousand} MB, after 11,000 {eleven} MB.
The zip has {zip} MB.

{kinds}

## Growth

![Growth of CPU]({growth_plot})

{growth}

## What a million requests cost

{cost}

A model, not a bill. List prices of {prices_of}, US East (N. Virginia), arm64, no free tier: Lambda
${gb_second} a GB-second and $0.20 a million requests; HTTP API $1.00; DynamoDB on demand $0.625
a million write units and $0.125 read units; logs $0.50 a GB. Measured: the CPU above (this
machine's, as if it were one whole processor at {whole} MB and a share in proportion below), {item}
bytes an item, {log} bytes of log a request. Assumed: {dynamodb} ms a call to DynamoDB,
{mandrill} ms to Mandrill, {cold_share} cold starts, INIT at the same share of a processor and billed. "With all
else" adds the API, the tables and the log (${fixed}), which outweigh the function.

**Recommended: {best} MB**, the smallest whose cold start is answered within {longest_first} s. The template's
default (`MemorySize`) is {default} MB. A larger one costs more where an email is sent: waiting for
Mandrill is billed by the GB too.

## How it is measured

- All run in processes of their own on a bare interpreter (`python -S -I`): the function from its
  built package, the peers from their locked libraries, compiled, so that none starts slower for
  want of `.pyc`.
- All call the same MiniStack in a process of its own, over plain HTTP but for the TLS row. CPU of
  the measured process counts, not what it waits; only under the emulator the clock is the figure.
- Before anything is timed, the function and its peers pass the same check of their answers
  (`bench/check.py`): a success and what it stored, two faults at once, a bad token, a missing
  reference, a key that is taken.
- The request has {passed} parameters, four of them references; nobody has an address, so that no
  email outweighs the rest.
- The peers lack what the function has beside (`bench/peers/__init__.py` lists it). Powertools'
  Tracer is off outside Lambda: the standard peer pays for the X-Ray SDK's import but for no
  segment, save under the emulator.
- The bare botocore calls are the very calls that the function makes, recorded, on a client as
  botocore's documentation makes it.
- The certificate over TLS is self-signed: one signature to verify, where AWS's chain has three.
"""


def _page(results: Results) -> str:
    machine, resident = results.machine, results.resident
    measured = _measured(results)
    rows = cost.model(measured)
    return _PAGE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine["processor"],
        python=machine["python"],
        before=machine["load before"],
        after=machine["load after"],
        null=_null(results),
        goals=_table(
            ("", "goal", "measured", ""),
            [
                (goal.what, goal.wanted, goal.measured, "met" if goal.is_met else "**missed**")
                for goal in goals(results)
            ],
        ),
        cold=_cold(results),
        cold_plot=_cold_plot(results),
        imports_plot=_imports_plot(results),
        rie=_table(
            ("", "clock, ms", "CPU of the runtime's process, ms"),
            [
                (name, _ms(figures["wall"], 0), _ms(figures["cpu"], 0))
                for name, figures in results.rie.items()
            ],
        ),
        tls=_table(("", "ms"), [(name, _ms(seconds)) for name, seconds in results.tls.items()]),
        warm=_warm(results),
        warm_plot=_steps_plot(results),
        first=f"{resident['first'] / _MB:.1f}",
        thousand=f"{resident['after 1,000'] / _MB:.1f}",
        eleven=f"{resident['after 11,000'] / _MB:.1f}",
        zip=f"{results.zip_bytes / _MB:.1f}",
        kinds=kinds(results),
        growth_plot=plots.growth("growth", results.growth),
        growth=_growth_tables(results),
        cost=_cost(rows),
        prices_of=cost.PRICES_OF,
        gb_second=cost.GB_SECOND,
        whole=cost.WHOLE_PROCESSOR,
        item=measured.item_bytes,
        log=measured.log_bytes,
        dynamodb=f"{cost.DYNAMODB * _MS:.0f}",
        mandrill=f"{cost.MANDRILL * _MS:.0f}",
        cold_share=f"{cost.COLD_SHARE:.0%}",
        fixed=f"{cost.fixed(measured):.2f}",
        best=cost.recommended(rows).memory,
        longest_first=cost.LONGEST_FIRST,
        default=build.built_template()["Parameters"]["MemorySize"]["Default"],
        passed=len(USUAL),
    )


def _null(results: Results) -> str:
    cold, warm, rie = (
        median(of[AGAIN.name]) / median(of[FUNCTION.name])
        for of in (
            {name: phases["total"] for name, phases in results.cold.items()},
            results.warm,
            {name: figures["wall"] for name, figures in results.rie.items()},
        )
    )
    return f"cold {cold:.3f}, warm {warm:.3f}, under the emulator {rie:.3f}"


def _cold(results: Results) -> str:
    ours = median(results.cold[FUNCTION.name]["total"])
    return _table(
        ("", *PHASES, "total", "the function against it"),
        [
            (
                contender.name,
                *(_ms(phases[phase]) for phase in PHASES),
                _ms(phases["total"]),
                f"{ours / median(phases['total']):.3f}",
            )
            for contender in ALL
            for phases in [results.cold[contender.name]]
        ],
    )


def kinds(results: Results) -> str:
    """Return the paragraph and the table of memory by kind of request."""
    requests = sum(kind["requests"] for kind in results.kinds.values())
    return f"""\
Memory by kind of request: the catalogue of the tests (`tests/support/cases.py`), {requests:,} requests
after a warm-up, the ways in by turns, a process per kind. Growth below {NO_GROWTH / _MB} MB over a kind's
requests is pages and the allocator: it does not rise with their number.

""" + _table(
        ("kind", "ways in", "requests", "growth, KB"),
        [
            (name, ", ".join(kind["ways"]), str(kind["requests"]), f"{kind['bytes'] / 1000:.0f}")
            for name, kind in results.kinds.items()
        ],
    )


def _cold_plot(results: Results) -> str:
    bars = {
        contender.name: {phase: median(results.cold[contender.name][phase]) for phase in PHASES}
        for contender in ALL
    }
    return plots.stacked("cold", bars, "Cold start, by phase", PHASES)


def _imports_plot(results: Results) -> str:
    order = ("Python's own", *GROUPS)
    return plots.stacked("imports", results.imports, "INIT, by library", order)


def _warm(results: Results) -> str:
    ours = median(results.warm[FUNCTION.name])
    return _table(
        ("", "ms", "the function against it"),
        [
            (
                contender.name,
                _ms(results.warm[contender.name], 2),
                f"{ours / median(results.warm[contender.name]):.3f}",
            )
            for contender in ALL
        ],
    )


def _steps_plot(results: Results) -> str:
    steps = dict(results.steps)
    every = steps.pop("all")
    steps["the rest of the use case"] = every - sum(steps.values())
    # They were timed at another moment, in the machine's pace of then: what counts is their shares.
    whole = median(results.warm[FUNCTION.name])
    bars = {
        "the function": {step: whole * seconds / every for step, seconds in steps.items()},
        **{
            contender.name: {"a peer's whole": median(results.warm[contender.name])}
            for contender in (*RIVALS, CALLS)
        },
    }
    order = (*steps, "a peer's whole")
    return plots.stacked("warm", bars, "A warm request, by step", order)


def _growth_tables(results: Results) -> str:
    return "\n\n".join(
        _table((what, *taken), [("ms", *(_ms(seconds, 2) for seconds in taken.values()))])
        for what, taken in results.growth.items()
    )


def _measured(results: Results) -> cost.Measured:
    cold = {phase: median(seconds) for phase, seconds in results.cold[FUNCTION.name].items()}
    return cost.Measured(
        init=cold["interpreter"] + cold["init"],
        first=cold["first answer"],
        warm=median(results.warm[FUNCTION.name]),
        item_bytes=results.written["item"],
        log_bytes=results.written["log"],
    )


def _cost(rows: Sequence[cost.Row]) -> str:
    return _table(
        (
            *("memory, MB", "warm answer, ms", "cold answer, ms", "the function, $"),
            *("with all else, $", "the function with an email, $"),
        ),
        [
            (
                str(row.memory),
                f"{row.warm * _MS:.0f}",
                f"{row.cold * _MS:.0f}",
                f"{row.function:.2f}",
                f"{row.total:.2f}",
                f"{row.function_with_email:.2f}",
            )
            for row in rows
        ],
    )


def _ms(seconds: Sequence[float], digits: int = 1) -> str:
    return f"{median(seconds) * _MS:.{digits}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
