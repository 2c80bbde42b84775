"""What a request costs: DynamoDB calls counted at botocore's `before-send`."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.support.fake_aws import DAY, FakeAws, event

IDS = {
    "order_id": 1001,
    "order_request_id": 2001,
    "order_request_appt_id": 3001,
    "photographer_user_id": 503,
}


@pytest.fixture
def warm(aws: FakeAws) -> FakeAws:
    """Return AWS after the function has responded once and has cached the route."""
    aws.post(request_id="warm-up")
    aws.faults.calls.clear()
    return aws


def keys_read(aws: FakeAws) -> list[str]:
    """Return the keys of everything that was read."""
    return [
        value
        for _, call in aws.faults.calls
        for table in call.get("RequestItems", {}).values()
        for key in table["Keys"]
        for typed in key.values()
        for value in typed.values()
    ]


@pytest.mark.parametrize("ids", [{}, {"order_id": 1001}, IDS], ids=["no id", "one", "four"])
def test_a_saved_appointment(warm: FakeAws, ids: dict[str, int]) -> None:
    """Warm, it takes exactly two calls, one after the other: read all, write once."""
    assert warm.post(**ids).code == 200
    assert warm.faults.operations() == ["BatchGetItem", "PutItem"]
    assert len(keys_read(warm)) == len(ids) + 2  # the session and the circuit breaker


def test_a_cold_one(aws: FakeAws) -> None:
    """The service and route record, when due, are read in the same stage."""
    assert aws.post(**IDS).code == 200
    assert aws.faults.operations() == ["BatchGetItem", "PutItem"]
    assert max(Counter(keys_read(aws)).values()) == 1
    assert len(keys_read(aws)) == 8


def test_every_read_is_consistent(warm: FakeAws) -> None:
    """What was changed a moment ago counts."""
    warm.post(**IDS)
    (_, call), _ = warm.faults.calls
    assert all(table["ConsistentRead"] for table in call["RequestItems"].values())


def test_the_write_is_conditional(warm: FakeAws) -> None:
    """The one write never puts an item over another."""
    warm.post()
    _, (_, call) = warm.faults.calls
    assert "attribute_not_exists" in call["ConditionExpression"]


def test_marking(warm: FakeAws) -> None:
    """A session that is due to be marked costs one call more, beside the write."""
    now = int(time.time())
    warm.put_session("mine-token", created_at=now - DAY, last_used_at=now - DAY)
    assert warm.post(token="mine-token").code == 200
    assert sorted(warm.faults.operations()) == ["BatchGetItem", "PutItem", "UpdateItem"]


@pytest.mark.parametrize(
    "sent",
    [
        event(token="no-address-token", order_id="x"),
        event(token=None),
        event(raw="{}"),
        event(raw="{"),
        event(token="no-address-token", headers={"content-type": "text/html"}, order_id="x"),
        {**event(token="no-address-token"), "rawPath": "/"},
        {},
    ],
)
def test_a_refused_request(warm: FakeAws, sent: dict[str, Any]) -> None:
    """A request whose parameters are bad costs no call while the route is cached."""
    assert warm.send(sent).code >= 400
    assert warm.faults.calls == []


def test_a_refused_request_when_cold(aws: FakeAws) -> None:
    """When the route is not cached, only its records are read for it."""
    assert aws.post(order_id="x").code == 400
    assert sorted(keys_read(aws)) == ["route#appointments/create", "service#appointments"]


def test_a_bad_token_or_reference(warm: FakeAws) -> None:
    """A bad token costs the one read; a missing record one more, to see whether it is a repeat."""
    assert warm.post(token="revoked-token").code == 401
    assert warm.faults.operations() == ["BatchGetItem"]
    warm.faults.calls.clear()
    assert warm.post(order_id=404).code == 400
    assert warm.faults.operations() == ["BatchGetItem", "GetItem"]


def test_a_repeat(warm: FakeAws) -> None:
    """A repeat costs one more read."""
    warm.post()
    warm.faults.calls.clear()
    assert warm.post().body["replayed"] is True
    assert warm.faults.operations() == ["BatchGetItem", "PutItem", "GetItem"]


def test_a_replay(warm: FakeAws) -> None:
    """A replay costs the same as a request, and no mark."""
    now = int(time.time())
    warm.put_session("mine-token", created_at=now - DAY, last_used_at=now - DAY)
    warm.faults.inject["BatchGetItem"] = ["refused", "refused"]
    assert warm.post(token="mine-token").status == "application-crash"
    warm.faults.calls.clear()
    assert warm.send(warm.lines("request")[-1]).code == 200
    assert warm.faults.operations() == ["BatchGetItem", "PutItem"]
