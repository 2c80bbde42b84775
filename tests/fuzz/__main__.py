"""Play generated requests and report what does not hold: `make fuzz COUNT= SEED=`."""

import gc
import json
import sys
import time
from collections import Counter

import click
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.fuzz.player import Tally, player
from tests.fuzz.scenarios import scenario
from tests.support.events import HTTP
from tools.command import Command

# Memory is measured every so many requests.
STEP = 1000
# So many scenarios are named for each rule that does not hold.
NAMED = 3


@click.command(cls=Command, examples=["make fuzz COUNT=20000 SEED=1"])
@click.option("--count", type=int, default=20_000, show_default=True, help="How many requests.")
@click.option("--seed", type=int, help="Where chance begins; by default the time.")
@click.option("--only", type=int, metavar="NUMBER", help="Show one scenario and play it.")
def main(*, count: int, seed: int | None, only: int | None) -> None:
    """Play generated requests and report what does not hold; exit with 1 if any rule does not."""
    seed = int(time.time()) if seed is None else seed
    console = Console(soft_wrap=True)
    is_broken = _play(console, seed, count) if only is None else _play_one(console, seed, only)
    sys.exit(is_broken)


def _play(console: Console, seed: int, count: int) -> bool:
    bar = (
        TextColumn("seed {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    broken: Counter[str] = Counter()
    resident: list[int] = []
    began, number = time.time(), 0
    with player() as stage, Progress(*bar, console=Console(stderr=True)) as progress:
        shown = progress.add_task(str(seed), total=count)
        while stage.tally.requests < count:
            for rule in stage.play(scenario(seed, number, time.time())):
                kind = rule.partition(":")[0]
                broken[kind] += 1
                if broken[kind] <= NAMED:
                    console.print(f"--seed {seed} --only {number}: {rule}", markup=False)
            number += 1
            progress.update(shown, completed=stage.tally.requests)
            if len(resident) < stage.tally.requests // STEP:
                gc.collect()
                resident.append(psutil.Process().memory_info().rss)
    _report(console, stage.tally, time.time() - began, resident)
    for kind, times in broken.most_common():
        console.print(f"{times:>6} times: {kind}", style="red", markup=False)
    return bool(broken)


def _play_one(console: Console, seed: int, number: int) -> bool:
    played = scenario(seed, number, time.time())
    console.print(json.dumps(HTTP[played.way](played.request), indent=1), markup=False)
    console.print(played, markup=False)
    with player() as stage:
        broken = stage.play(played)
    console.print("\n".join(broken) or "every rule holds", style="red" if broken else "green")
    return bool(broken)


def _report(console: Console, tally: Tally, seconds: float, resident: list[int]) -> None:
    table = Table("status", "responses")
    for status, count in tally.statuses.most_common():
        table.add_row(status, str(count))
    console.print(table)
    ways = ", ".join(f"{way} {count}" for way, count in tally.ways.most_common())
    console.print(f"{tally.requests} requests in {seconds:.0f} s. Ways in: {ways}.")
    slowest, request = tally.slowest
    console.print(f"Slowest: {slowest * 1000:.0f} ms, {request}.")
    if len(resident) > 1:
        # The first thousand fills the caches.
        grown = (resident[-1] - resident[0]) / (len(resident) - 1)
        console.print(
            f"Resident memory, moto's included: {resident[0] / 1e6:.1f} MB after {STEP} requests, "
            f"{resident[-1] / 1e6:.1f} MB at the end, {grown / STEP:.0f} bytes per request."
        )


if __name__ == "__main__":
    main(prog_name="python -m tests.fuzz")
