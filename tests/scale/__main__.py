"""Play the scenarios, each in a process of its own; write docs/scale.md."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

import click

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.scale import report
from tests.scale.playing import HOME, play
from tests.scale.scenarios import SCENARIOS


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option("--processes", type=int, default=os.cpu_count() or 2, show_default=True)
def main(*, names: tuple[str, ...], processes: int) -> None:
    """Play these scenarios, or all; exit with 1 if a goal is missed."""
    spawn = multiprocessing.get_context("spawn")
    is_missed = False
    # A process for each: moto frees little of its memory.
    with ProcessPoolExecutor(processes, mp_context=spawn, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(play, name) for name in names or SCENARIOS]):
            said, met = done.result()
            is_missed |= not met
            click.echo(said)
    report.write(HOME, report.ROOT / "docs" / "scale.md")
    sys.exit(is_missed)


if __name__ == "__main__":
    main(prog_name="python -m tests.scale")
