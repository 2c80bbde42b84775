"""Play the scenarios, each in a process of its own; write docs/scale.md."""

import multiprocessing
import os
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed

import click

from tests.scale.playing import play
from tests.scale.scenarios import SCENARIOS


@click.command()
@click.argument("names", nargs=-1)
@click.option("--processes", default=os.cpu_count() or 2, show_default=True)
def main(names: tuple[str, ...], processes: int) -> None:
    """Play these scenarios, or all."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(play, name) for name in names or SCENARIOS]):
            try:
                print(done.result(), flush=True)
            except Exception:
                traceback.print_exc()


if __name__ == "__main__":
    main(prog_name="python -m tests.scale")
