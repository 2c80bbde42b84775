"""No response leaves anything in memory, whatever its status and its way in."""

import gc
import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from appointments.observability import SERVICE
from tests.support.email_harness import CountedAccount
from tests.support.fake_aws import FakeAws
from tests.support.stage import CASES, Stage

WARM_UP = 2
ROUNDS = 5


@pytest.fixture(scope="module", autouse=True)
def thawed() -> Iterator[None]:
    """Give the collector back, after these tests, what they take from it."""
    yield
    gc.unfreeze()


@pytest.mark.parametrize("what", dict.fromkeys(name.rpartition(", ")[0] for name in CASES))
def test_a_case_leaves_no_object_in_memory(
    aws: FakeAws, account: CountedAccount, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """No object adds up as the same event comes again and again, through any way in."""
    monkeypatch.setattr(logging.getLogger(SERVICE), "propagate", False)  # pytest keeps each record
    left = {}
    for name, case in CASES.items():
        if name.rpartition(", ")[0] != what:
            continue
        stage = Stage(aws, case.state)

        def objects_after(rounds: int) -> Counter[str]:
            for _ in range(rounds):
                stage.play(case.event)  # noqa: B023 - called within the loop
                stage.forget()  # noqa: B023
                account.forget()
            gc.collect()
            return Counter(type(each).__name__ for each in gc.get_objects())

        objects_after(WARM_UP)
        gc.freeze()  # what is there by now is neither counted nor looked through again
        before = objects_after(1)
        grown = objects_after(ROUNDS) - before
        left[name] = {kind: count for kind, count in grown.items() if count >= ROUNDS}
    assert not {name: kinds for name, kinds in left.items() if kinds}
