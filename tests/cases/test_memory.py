"""No response leaves anything in memory, whatever its status and its way in."""

import gc
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest

from appointments import replay
from appointments.email import mandrill
from appointments.invocation import Invocation
from appointments.observability import SERVICE
from appointments.replay import LoggedRequest
from tests.support import events
from tests.support.case_runner import CASES, CaseRunner
from tests.support.email_harness import CountedAccount
from tests.support.fake_aws import FakeAws

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
        runner = CaseRunner(aws, case.state)

        def objects_after(rounds: int) -> Counter[str]:
            for _ in range(rounds):
                runner.run(case.event)  # noqa: B023 - called within the loop
                runner.reset()  # noqa: B023
                account.reset()
            gc.collect()
            return Counter(type(each).__name__ for each in gc.get_objects())

        objects_after(WARM_UP)
        gc.freeze()  # what is there by now is neither counted nor looked through again
        before = objects_after(1)
        grown = objects_after(ROUNDS) - before
        left[name] = {kind: count for kind, count in grown.items() if count >= ROUNDS}
    assert not {name: kinds for name, kinds in left.items() if kinds}


@pytest.mark.parametrize("way", ["entry", "subscription"])
def test_a_replay_leaves_no_text_in_memory(way: str) -> None:
    """No cache of texts, which the count of objects does not see, keeps those of a replay."""
    key, notes = uuid4().hex, uuid4().hex

    def texts() -> list[str]:
        entry = {
            "message": "request",
            "request_id": "JKJaXmPLvHcESHA=",
            "received_at": "2026-11-22T09:15:00.123Z",
            "token_hash": None,
            "params": {"notes": notes},
            "idempotency_key": key,
        }
        if way == "subscription":
            (entry,) = replay.entries(events.subscription(json.dumps(entry)))
            return [entry["idempotency_key"], entry["params"]["notes"]]
        request = LoggedRequest(entry, Invocation.from_context(None)).parse_request()
        return [str(request.idempotency_key), request.params["notes"]]

    assert [one is other for one, other in zip(texts(), texts(), strict=True)] == [False, False]


def test_an_email_leaves_no_text_in_memory(aws: FakeAws, account: CountedAccount) -> None:
    """No cache of texts keeps what Mandrill says of an email."""
    CaseRunner(aws, CASES["emailed, HTTP API"].state).run(CASES["emailed, HTTP API"].event)
    uuid = account.accepted_mail()[0]["metadata"]["appointment_uuid"]
    (one, *_), (other, *_) = (
        mandrill.search([uuid], date(2026, 1, 1), time.monotonic() + 8) for _ in range(2)
    )
    assert one == other
    assert one.id is not other.id
