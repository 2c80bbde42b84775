"""Run every pair of faults and every order of two deliveries; or `--only` one run again."""

import os
import sys
import time
from collections import Counter
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.faults import campaign
from tests.faults.interleavings import PAIRS
from tests.faults.schedules import FAULTLESS
from tools.command import Command


@click.command(cls=Command, examples=["make faults"])
@click.option("--only", metavar="RUN", help="A run as a violation names it.")
@click.option("--workers", type=int, default=os.cpu_count() or 2, show_default=True)
def main(*, only: str | None, workers: int) -> None:
    """Run every pair of faults; exit with 1 if anything did not hold in any run."""
    console = Console()
    sys.exit(_run_one(console, only) if only else _run_all(console, workers))


def _run_one(console: Console, name: str) -> bool:
    effects, wrong = campaign.repeat(name)
    console.print("\n".join([f"{at:>4} {effect}" for at, effect in enumerate(effects)]))
    console.print(wrong or "every invariant holds", style="red" if wrong else "green")
    return bool(wrong)


def _run_all(console: Console, workers: int) -> bool:
    started = time.monotonic()
    runs: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with campaign.workers(workers) as pool, Progress(*bar, console=console) as progress:
        firsts = [
            single
            for run, effects in zip(FAULTLESS, pool.map(campaign.effects, FAULTLESS), strict=True)
            for single in run.with_one_more(effects)
        ]
        faults = pool.submit(campaign.faults, "two-deliveries").result()
        work: list[tuple[Any, ...]] = [
            *((campaign.run_orders, name) for name in PAIRS),
            *((campaign.run_orders, "two-deliveries", fault) for fault in faults),
            *((campaign.run_pairs, first) for first in firsts),
        ]
        shown = progress.add_task("first faults", total=len(work))
        for tally in campaign.together(pool, work):
            runs[tally.of] += tally.runs
            for run, what in tally.wrong.items():
                wrong[run] = what
                progress.console.print(f"{run}: {'; '.join(what)}", style="red", highlight=False)
            progress.advance(shown)
    table = Table("schedules", "runs", "violations")
    for name, number in sorted(runs.items()):
        bad = sum(1 for run in wrong if run.startswith(name.partition(",")[0]))
        table.add_row(name, str(number), str(bad))
    table.add_row("all", str(runs.total()), str(len(wrong)), end_section=True)
    console.print(table)
    console.print(f"{len(firsts)} first faults, {time.monotonic() - started:.0f} s")
    return bool(wrong)


if __name__ == "__main__":
    main(prog_name="python -m tests.faults")
