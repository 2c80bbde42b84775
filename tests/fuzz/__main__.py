"""Play generated requests and report what does not hold: `make fuzz COUNT= SEED=`."""

import argparse
import gc
import json
import sys
import time

import psutil

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.fuzz.player import player
from tests.fuzz.scenarios import scenario
from tests.support.events import HTTP


def main() -> int:
    """Return 0 if every rule held."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where chance begins")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one scenario, and show it")
    given = parser.parse_args()
    process = psutil.Process()
    seen: dict[str, int] = {}
    with player() as stage:
        began, number, memory = time.time(), 0, []
        numbers = range(10**9) if given.only is None else [given.only]
        for number in numbers:
            if stage.tally.requests >= given.count:
                break
            played = scenario(given.seed, number, time.time())
            for rule in stage.play(played):
                kind = rule[:60]
                seen[kind] = seen.get(kind, 0) + 1
                if seen[kind] <= 3:
                    print(f"{given.seed}/{number}: {rule}")
            if given.only is not None:
                print(json.dumps(HTTP[played.way](played.request), indent=1), played.expected, sep="\n")
            if number % 1000 == 500:
                gc.collect()
                memory.append(process.memory_info().rss)
        took = time.time() - began
    print(stage.tally.statuses, stage.tally.ways, stage.tally.slowest, stage.tally.requests / took, memory, seen)
    return bool(seen)


if __name__ == "__main__":
    sys.exit(main())
