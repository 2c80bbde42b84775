"""Measure everything and write the report: `python -m bench` (`make bench`)."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import check, endpoint, report
from bench.contenders import LOG
from bench.measure import Bench, Results
from tools.bootstrap import LOCAL
from tools.console import err, step
from tools.release import build

KEPT: Final = LOCAL / "bench.json"
QUICK: Final = 0.2
ALL: Final = ("cold", "imports", "warm", "steps", "rie", "growth", "memory", "kinds")


@click.command()
@click.option("--quick", is_flag=True, help="A fifth of the rounds.")
@click.option("--report", "report_only", is_flag=True, help="Only write the report again.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this measurement (repeatable).")
def main(*, quick: bool, report_only: bool, only: tuple[str, ...]) -> None:
    """Run the bench; `--report` alone writes the report again from the last run's figures."""
    if not report_only:
        with step("Build the package (sam build)"):
            build.build()
        LOG.unlink(missing_ok=True)
        measure(QUICK if quick else 1.0, only).save(KEPT)
    written = report.write(Results.load(KEPT))
    err.print(f"Written: {written}")


def measure(scale: float, only: Sequence[str]) -> Results:
    """Take all measurements, with a progress bar."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with endpoint.start() as plain, endpoint.start(tls=True) as secured:
        with step("All answer alike"):
            check.check(plain)
        with Progress(*columns, console=err) as progress:
            bench = Bench(plain, progress, scale)
            bench.results.machine = machine()
            bench.record_calls()
            for name in only or ALL:
                getattr(bench, name)()
            bench.tls(secured)
            bench.size()
    bench.results.machine["load after"] = f"{os.getloadavg()[0]:.1f}"
    return bench.results


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
