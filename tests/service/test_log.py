"""Section 10's two log lines, and the metrics of each answer."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.test_decoding import GOOD, LARGEST, padded, sensitive
from tests.service.world import World, event, hash_of

LARGEST_LINE = 64 * 1024
OURS = {"timestamp", "service"}  # what the logger adds to every line


def told(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without what the logger adds to all."""
    return {name: value for name, value in line.items() if name not in OURS}


def test_the_request_line(world: World) -> None:
    """It holds the known parameters as received, without the token; of others, names."""
    world.post(
        request_id="req-7",
        headers={"content-type": "application/json", "Idempotency-Key": '"k-1"'},
        order_id="1001",
        confirmed="Yes",
        notes="a\r\nb",
        summary=None,
        location="",
        time_duration_s=12.0,
        date_strat_local="2027-01-05",
        other={"secret": "value"},
    )
    line = told(world.line("request"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("received_at"))
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": "req-7",
        "token_hash": hash_of("silent-token"),
        "params": {
            "updated_at_mt": "2026-11-22 10:00:00",
            "order_id": "1001",
            "confirmed": "Yes",
            "notes": "a\r\nb",
            "summary": None,
            "location": "",
            "time_duration_s": 12.0,
        },
        "unknown": ["date_strat_local", "other"],
        "idempotency_key": '"k-1"',
    }


def test_the_request_line_of_nothing(world: World) -> None:
    """What was not sent is null there, never left out."""
    world.send(event(raw='{"confirmed": 1}'))
    line = told(world.line("request"))
    del line["received_at"]
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": "req-1",
        "token_hash": None,
        "params": {"confirmed": 1},
        "unknown": [],
        "idempotency_key": None,
    }


def test_the_request_line_of_a_sensitive_body(world: World) -> None:
    """A body that came as text/plain leaves `params` null, on whichever route."""
    world.send(sensitive(notes="private"))
    world.open_route(sensitive_params=True)
    world.send(sensitive(notes="private"))
    for line in world.lines("request"):
        assert line["params"] is None
        assert line["token_hash"] == hash_of("silent-token")
    assert len(world.lines("request")) == 2
    assert "private" not in world.out.getvalue()


def test_it_is_written_before_the_first_read(world: World) -> None:
    """Whatever happens to the first read, the request is on record."""
    seen = []
    world.wire.breaks["BatchGetItem"] = [lambda: seen.append(len(world.lines("request")))]
    world.post()
    assert seen == [1]


def test_a_request_that_is_refused_is_on_record(world: World) -> None:
    """A request with bad parameters or a bad token is on record as well."""
    world.post(token="revoked-token", request_id="r1")
    world.post(date_start_local="soon", request_id="r2")
    assert [line["request_id"] for line in world.lines("request")] == ["r1", "r2"]


@pytest.mark.parametrize(
    "sent",
    [
        event(raw=""),
        event(raw="[]"),
        event(raw="{"),
        event(raw=padded(LARGEST + 1)),
        event(headers={"content-type": "text/html"}),
        sensitive("!!!"),
        {**event(), "rawPath": "/"},
        {},
        None,
    ],
)
def test_no_request_line(world: World, sent: Any) -> None:
    """What could not be decoded to parameters leaves only a `response` line."""
    world.send(sent)
    assert world.lines("request") == []
    assert world.line("response")["saved"] is False


def test_the_response_line(world: World) -> None:
    """It ends every request, and tells the same as the answer."""
    answer = world.post()
    line = told(world.line("response"))
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "INFO",
        "message": "response",
        "request_id": "req-1",
        "uuid": answer.body["uuid"],
        "status": "action-successful",
        "code": 200,
        "saved": True,
        "reason": None,
    }


def test_the_response_line_of_what_nobody_knows(world: World) -> None:
    """An unknown uuid and an unknown `saved` are null, never left out."""
    world.send(event(raw=""))
    assert "uuid" in world.lines("response")[0]
    assert world.lines("response")[0]["uuid"] is None
    world.wire.breaks["PutItem"] = ["lost", "lost"]
    world.wire.breaks["GetItem"] = ["refused", "refused"]
    answer = world.post()
    assert world.lines("response")[1]["saved"] is None
    assert world.lines("response")[1]["uuid"] == answer.body["uuid"]


def test_every_line_is_one_line_of_json(world: World) -> None:
    """Line breaks and letters of all kinds in texts stay within their line."""
    world.post(notes="a\nb\u2028c\x85d\x7f 日本 😀", summary='"\\')
    world.post(notes=[], request_id="r2")
    assert len(world.out.getvalue().strip().split("\n")) == 6
    assert len(world.lines("response")) == 2


def largest_line(world: World) -> int:
    """Return the size of the longest line, as CloudWatch counts it."""
    return max(len(line.encode()) for line in world.out.getvalue().split("\n"))


@pytest.mark.parametrize(
    "filler",
    [
        "n",
        "é",
        "日",
        "😀",
        "\x7f",
        "\u2028",
        '\\"',
        "\\\\",
        "\\n",
        "\\u0000",
        "\\u001f",
        "\\u00e9",
        "\\/",
        " ,",
    ],
)
def test_a_line_of_the_largest_body(world: World, filler: str) -> None:
    """However a body of 48 KiB is filled, in a value or in a name, its line has at most 64 KiB."""
    start = json.dumps(GOOD)[:-1]
    size = len(filler.encode())
    for opening, ending in ((', "notes": "', '"}'), (', "', '": 1}')):
        room = LARGEST - len(start + opening + ending)
        body = start + opening + filler * (room // size) + ending
        assert world.send(event(raw=body)).status in ("action-successful", "invalid-param")
    assert len(world.lines("request")) == 2
    assert LARGEST * 0.15 < largest_line(world) <= LARGEST_LINE


def test_a_line_of_many_names(world: World) -> None:
    """A body of nothing but the shortest names stays within the line."""
    names = ",".join(f'"{number:x}":1' for number in range(5000))
    assert len(names) < LARGEST
    world.send(event(raw=f'{{"token":"silent-token",{names}}}'))
    assert len(world.line("request")["unknown"]) == 5000
    assert largest_line(world) <= LARGEST_LINE


def test_a_line_of_numbers(world: World) -> None:
    """Numbers that grow when they are written out again stay within the line."""
    from appointments import parameters  # noqa: PLC0415

    numbers = ",".join(f'"{name}":1e15' for name in parameters.NAMES if name != "token")
    world.send(event(raw=f"{{{numbers}}}"))
    world.send(event(raw='{"notes":' + "[1e15," * 90 + "1" + "]" * 90 + "}"))
    assert len(world.lines("request")) == 2
    assert largest_line(world) <= LARGEST_LINE


@pytest.mark.parametrize("token", ["n", "nn", '\\"'])
def test_a_line_of_masks(world: World, token: str) -> None:
    """Even a token of one letter, sent in every place, cannot make the line grow."""
    body = f'{{"token": "{token}", "updated_at_mt": "x", "notes": "'
    body += "n" * (LARGEST - len(body) - 2) + '"}'
    assert world.send(event(raw=body)).status == "invalid-token"
    assert largest_line(world) <= LARGEST_LINE


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pieces=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4),
    token=st.text(min_size=1, max_size=3),
    is_ascii=st.booleans(),
)
def test_a_line_of_any_body(world: World, pieces: list[str], token: str, *, is_ascii: bool) -> None:
    """Whatever texts fill a body of 48 KiB, its line has at most 64 KiB and is JSON."""
    tokens, world.tokens = world.tokens, set()  # letters of a made-up token are in every answer
    world.out.truncate(world.out.seek(0))
    world.payloads.clear()
    filler = "".join(pieces)
    body = ""
    for times in range(LARGEST // len(filler), 0, -max(1, LARGEST // len(filler) // 20)):
        body = json.dumps({"token": token, "notes": filler * times}, ensure_ascii=is_ascii)
        if len(body.encode(errors="surrogatepass")) <= LARGEST:
            break
    world.send(event(raw=body))
    assert world.line("request")
    assert largest_line(world) <= LARGEST_LINE
    world.payloads.clear()
    world.tokens = tokens


def metrics(world: World) -> list[dict[str, Any]]:
    """Return the EMF records."""
    return [line for line in world.lines() if "_aws" in line]


def test_the_metrics_of_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer is one EMF record: by stage, and by status, with what it measured."""
    monkeypatch.setattr("appointments.handler._is_cold", True)
    world.post()
    world.post(date_start_local="soon")
    created, refused = metrics(world)
    (directive,) = created["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "PlanOmatic/Appointments"
    assert [sorted(names) for names in directive["Dimensions"]] == [
        ["service", "stage"],
        ["service", "stage", "status"],
    ]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {
        "Answers": "Count",
        "Latency": "Milliseconds",
        "ColdStarts": "Count",
        "AppointmentsCreated": "Count",
        "EmailsSent": "Count",
        "EmailsFailed": "Count",
    }
    for record, status, new, cold in (
        (created, "action-successful", 1, 1),
        (refused, "invalid-param", 0, 0),
    ):
        assert record["stage"] == "test"
        assert record["service"] == "appointments-create"
        assert record["status"] == status
        assert record["Answers"] == [1]
        assert record["AppointmentsCreated"] == [new]
        assert record["ColdStarts"] == [cold]
        assert record["Latency"][0] > 0
        (directive,) = record["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]:
            assert metric["Name"] in record


def test_a_repeat_creates_nothing(world: World) -> None:
    """A repeat is answered and not counted as created."""
    world.post()
    world.post()
    assert [record["AppointmentsCreated"] for record in metrics(world)] == [[1], [0]]
