"""Section 10's two log lines, and the metrics of each answer."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.test_decoding import GOOD, LARGEST, padded, sensitive
from tests.support.fake_aws import FakeAws, event, hash_of

LARGEST_LINE = 64 * 1024
OURS = {"timestamp", "service"}  # what the logger adds to every line


def without_powertools(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without what the logger adds to all."""
    return {name: value for name, value in line.items() if name not in OURS}


def test_the_request_line(aws: FakeAws) -> None:
    """It holds the known parameters as received, without the token; of others, names."""
    aws.post(
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
    line = without_powertools(aws.line("request"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("received_at"))
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": "req-7",
        "token_hash": hash_of("no-address-token"),
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


def test_the_request_line_of_nothing(aws: FakeAws) -> None:
    """What was not sent is null there, never left out."""
    aws.send(event(raw='{"confirmed": 1}'))
    line = without_powertools(aws.line("request"))
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


def test_the_request_line_of_a_sensitive_body(aws: FakeAws) -> None:
    """A body that came as text/plain leaves `params` null, on whichever route."""
    aws.send(sensitive(notes="private"))
    aws.open_route(sensitive_params=True)
    aws.send(sensitive(notes="private"))
    for line in aws.lines("request"):
        assert line["params"] is None
        assert line["token_hash"] == hash_of("no-address-token")
    assert len(aws.lines("request")) == 2
    assert "private" not in aws.out.getvalue()


def test_it_is_written_before_the_first_read(aws: FakeAws) -> None:
    """Whatever happens to the first read, the request is on record."""
    seen = []
    aws.faults.inject["BatchGetItem"] = [lambda: seen.append(len(aws.lines("request")))]
    aws.post()
    assert seen == [1]


def test_a_request_that_is_refused_is_on_record(aws: FakeAws) -> None:
    """A request with bad parameters or a bad token is on record as well."""
    aws.post(token="revoked-token", request_id="r1")
    aws.post(date_start_local="soon", request_id="r2")
    assert [line["request_id"] for line in aws.lines("request")] == ["r1", "r2"]


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
def test_no_request_line(aws: FakeAws, sent: Any) -> None:
    """What could not be decoded to parameters leaves only a `response` line."""
    aws.send(sent)
    assert aws.lines("request") == []
    assert aws.line("response")["saved"] is False


def test_the_response_line(aws: FakeAws) -> None:
    """It ends every request, and has the same values as the response."""
    answer = aws.post()
    line = without_powertools(aws.line("response"))
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


def test_the_response_line_of_an_unknown_outcome(aws: FakeAws) -> None:
    """An unknown uuid and an unknown `saved` are null, never left out."""
    aws.send(event(raw=""))
    assert "uuid" in aws.lines("response")[0]
    assert aws.lines("response")[0]["uuid"] is None
    aws.faults.inject["PutItem"] = ["lost", "lost"]
    aws.faults.inject["GetItem"] = ["refused", "refused"]
    answer = aws.post()
    assert aws.lines("response")[1]["saved"] is None
    assert aws.lines("response")[1]["uuid"] == answer.body["uuid"]


def test_every_line_is_one_line_of_json(aws: FakeAws) -> None:
    """Line breaks and letters of all kinds in texts stay within their line."""
    aws.post(notes="a\nb\u2028c\x85d\x7f 日本 😀", summary='"\\')
    aws.post(notes=[], request_id="r2")
    assert len(aws.out.getvalue().strip().split("\n")) == 6
    assert len(aws.lines("response")) == 2


def largest_line(aws: FakeAws) -> int:
    """Return the size of the longest line, as CloudWatch counts it."""
    return max(len(line.encode()) for line in aws.out.getvalue().split("\n"))


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
def test_a_line_of_the_largest_body(aws: FakeAws, filler: str) -> None:
    """However a body of 48 KiB is filled, in a value or in a name, its line has at most 64 KiB."""
    start = json.dumps(GOOD)[:-1]
    size = len(filler.encode())
    for opening, ending in ((', "notes": "', '"}'), (', "', '": 1}')):
        room = LARGEST - len(start + opening + ending)
        body = start + opening + filler * (room // size) + ending
        assert aws.send(event(raw=body)).status in ("action-successful", "invalid-param")
    assert len(aws.lines("request")) == 2
    assert LARGEST * 0.15 < largest_line(aws) <= LARGEST_LINE


def test_a_line_of_many_names(aws: FakeAws) -> None:
    """A body of nothing but the shortest names stays within the line."""
    names = ",".join(f'"{number:x}":1' for number in range(5000))
    assert len(names) < LARGEST
    aws.send(event(raw=f'{{"token":"no-address-token",{names}}}'))
    assert len(aws.line("request")["unknown"]) == 5000
    assert largest_line(aws) <= LARGEST_LINE


def test_a_line_of_numbers(aws: FakeAws) -> None:
    """Numbers that grow when they are written out again stay within the line."""
    from appointments import parameters  # noqa: PLC0415

    numbers = ",".join(f'"{name}":1e15' for name in parameters.NAMES if name != "token")
    aws.send(event(raw=f"{{{numbers}}}"))
    aws.send(event(raw='{"notes":' + "[1e15," * 90 + "1" + "]" * 90 + "}"))
    assert len(aws.lines("request")) == 2
    assert largest_line(aws) <= LARGEST_LINE


@pytest.mark.parametrize("token", ["n", "nn", '\\"'])
def test_a_line_of_masks(aws: FakeAws, token: str) -> None:
    """Even a token of one letter, sent in every place, cannot make the line grow."""
    body = f'{{"token": "{token}", "updated_at_mt": "x", "notes": "'
    body += "n" * (LARGEST - len(body) - 2) + '"}'
    assert aws.send(event(raw=body)).status == "invalid-token"
    assert largest_line(aws) <= LARGEST_LINE


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
def test_a_line_of_any_body(aws: FakeAws, pieces: list[str], token: str, *, is_ascii: bool) -> None:
    """Whatever texts fill a body of 48 KiB, its line has at most 64 KiB and is JSON."""
    tokens, aws.tokens = aws.tokens, set()  # letters of a made-up token are in every answer
    aws.out.truncate(aws.out.seek(0))
    aws.payloads.clear()
    filler = "".join(pieces)
    body = ""
    for times in range(LARGEST // len(filler), 0, -max(1, LARGEST // len(filler) // 20)):
        body = json.dumps({"token": token, "notes": filler * times}, ensure_ascii=is_ascii)
        if len(body.encode(errors="surrogatepass")) <= LARGEST:
            break
    aws.send(event(raw=body))
    assert aws.line("request")
    assert largest_line(aws) <= LARGEST_LINE
    aws.payloads.clear()
    aws.tokens = tokens


def metrics(aws: FakeAws) -> list[dict[str, Any]]:
    """Return the EMF records."""
    return [line for line in aws.lines() if "_aws" in line]


def by_dimensions(record: dict[str, Any]) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the metrics of an EMF record with their units, by the dimensions they are kept by."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for directive in record["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "PlanOmatic/Appointments"
        units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert set(units) <= set(record)
        for names in directive["Dimensions"]:
            assert set(names) <= set(record)
            found[tuple(sorted(names))] = units
    return found


def test_the_metrics_of_an_answer(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each response is one EMF record: all metrics by stage, and `Answers` alone by status."""
    monkeypatch.setattr("appointments.handler._is_cold", True)
    aws.post()
    aws.post(date_start_local="soon")
    created, refused = metrics(aws)
    assert by_dimensions(created) == {
        ("service", "stage"): {
            "Answers": "Count",
            "Latency": "Milliseconds",
            "ColdStarts": "Count",
            "AppointmentsCreated": "Count",
            "EmailsFailed": "Count",
        },
        ("service", "stage", "status"): {"Answers": "Count"},
    }
    assert set(by_dimensions(refused)) == {("service", "stage"), ("service", "stage", "status")}
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


def test_a_crash_is_counted_for_the_version_that_crashed(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests and schedule runs that break count for their version; no other response does."""
    from appointments import observability  # noqa: PLC0415 - moto first
    from appointments.settings import SETTINGS  # noqa: PLC0415

    version = replace(SETTINGS, version="7")
    monkeypatch.setattr(observability, "SETTINGS", version)
    aws.post(date_start_local="soon")
    aws.invoke({"replay": {}})  # answered with 500, and nothing of ours broke
    assert "Crashes" not in json.dumps(metrics(aws))
    aws.faults.inject["BatchGetItem"] = ["refused"] * 2
    assert aws.post().status == "application-crash"
    with monkeypatch.context() as patch:
        patch.setattr("appointments.email.overdue.find", None)
        aws.invoke({"schedule": "owed"})
        patch.setattr("appointments.email.settle.settle", None)
        aws.invoke({"settle": ["7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"]})
    for record in metrics(aws)[-3:]:
        assert record["Crashes"] == [1]
        assert record["version"] == "7"
        assert by_dimensions(record)["service", "stage", "version"] == {"Crashes": "Count"}
        assert "Crashes" in by_dimensions(record)["service", "stage"]


def test_a_repeat_creates_nothing(aws: FakeAws) -> None:
    """A repeat is answered and not counted as created."""
    aws.post()
    aws.post()
    assert [record["AppointmentsCreated"] for record in metrics(aws)] == [[1], [0]]
