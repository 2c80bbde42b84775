"""The story of an appointment on its page: part by part, with a way to stop and to go on."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from appointments_operator.web import readings
from tests.support.console import KEY, path, story
from tests.support.fake_operator_aws import FakeOperatorAws
from tests.support.htmx import next_part


def log_request(operator_aws: FakeOperatorAws, request_id: str, days_ago: float) -> None:
    """Log a request of an earlier day that named the order 1001."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    entry = {"request_id": request_id, "received_at": at.isoformat(), "params": {"order_id": 1001}}
    operator_aws.log(json.dumps({"message": "request", **entry}), at=at)


def test_the_newest_part_comes_first(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """The first part has the newest request, the next one what is older."""
    for request_id, days_ago in (("older", 9), ("newer", 0.5)):
        log_request(operator_aws, request_id, days_ago)
    page = console.get(path("/appointment?order=1001&span=30d")).text
    assert "newer" not in page
    first = console.get(next_part(page) or "").text
    assert ("newer" in first, "older" in first) == (True, False)
    second = console.get(next_part(first) or "").text
    assert ("newer" in second, "older" in second) == (False, True)
    assert "this is all" in story(console, order="1001")


def test_a_part_can_be_had_again(
    operator_aws: FakeOperatorAws, console: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part whose response got lost is not read again, and no part is left out."""
    log_request(operator_aws, "older", 9)
    log_request(operator_aws, "newer", 0.5)
    following = next_part(console.get(path("/story?order=1001")).text) or ""
    second = console.get(following).text
    monkeypatch.setattr(readings.Reading, "_read", None)
    assert console.get(following).text == second
    assert console.get(following.replace("part=2", "part=1")).status_code == 400


def test_it_stops_and_goes_on(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """Stop reads nothing, and its page goes on at the same part."""
    log_request(operator_aws, "older", 9)
    log_request(operator_aws, "newer", 0.5)
    first = console.get(path("/story?order=1001")).text
    stopped = console.get(next_part(first, on_click="stop") or "").text
    assert "Stopped: the rest of the log was not read" in stopped
    assert next_part(stopped) is None
    assert "older" in console.get(next_part(stopped, on_click="go-on") or "").text


def test_a_long_page_asks_before_it_goes_on(
    operator_aws: FakeOperatorAws, console: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut off silently: after many entries the page says so, and offers to go on."""
    monkeypatch.setattr(readings, "MAX_ENTRIES", 30)
    for number in range(40):
        log_request(operator_aws, f"request-{number}", number / 100)
    first = console.get(path("/story?order=1001")).text
    assert next_part(first)
    second = console.get(next_part(first) or "").text
    assert next_part(second) is None
    assert "so that the page does not get too long" in second
    rest = console.get(next_part(second, on_click="go-on") or "").text
    assert all(f"request-{number}" in first + second + rest for number in range(40))


def test_a_search_that_is_forgotten(console: TestClient) -> None:
    """A page that was open for too long says that one has to search again."""
    forgotten = console.get(path("/story?reading=unknown&part=7"))
    assert forgotten.status_code == 400
    assert "search again" in forgotten.text


def test_a_failure_is_reported(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """If AWS fails in the middle, the page says so; the parts before stay."""
    log_request(operator_aws, "newer", 0.5)
    first = console.get(path("/story?order=1001")).text
    following = next_part(first) or ""
    operator_aws.logs.delete_log_group(logGroupName="/aws/lambda/appointments")
    assert "ResourceNotFoundException" in console.get(following).text
    assert "search again" in console.get(following).text


def test_what_is_at_once_on_the_page(operator_aws: FakeOperatorAws, console: TestClient) -> None:
    """The item is on the page before the log is read, without what may be sensitive."""
    failed = operator_aws.post(token="session-token", photographer_user_id=502, notes="by Ada")
    uuid = failed.body["uuid"]
    page = console.get(path(f"/appointment?q={uuid}")).text
    assert "email failed" in page
    assert "Ada" not in page
    assert f"/{KEY}/story?q={uuid}" in page
