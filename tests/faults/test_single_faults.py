"""Every single fault at every effect, some pairs, and every order of two invocations."""

import random
from collections.abc import Iterator
from concurrent.futures import Executor

import pytest

from tests.faults import campaign
from tests.faults.interleavings import PAIRS
from tests.faults.schedules import FAULTLESS, Schedule

_CHUNK = 12
# The pairs of faults that are run here, of all that `make faults` runs.
_FIRST_FAULTS = 24
_SECOND_FAULTS = 6
_SEED = 2026


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    """Two processes, each with a simulation of its own."""
    with campaign.workers() as pool:
        yield pool


@pytest.fixture(scope="module")
def effects(pool: Executor) -> dict[Schedule, list[str]]:
    """Return the effects of each run without faults, as they were recorded."""
    return dict(zip(FAULTLESS, pool.map(campaign.effects, FAULTLESS), strict=True))


@pytest.fixture(scope="module")
def singles(effects: dict[Schedule, list[str]]) -> list[Schedule]:
    """Return every schedule of one fault."""
    return [one for run, found in effects.items() for one in run.with_one_more(found)]


def test_nothing_is_lost_without_a_fault(pool: Executor) -> None:
    """Every scenario without a fault ends well: what fails below is caused by the fault."""
    tally = pool.submit(campaign.run, FAULTLESS).result()
    assert not tally.wrong


def test_every_effect_has_its_schedules(
    effects: dict[Schedule, list[str]], singles: list[Schedule]
) -> None:
    """Every recorded effect has a fault."""
    faulted = {(one.scenario, one.recovery, one.faults[0].at) for one in singles}
    recorded = {
        (run.scenario, run.recovery, at)
        for run, found in effects.items()
        for at in range(len(found))
    }
    assert faulted == recorded
    every_kind = {
        "PutItem", "UpdateItem", "Publish", "Invoke", "messages/send-template", "messages/search",
    }  # fmt: skip
    assert every_kind <= {effect for found in effects.values() for effect in found}


@pytest.mark.timeout(900)
def test_nothing_is_lost_with_one_fault(pool: Executor, singles: list[Schedule]) -> None:
    """One fault anywhere loses no appointment, no email and no notification, and doubles none."""
    chunks = [singles[at : at + _CHUNK] for at in range(0, len(singles), _CHUNK)]
    tallies = list(campaign.together(pool, [(campaign.run, chunk) for chunk in chunks]))
    wrong = {run: what for tally in tallies for run, what in tally.wrong.items()}
    assert not wrong, "\n".join(f"--only '{run}': {what}" for run, what in wrong.items())
    assert sum(tally.runs for tally in tallies) == len(singles) > 1_500


def test_nothing_is_lost_with_two_faults(pool: Executor, singles: list[Schedule]) -> None:
    """A second fault, at what recovers from the first one, loses and doubles nothing either."""
    firsts = random.Random(_SEED).sample(singles, _FIRST_FAULTS)  # noqa: S311 - a sample
    work = [(campaign.run_pairs, first, _SECOND_FAULTS) for first in firsts]
    tallies = list(campaign.together(pool, work))
    wrong = {run: what for tally in tallies for run, what in tally.wrong.items()}
    assert not wrong, "\n".join(f"--only '{run}': {what}" for run, what in wrong.items())
    assert sum(tally.runs for tally in tallies) > 5 * _FIRST_FAULTS


@pytest.mark.timeout(900)
def test_nothing_is_lost_in_any_order(pool: Executor) -> None:
    """However the effects of two invocations interleave, one creates, one sends, once."""
    tallies = list(campaign.together(pool, [(campaign.run_orders, name) for name in PAIRS]))
    wrong = {run: what for tally in tallies for run, what in tally.wrong.items()}
    assert not wrong, "\n".join(f"--only '{run}': {what}" for run, what in wrong.items())
    assert min(tally.runs for tally in tallies) > 1
