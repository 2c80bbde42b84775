"""Measure and write the report: `python -m bench` (`make bench`)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import check, endpoint, report
from bench.measure import MEASUREMENTS, Bench, Results
from bench.targets import LOG
from tools.bootstrap import LOCAL
from tools.release import build
from tools.terminal import err, step

SAVED: Final = LOCAL / "bench.json"
QUICK: Final = 0.2


@click.command()
@click.option("--quick", is_flag=True, help="A fifth of the rounds.")
@click.option("--only", multiple=True, type=click.Choice(MEASUREMENTS), help="Only these.")
def main(*, quick: bool, only: tuple[str, ...]) -> None:
    """Run the bench; `--only` keeps the other figures of the last run."""
    with step("Build the package (sam build)"):
        build.build()
    LOG.unlink(missing_ok=True)
    results = Results.load(SAVED) if only else Results()
    measure(results, only or MEASUREMENTS, QUICK if quick else 1.0)
    results.save(SAVED)
    err.print(f"Written: {report.write(results)}")


def measure(results: Results, names: Sequence[str], scale: float) -> None:
    """Take these measurements, with a progress bar."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    results.machine = machine()
    with endpoint.start() as plain, endpoint.start(tls=True) as secured:
        with step("All respond alike"):
            check.check(plain)
        with Progress(*columns, console=err) as progress:
            bench = Bench(results, plain, secured, progress, scale)
            bench.record_calls()
            for name in names:
                getattr(bench, name)()
    results.machine["load after"] = f"{os.getloadavg()[0]:.1f}"


def machine() -> dict[str, str]:
    """Describe the machine, as far as the figures depend on it."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "python": sys.version.split()[0],
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


if __name__ == "__main__":
    main(prog_name="python -m bench")
