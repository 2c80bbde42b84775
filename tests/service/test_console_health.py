"""Health's plots: exact when all is read, bounded on each look, and open about what is a part."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from appointments_operator import log_search
from appointments_operator.web.health import MAX_CALLS
from tests.support.console import path
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws
from tests.support.htmx import next_part

PART = "These are a part of the responses"


@pytest.fixture(autouse=True)
def busy(operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have 2,000 responses in the last three hours, of which one call reads 100."""
    monkeypatch.setattr(log_search, "_MAX_STREAM_PAGE", 100)
    operator_aws.filter_log()
    respond(operator_aws, 2_000)


def respond(operator_aws: FakeOperatorAws, count: int) -> None:
    """Have the log hold responses of the last three hours, one every five seconds, and more."""
    now = datetime.now(UTC)
    for message, stream in (("response", "a"), ("request", "b")):
        operator_aws.logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=f"{stream}")
        entries = [
            {"message": message, "request_id": f"{stream}-{number}", "status": "action-successful"}
            for number in range(count)
        ]
        operator_aws.logs.put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName=stream,
            logEvents=[
                {
                    "timestamp": int((now - number * timedelta(seconds=5)).timestamp() * 1000),
                    "message": json.dumps(entry),
                }
                for number, entry in reversed(list(enumerate(entries)))
            ],
        )


def counted(text: str) -> int:
    """Return how many responses a look shows."""
    found = re.search(r"<strong>action-successful</strong> (\d+)", text)
    return int(found[1]) if found else 0


def looks(console: TestClient) -> Iterator[str]:
    """Look until the page does not load any more by itself."""
    following: str | None = path("/health/plots")
    while following:
        text = console.get(following).text
        yield text
        assert bool("delay:2s" in text) == (PART in text)
        following = path("/health/plots") if PART in text else None


def test_each_look_is_bounded(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """A busy log is read in parts, the newest hour first; the page says what is not read yet."""
    calls = operator_aws.searches(lambda: console.get(path("/health/plots")))
    assert len(calls) == MAX_CALLS
    first = console.get(path("/health/plots")).text
    assert PART in first
    assert next_part(console.get(path("/health")).text) is None


def test_all_is_counted_once(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Look after look the counts grow to what the log has, also of what came meanwhile."""
    shown = [counted(text) for text in looks(console)]
    assert shown == sorted(shown)
    assert shown[0] == 100 * MAX_CALLS
    assert shown[-1] == 2_000
    assert len(shown) <= 2 + 2_000 // (100 * MAX_CALLS)
    operator_aws.log(json.dumps({"message": "response", "status": "action-successful"}))
    calls = operator_aws.searches(lambda: console.get(path("/health/plots")))
    assert len(calls) == 1
    assert counted(console.get(path("/health/plots")).text) == 2_001


def test_after_a_failure_it_begins_anew(
    operator_aws: FakeOperatorAws, console: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that fails says so; later looks count all again, and nothing twice."""
    console.get(path("/health/plots"))
    with monkeypatch.context() as broken:
        broken.setattr(log_search, "_line", None)
        with pytest.raises(TypeError):
            console.get(path("/health/plots"))
    *_, last = looks(console)
    assert counted(last) == 2_000
    assert operator_aws.invoked == []
