"""Events of any shape: always a response, never an exception."""

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.test_answers import check
from tests.service.test_replays import GOOD_LINE
from tests.support.events import REPLAYS, event_bridge, subscription
from tests.support.fake_aws import FakeAws, event, read_response, rest

EVENTS = Path(__file__).parents[2] / "events"

# Anything that Lambda's own json.loads can return, NaN and lone surrogates included.
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "POST",
        "request",
        "owed",
        "application/json",
        "text/plain",
        "no-address-token",
        "null",
        "\ud800",
    ]
)
NAMES = TEXTS | st.sampled_from(
    sorted({*event(), *rest(event()), *GOOD_LINE, *event_bridge({}), "awslogs", "replay",
            "schedule", "data", "requestId", "http", "method", "content-type", "idempotency-key"})
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
REAL = [
    event(token="no-address-token", notes="n", order_id=1001, other="x"),
    rest(event(token="no-address-token", headers={"content-type": "application/json"})),
    event(headers={"content-type": "text/plain", "idempotency-key": "k"}),
    *(shape(GOOD_LINE) for shape in REPLAYS.values()),
    subscription('{"message": "request"}', "{"),
    event_bridge({"replay": GOOD_LINE}),
]
# What a schedule run returns.
RUN = {"emails", "notifications", "searches", "failed"}
ANYTHING = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each node below `node`."""
    entries = node.items() if isinstance(node, dict) else []
    for key, value in [*entries, *(enumerate(node) if isinstance(node, list) else [])]:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Return a real event with some of its nodes dropped or replaced."""
    sent = copy.deepcopy(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(places(sent)) or [("nothing",)]))
        node = sent
        for key in way:
            node = node[key]
        if draw(st.booleans()):
            node[last] = draw(VALUES)
        elif isinstance(node, dict):
            node.pop(last, None)
    return sent


def is_answered(aws: FakeAws, sent: Any) -> None:
    """Hold the answer to any event to what section 2 says of every answer."""
    aws.payloads.clear()
    aws.out.truncate(aws.out.seek(0))
    before = json.dumps(sent)
    returned = aws.invoke(sent)
    assert json.dumps(sent) == before, "the event was changed"
    if isinstance(sent, dict) and sent.get("schedule") == "owed" and returned.keys() == RUN:
        return  # by chance it is the event of the schedule
    for payload in returned if isinstance(returned, list) else [returned]:
        check(read_response(payload), payload)
    answers = len(returned) if isinstance(returned, list) else 1
    assert len(aws.lines("response")) == answers
    assert len(aws.lines("request")) <= answers


@ANYTHING
@given(sent=VALUES)
def test_any_value(aws: FakeAws, sent: Any) -> None:
    """Any JSON value whatever is answered."""
    is_answered(aws, sent)


@ANYTHING
@given(sent=st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_object_of_known_names(aws: FakeAws, sent: dict[str, Any]) -> None:
    """Any object that looks like an event is answered."""
    is_answered(aws, sent)


@ANYTHING
@given(sent=mutated())
def test_mutated_events(aws: FakeAws, sent: Any) -> None:
    """A real event with any of its nodes dropped or replaced is answered."""
    is_answered(aws, sent)


@ANYTHING
@given(params=st.dictionaries(NAMES | st.sampled_from(["notes", "order_id", "uuid"]), VALUES))
def test_any_body(aws: FakeAws, params: dict[str, Any]) -> None:
    """Whatever JSON a good caller sends is answered, and nothing crashes on it."""
    sent = event(raw=json.dumps({"token": "no-address-token", "updated_at_mt": "x", **params}))
    is_answered(aws, sent)
    assert aws.line("response")["status"] not in ("application-crash", "identify-request-error")


@ANYTHING
@given(raw=st.binary(max_size=60), media_type=st.sampled_from(["application/json", "text/plain"]))
def test_any_bytes(aws: FakeAws, raw: bytes, media_type: str) -> None:
    """Whatever bytes arrive are answered as the caller's fault."""
    sent = event(headers={"content-type": media_type}, raw=base64.b64encode(raw).decode())
    is_answered(aws, {**sent, "isBase64Encoded": True})
    assert aws.line("response")["code"] == 400


@ANYTHING
@given(content=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_subscription(aws: FakeAws, content: bytes) -> None:
    """Whatever a subscription's payload holds is answered or passed over."""
    is_answered(aws, {"awslogs": {"data": base64.b64encode(content).decode()}})
    is_answered(aws, subscription(content.decode(errors="replace")))


def test_an_event_of_great_depth(aws: FakeAws) -> None:
    """An event nested as deep as its JSON may be is answered, whatever it says it is."""
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    for sent in (deep, {"body": deep}, {"headers": deep}, {"replay": deep}, {"detail": {"a": deep}},
                 {**GOOD_LINE, "params": {"notes": deep}}, {"awslogs": deep}):  # fmt: skip
        returned = aws.invoke(sent)
        payloads = returned if isinstance(returned, list) else [returned]
        assert payloads
        for payload in payloads:
            check(read_response(payload), payload)


@pytest.mark.parametrize("context", [None, 5, "x", {}, object()])
def test_any_context(aws: FakeAws, context: Any) -> None:
    """A context that is none of Lambda's, or none, is no reason to fail."""
    assert aws.send(event(token="no-address-token"), context).code == 200


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_the_events_at_hand(aws: FakeAws, path: Path) -> None:
    """Each of the project's own events is answered."""
    sent = json.loads(path.read_text())
    if sent != {"schedule": "owed"}:
        is_answered(aws, sent)
    else:
        assert set(aws.invoke(sent)) == {"emails", "notifications", "searches", "failed"}
