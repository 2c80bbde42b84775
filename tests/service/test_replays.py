"""Section 10's replays, as the function takes them back."""

import base64
import gzip
import json
import time
import zlib
from hashlib import sha512
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from tests.service.test_answers import check
from tests.service.test_decoding import sensitive
from tests.support.environment import clear_route_cache
from tests.support.events import REPLAYS, event_bridge, pack, subscription
from tests.support.fake_aws import DAY, FakeAws, event, read_response, rest

NOW = 1_800_000_000
KEY = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"


def replay(aws: FakeAws, shape: str, line: dict[str, Any]) -> Any:
    """Replay a line in a shape, and return its answer."""
    returned = aws.invoke(REPLAYS[shape](line))
    if shape == "subscription":
        (returned,) = returned
    check(read_response(returned), returned)
    return read_response(returned)


def logged(aws: FakeAws, **given: Any) -> dict[str, Any]:
    """Return the line of a request that crashed before it wrote anything."""
    aws.faults.inject["BatchGetItem"] = ["refused", "refused"]
    assert aws.post(**given).status == "application-crash"
    line = aws.lines("request")[-1]
    assert aws.items() == []
    return line


@pytest.mark.parametrize("shape", REPLAYS)
def test_a_replay_gives_what_the_request_would_have(aws: FakeAws, shape: str) -> None:
    """Each shape leads to the appointment, the answer and the headers of the HTTP request."""
    given: dict[str, Any] = {
        "order_id": "1001",
        "confirmed": "Yes",
        "notes": "a\r\nb 日本",
        "month_first": 1,
        "date_start_local": "1/5/2027",
        "time_duration_s": 12.0,
        "date_strat_local": "x",
        "session_view": "full",
        "headers": {"content-type": "application/json", "idempotency-key": '"k-1"'},
        "request_id": "req-7",
    }
    line = logged(aws, **given)
    replayed = replay(aws, shape, line)
    assert replayed.code == 200
    assert replayed.body["session"].pop("token") is None
    item = aws.item()
    aws.dynamodb.Table("appointments").delete_item(Key={"uuid": item["uuid"]})
    direct = aws.post(**given)
    del direct.body["session"]["token"]
    assert replayed.body == direct.body
    assert replayed.headers == direct.headers
    unlike = ("attempt", "received_at")
    assert {name: item[name] for name in item if name not in unlike} == {
        name: value for name, value in aws.item().items() if name not in unlike
    }
    assert item["received_at"] == line["received_at"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"order_id": 404}, "invalid-param"),
        ({"date_start_local": "soon", "notes": ["x"], "confirmed": {}}, "invalid-param"),
        ({"updated_at_mt": ""}, "missing-param"),
        ({"token": ""}, "missing-param"),
        ({"token": "revoked-token"}, "invalid-token"),
        ({"token": "expired-token"}, "session-expired"),
        ({"token": "no_roles-token"}, "client-required"),
        ({"application": "planoauth"}, "invalid-param"),
        ({"headers": {"content-type": "application/json", "idempotency-key": "k" * 290}},
         "invalid-param"),
    ],
)  # fmt: skip
def test_a_replay_is_refused_as_the_request_was(
    aws: FakeAws, given: dict[str, Any], status: str
) -> None:
    """What was refused is refused again, for the same reasons."""
    first = aws.post(**given)
    for shape in REPLAYS:
        again = replay(aws, shape, aws.line("request"))
        assert first.status == again.status == status
        assert set(first.param_errors()) == set(again.param_errors())
        assert first.body.get("uuid") == again.body.get("uuid")
    assert aws.items() == []


@pytest.mark.parametrize("shape", REPLAYS)
def test_any_number_of_times(aws: FakeAws, shape: str) -> None:
    """However often a line is replayed, before or after it succeeded, there is one appointment."""
    first = aws.post(notes="n")
    line = aws.line("request")
    for _ in range(3):
        again = replay(aws, shape, line)
        assert (again.code, again.body["replayed"]) == (200, True)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.body["data"] == first.body["data"]
    assert len(aws.items()) == 1


def test_the_log_of_a_replay(aws: FakeAws) -> None:
    """It writes no `request` line, which would feed a subscription, and names itself a replay."""
    line = logged(aws, request_id="req-7")
    before = len(aws.lines("request"))
    for shape in REPLAYS:
        replay(aws, shape, line)
    assert len(aws.lines("request")) == before
    responses = aws.lines("response")
    assert "replay" not in responses[0]
    assert [response["replay"] for response in responses[1:]] == [True] * 4
    assert {response["request_id"] for response in responses} == {"req-7"}


@pytest.mark.parametrize(
    ("age", "idle", "status"),
    [
        (7 * DAY, 0, "action-successful"),
        (7 * DAY + 1, 0, "session-expired"),
        (4 * DAY, 3 * DAY, "action-successful"),
        (4 * DAY, 3 * DAY + 1, "session-expired"),
    ],
)
def test_it_is_judged_as_of_when_it_was_received(
    aws: FakeAws, age: int, idle: int, status: str
) -> None:
    """The session's age and idleness are those when the request came, however late the replay."""
    with time_machine.travel(NOW, tick=False) as clock:
        aws.put_session("mine-token", created_at=NOW - age, last_used_at=NOW - idle)
        line = logged(aws, token="mine-token")
        clock.shift(90 * DAY)
        assert replay(aws, "log entry", line).status == status


def test_everything_else_is_judged_as_of_now(aws: FakeAws) -> None:
    """A session revoked, deleted or stripped of roles since, or a closed route refuse it."""
    line = logged(aws, token="remember_me-token")
    kept = {"remember_me": True, "created_at": 0, "last_used_at": 0}
    aws.put_session("remember_me-token", revoked=True, **kept)
    assert replay(aws, "log entry", line).status == "invalid-token"
    aws.put_session("remember_me-token", roles={}, **kept)
    assert replay(aws, "log entry", line).status == "client-required"
    aws.put_session("remember_me-token", roles={"planoauth": "liaison"}, **kept)
    assert replay(aws, "log entry", line).param_errors() == {"application": "invalid-param"}
    aws.dynamodb.Table("sessions").delete_item(Key={"token_hash": line["token_hash"]})
    assert replay(aws, "log entry", line).status == "invalid-token"
    aws.put_record("service#appointments", deployed=False)
    clear_route_cache()
    assert replay(aws, "log entry", line).status == "service-not-found"


def test_it_never_marks_a_session(aws: FakeAws) -> None:
    """A session is not used by a replay, however long it was idle."""
    with time_machine.travel(NOW, tick=False):
        aws.put_session("mine-token", created_at=NOW - DAY, last_used_at=NOW - DAY)
        line = logged(aws, token="mine-token", session_view="default")
        aws.faults.calls.clear()
        shown = replay(aws, "log entry", line).body["session"]
        assert shown["last_used_at"] == "2027-01-14T08:00:00Z"
        assert "UpdateItem" not in aws.faults.operations()


@pytest.mark.parametrize("shape", REPLAYS)
def test_the_uuid_of_the_line_decides(aws: FakeAws, shape: str) -> None:
    """A uuid taken from the `response` line decides the key, over parameter and header."""
    line = logged(aws)
    assert replay(aws, shape, {**line, "uuid": KEY.upper()}).body["uuid"] == KEY
    line = {**line, "uuid": KEY, "idempotency_key": "k" * 290}
    line["params"]["uuid"] = "11111111-6a57-4b38-9d3c-2f4a1f5d9c10"
    again = replay(aws, shape, line)
    assert (again.body["uuid"], again.body["replayed"]) == (KEY, True)
    assert replay(aws, shape, {**line, "uuid": None}).body["uuid"] != KEY


def test_a_conflict_of_a_replay(aws: FakeAws) -> None:
    """A line with the uuid of other content is refused like any conflict."""
    aws.post(uuid=KEY, notes="the first")
    aws.post(notes="the second")
    refused = replay(aws, "log entry", {**aws.lines("request")[-1], "uuid": KEY})
    assert (refused.param_errors(), refused.body["saved"]) == ({"uuid": "invalid-param"}, False)


def test_a_sensitive_request_cannot_be_replayed(aws: FakeAws) -> None:
    """Nothing of it was kept, and the answer says so."""
    aws.open_route(sensitive_params=True)
    aws.send(sensitive())
    refused = replay(aws, "log entry", aws.line("request"))
    assert refused.status == "no-params-decoded"
    assert "sensitive" in refused.body["message"]
    assert refused.body["request_id"] == aws.lines("request")[-1]["request_id"]


def test_a_plain_line_after_the_route_became_sensitive(aws: FakeAws) -> None:
    """A line whose parameters were kept is replayed whatever the route takes now."""
    line = logged(aws)
    aws.open_route(sensitive_params=True)
    assert replay(aws, "log entry", line).code == 200


GOOD_LINE: dict[str, Any] = {
    "level": "INFO",
    "message": "request",
    "request_id": "req-7",
    "received_at": "2026-11-22T10:00:00.000Z",
    "token_hash": "0" * 64,
    "params": {"updated_at_mt": "x"},
    "unknown": [],
    "idempotency_key": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_id", None),
        ("request_id", 5),
        ("request_id", "a b\n"),
        ("request_id", "line\n"),
        ("request_id", ...),
        ("received_at", "yesterday"),
        ("received_at", "2026-11-22T10:00:00"),
        ("received_at", None),
        ("received_at", ...),
        ("token_hash", 5),
        ("token_hash", ...),
        ("params", "text"),
        ("params", ["x"]),
        ("params", ...),
        ("params", {"notes": "\ud800"}),
        ("unknown", "text"),
        ("unknown", [5]),
        ("idempotency_key", 5),
        ("uuid", "nope"),
        ("uuid", "0" * 32),
        ("uuid", 5),
    ],
)
def test_a_malformed_line(aws: FakeAws, name: str, value: Any) -> None:
    """A line that is none is answered, and the message names what is wrong with it."""
    line = {key: kept for key, kept in {**GOOD_LINE, name: value}.items() if kept is not ...}
    at_fault = "its text" if value == {"notes": "\ud800"} else name
    for shape in ("log entry", "replay", "EventBridge"):
        refused = replay(aws, shape, line)
        assert (refused.status, refused.code) == ("identify-request-error", 500)
        assert refused.body["saved"] is False
        assert f"see {at_fault}." in refused.body["message"]
    assert aws.faults.calls == []


@pytest.mark.parametrize("sent", ["req-7\n", "req 7", "req-7\r\nx: y", "é", "", 7, "r" * 129])
def test_an_id_that_no_header_can_hold(aws: FakeAws, sent: Any) -> None:
    """A logged id that could break the header or the command is replaced by the invocation's."""
    context = SimpleNamespace(aws_request_id="lambda-1")
    refused = aws.send({**GOOD_LINE, "request_id": sent}, context)
    assert refused.status == "identify-request-error"
    assert refused.headers["X-Request-Id"] == refused.body["request_id"] == "lambda-1"
    assert aws.line("response")["request_id"] == "lambda-1"


@pytest.mark.parametrize("sent", [None, 5, "request", [], ["message"], [GOOD_LINE], True])
def test_an_event_that_is_no_object(aws: FakeAws, sent: Any) -> None:
    """An event that is no object is not a replay: no log holds a request to replay again."""
    assert aws.send(sent).status == "identify-request-error"
    assert "replay" not in aws.line("response")
    [(_, message, *_)] = aws.notifications()
    assert json.loads(json.loads(message)["sqs"])["replay"] is None


@pytest.mark.parametrize(
    ("received_at", "status"),
    [
        ("0001-01-01T00:00:00Z", "action-successful"),
        ("9999-12-31T23:59:59.999Z", "session-expired"),
        (0, "action-successful"),
        (-1, "action-successful"),
        (1e300, "identify-request-error"),
    ],
)
def test_a_moment_of_any_age(aws: FakeAws, received_at: Any, status: str) -> None:
    """A session is good before its end however long ago; a moment that no clock knows is none."""
    line = {**logged(aws), "received_at": received_at}
    assert replay(aws, "log entry", line).status == status


@pytest.mark.parametrize(
    "sent",
    [
        *({"replay": line} for line in [5, "x", [], {}, [GOOD_LINE], True]),
        event_bridge(5),
        event_bridge([]),
    ],
)
def test_what_holds_no_line(aws: FakeAws, sent: Any) -> None:
    """A shape of a replay without a line in it is answered, too."""
    refused = aws.send(sent)
    assert refused.status == "identify-request-error"
    assert aws.line("response")["replay"] is True


def test_a_subscriptions_lines(aws: FakeAws) -> None:
    """Of a payload's lines the requests are replayed, the others passed over."""
    lines = []
    for number in range(3):
        aws.post(request_id=f"req-{number}")
        lines.append(json.dumps(aws.lines("request")[-1]))
    others = [
        "START RequestId: 1 Version: $LATEST",
        "",
        "{",
        "5",
        "null",
        '["request"]',
        '{"message": "response", "request_id": "req-0"}',
        '{"message": {"a": 1}}',
        "END RequestId: 1",
    ]
    returned = aws.invoke(subscription(*others, *lines, lines[0], *others))
    assert [json.loads(each["body"])["request_id"] for each in returned] == [
        "req-0",
        "req-1",
        "req-2",
        "req-0",
    ]
    assert all(json.loads(each["body"])["replayed"] for each in returned)
    assert len(aws.items()) == 3


def test_a_batch_stops_before_its_time_is_used_up(aws: FakeAws) -> None:
    """No line is begun that may not end; the result and the log say which were not reached."""
    lines = [logged(aws, request_id=f"req-{number}", notes=str(number)) for number in range(3)]
    enough_for_one = SimpleNamespace(get_remaining_time_in_millis=lambda: 15_100)
    aws.faults.inject["BatchGetItem"] = [lambda: time.sleep(0.2)]
    sent = subscription(*map(json.dumps, lines))
    first, last = aws.invoke(sent, enough_for_one)
    assert read_response(first).status == "action-successful"
    not_reached = {
        "count": 2,
        "since": lines[1]["received_at"],
        "until": lines[2]["received_at"],
        "request_ids": ["req-1", "req-2"],
    }
    assert last == {"not_reached": not_reached}
    line = aws.line("subscription not finished")
    assert line["level"] == "ERROR"
    assert line["reached"] == 1
    assert {name: line[name] for name in not_reached} == not_reached
    assert [read_response(each).body["replayed"] for each in aws.invoke(sent)] == [
        True,
        False,
        False,
    ]


def test_a_batch_stops_before_its_result_is_too_large(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda drops a result of more than 6 MB: a batch ends before, and names what is left."""
    from appointments import subscription as module  # noqa: PLC0415 - moto first

    line = json.dumps(logged(aws, notes="x" * 1000))
    (payload,) = aws.invoke(subscription(line))
    assert module._MAX_RESULT_BYTES + 1024 * 1024 < 6 * 1000 * 1000 + 291_456
    monkeypatch.setattr(module, "_MAX_RESULT_BYTES", int(2.5 * len(json.dumps(payload))))
    *reached, last = aws.invoke(subscription(*[line] * 500))
    assert len(reached) == 3
    assert last["not_reached"]["count"] == 497
    assert len(last["not_reached"]["request_ids"]) == 400, "the log's line has its limit"
    assert len(json.dumps(aws.line("subscription not finished"))) < 64 * 1024


def test_lines_that_were_not_reached_need_no_id(aws: FakeAws) -> None:
    """What is no whole entry is counted among the lines that were not reached."""
    no_time = SimpleNamespace(get_remaining_time_in_millis=lambda: 14_000)
    broken = ['{"message": "request"}', '{"message": "request", "request_id": 5}']
    (last,) = aws.invoke(subscription(*broken), no_time)
    assert last == {"not_reached": {"count": 2, "since": None, "until": None, "request_ids": []}}


def test_a_payload_of_any_size(aws: FakeAws) -> None:
    """A payload is read to its end, also if it repeats what stands 30 KB before."""
    line = json.dumps(logged(aws))
    noise = [sha512(b"%d" % number).hexdigest() for number in range(240)]
    returned = aws.invoke(subscription(*noise * 8, line))
    assert [each["statusCode"] for each in returned] == [200]


def test_a_payload_in_another_compression(aws: FakeAws) -> None:
    """CloudWatch sends gzip: zlib's own form is not read as a subscription's payload."""
    content = zlib.compress(json.dumps({"logEvents": []}).encode())
    (returned,) = aws.invoke({"awslogs": {"data": base64.b64encode(content).decode()}})
    assert read_response(returned).status == "identify-request-error"


def test_a_malformed_line_among_good_ones(aws: FakeAws) -> None:
    """One line that cannot be replayed does not keep the others from it."""
    good = json.dumps(logged(aws))
    returned = aws.invoke(subscription('{"message": "request"}', good))
    assert [each["statusCode"] for each in returned] == [500, 200]


def test_a_control_message(aws: FakeAws) -> None:
    """CloudWatch's own test message holds no request: nothing is to do."""
    sent = subscription(
        "CWL CONTROL MESSAGE: Checking health of destination", messageType="CONTROL_MESSAGE"
    )
    assert aws.invoke(sent) == []
    assert aws.invoke(subscription()) == []


@pytest.mark.parametrize(
    "sent",
    [
        {"awslogs": None},
        {"awslogs": []},
        {"awslogs": {}},
        {"awslogs": {"data": None}},
        {"awslogs": {"data": 5}},
        {"awslogs": {"data": ""}},
        {"awslogs": {"data": "!!!"}},
        {"awslogs": {"data": "é"}},
        {"awslogs": {"data": base64.b64encode(b"no gzip").decode()}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"{}")[:-9]).decode()}},
        pack(b"no JSON"),
        pack(b"[]"),
        pack(b"{}"),
        pack(b'{"logEvents": 5}'),
        pack(b'{"logEvents": [5]}'),
        pack(b'{"logEvents": [{}]}'),
        pack(b'{"logEvents": [{"message": '),
        pack(b"[" * 100_000),
    ],
)
def test_a_payload_that_cannot_be_read(aws: FakeAws, sent: Any) -> None:
    """A payload that cannot be read gets one response, as an event that cannot be identified."""
    (returned,) = aws.invoke(sent)
    assert read_response(returned).status == "identify-request-error"
    check(read_response(returned), returned)


@pytest.mark.parametrize("message", [5, None, {}, ["x"], True])
def test_a_message_that_is_no_text(aws: FakeAws, message: Any) -> None:
    """A log event whose message is no text is passed over."""
    assert aws.invoke(subscription(message)) == []


def test_a_gzip_bomb(aws: FakeAws) -> None:
    """A payload that unpacks to far more than CloudWatch sends is not unpacked to its end."""
    import tracemalloc  # noqa: PLC0415

    bomb = pack(b'{"logEvents": [' + b" " * 80_000_000 + b"]}")
    tracemalloc.start()
    (returned,) = aws.invoke(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read_response(returned).status == "identify-request-error"
    assert peak < 40_000_000


def test_http_never_passes_for_a_replay(aws: FakeAws) -> None:
    """Whatever a client sends in body or headers, his request is a request: it needs its token."""
    aws.post(request_id="theirs")
    line = aws.line("request")
    for shape in REPLAYS.values():
        sent = shape(line)
        for request in (event(raw=json.dumps(sent)), event(raw=json.dumps([sent]))):
            for each in (request, rest(request)):
                assert aws.send(each).status in ("missing-param", "no-params-decoded")
        headers = {"content-type": "application/json", **sent, "replay": json.dumps(line)}
        for each in (event(headers=headers, token=None), rest(event(headers=headers, token=None))):
            assert aws.send(each).param_errors() == {"token": "missing-param"}
    assert len(aws.items()) == 1
    assert not any("replay" in response for response in aws.lines("response"))


@pytest.mark.parametrize(
    "kept",
    [
        ["requestContext"],
        ["rawPath"],
        ["routeKey"],
        ["body"],
        ["headers"],
        ["httpMethod"],
        ["path"],
        ["requestContext", "rawPath", "headers", "body", "version", "routeKey"],
    ],
)
def test_junk_beside_what_api_gateway_sends(aws: FakeAws, kept: list[str]) -> None:
    """A replay's shape beside any name that API Gateway sends is no replay."""
    aws.post()
    line = aws.line("request")
    sent = rest(event(token=None)) | event(token=None)
    http = {name: value for name, value in sent.items() if name in kept}
    for shape in REPLAYS.values():
        assert aws.send({**shape(line), **http}).status in (
            "identify-request-error",
            "invalid-content-type",
            "missing-param",
        )
        assert "replay" not in aws.lines("response")[-1]


def test_the_schedule_beside_a_request(aws: FakeAws) -> None:
    """The schedule's event is that and nothing else."""
    assert aws.send({"schedule": "owed", **event(token=None)}).status == "missing-param"
    assert aws.send({"schedule": "other"}).status == "identify-request-error"
    assert "statusCode" not in aws.invoke({"schedule": "owed"})


def test_the_token_of_a_line(aws: FakeAws) -> None:
    """A line has no token; one that was put there by hand counts for nothing."""
    line = logged(aws, session_view="default")
    line["params"]["token"] = "revoked-token"
    again = replay(aws, "log entry", line)
    assert again.code == 200
    assert again.body["session"]["token"] is None
