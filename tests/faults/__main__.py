"""Run every pair of faults and every order of two deliveries; or `--only` one run again."""

import argparse
import os
import sys
import time
from collections import Counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.faults import campaign
from tests.faults.interleavings import PAIRS
from tests.faults.schedules import FAULTLESS


def main() -> int:
    """Return 0 where everything held in every run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", metavar="RUN", help="a run as a violation names it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    given = parser.parse_args()
    console = Console()
    if given.only:
        effects, wrong = campaign.repeat(given.only)
        console.print("\n".join([f"{at:>4} {name}" for at, name in enumerate(effects)]))
        console.print(wrong or "everything held", style="red" if wrong else "green")
        return bool(wrong)
    return _run_all(console, given.workers)


def _run_all(console: Console, workers: int) -> int:
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
    sys.exit(main())
