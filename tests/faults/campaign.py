"""Schedules and orders in bulk, on every core: each process has a simulation of its own."""

import multiprocessing
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.interleavings import PAIRS
from tests.faults.io_boundary import Fault
from tests.faults.schedules import Schedule
from tests.faults.simulation import Simulation, simulation

_open = ExitStack()
_worlds: list[Simulation] = []


@dataclass
class Tally:
    """What a piece of work found: how many runs, which effects had a fault, what did not hold."""

    of: str
    runs: int = 0
    faulted: set[str] = field(default_factory=set)
    wrong: dict[str, list[str]] = field(default_factory=dict)


def _begin() -> None:
    _worlds.append(_open.enter_context(simulation()))


@contextmanager
def workers(count: int = 2) -> Iterator[Executor]:
    """Start processes for the functions below; the environment must be set."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin) as pool:
        yield pool


def effects(schedule: Schedule) -> list[str]:
    """Return the effects of a run, as they are recorded."""
    found, _ = schedule.run(_worlds[0])
    return found


def run(schedules: Iterable[Schedule]) -> Tally:
    """Run these schedules."""
    tally = Tally("")
    for schedule in schedules:
        _count(tally, schedule)
    return tally


def run_pairs(schedule: Schedule, sample: int | None = None) -> Tally:
    """Run a schedule of one fault with every second fault that can come after it, or with some."""
    tally = Tally(f"{schedule.scenario} {schedule.recovery}")
    effects = _count(tally, schedule)
    pairs = list(schedule.with_one_more(effects))
    if sample is not None:
        chosen = random.Random(str(schedule))  # noqa: S311 - the same sample each time
        pairs = chosen.sample(pairs, min(sample, len(pairs)))
    for pair in pairs:
        _count(tally, pair)
    return tally


def _count(tally: Tally, schedule: Schedule) -> list[str]:
    effects, wrong = schedule.run(_worlds[0])
    tally.runs += 1
    tally.faulted |= {effects[fault.at] for fault in schedule.faults}
    if wrong:
        tally.wrong[str(schedule)] = wrong
    return effects


def faults(pair: str) -> list[Fault]:
    """Return every fault that can affect two invocations at once."""
    return PAIRS[pair].faults(_worlds[0])


def run_orders(pair: str, fault: Fault | None = None) -> Tally:
    """Run every order of two invocations' effects."""
    tally = Tally(pair if fault is None else f"{pair}, one fault")
    for choices, _, wrong in PAIRS[pair].orders(_worlds[0], fault):
        tally.runs += 1
        if wrong:
            order = "".join(map(str, choices))
            tally.wrong[f"{pair} {order} {fault or ''}".strip()] = wrong
    return tally


def together(pool: Executor, work: Iterable[Sequence[Any]]) -> Iterator[Tally]:
    """Let the workers call each function of `work` with its arguments; yield as they are done."""
    for done in as_completed([pool.submit(*each) for each in work]):
        yield done.result()


def repeat(text: str) -> tuple[list[str], list[str]]:
    """Run what a violation names once more, here; return its effects and what did not hold."""
    name, *rest = text.split()
    with simulation() as one:
        if name not in PAIRS:
            return Schedule.read(text).run(one)
        choices = [int(choice) for choice in rest[0]]
        fault = Fault.read(rest[1]) if rest[1:] else None
        _, _, effects, wrong = PAIRS[name].run(one, choices, fault)
        return [f"{number} {effect}" for number, effect in effects], wrong
