"""`admin trace`: everything that happened to an appointment, from the log and the tables."""

import base64
import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from click.testing import Result

from appointments_operator.admin import main
from appointments_operator.log_search import WINDOW
from tests.support.fake_aws import event
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws
from tests.support.filtered_log import read_pattern

NAMES: Final = (
    *("--appointments-table", "appointments", "--notifications-table", "notifications"),
    *("--log-group", LOG_GROUP),
)
Trace = Callable[..., Result]


@pytest.fixture(params=["emulator", "cloudwatch"])
def trace(operator_aws: FakeOperatorAws, request: pytest.FixtureRequest) -> Trace:
    """Run the command against AWS on moto; an emulator ignores patterns, CloudWatch does not."""
    if request.param == "cloudwatch":
        operator_aws.filter_log()
    return lambda *arguments: operator_aws.run(main, *NAMES, "trace", *arguments)


def fail(operator_aws: FakeOperatorAws, request_id: str = "req-1", **params: Any) -> str:
    """Let an email fail and the keeper store its notification; return the uuid."""
    failed = operator_aws.post(
        request_id, token="session-token", photographer_user_id=502, **params
    )
    assert failed.status == "mandrill-email-failed"
    operator_aws.aws.hand_to_keeper(operator_aws.aws.facts()[-1])
    return str(failed.body["uuid"])


def kinds(shown: Result) -> list[str]:
    """Return the kinds of the entries, in their order."""
    assert shown.exit_code == 0, shown.output
    return [entry["kind"] for entry in json.loads(shown.stdout)]


WHOLE: Final = sorted(["request", "item", "email", "response", "notification"])


@pytest.mark.parametrize("by", ["uuid", "request id", "order", "photographer"])
def test_the_whole_story(operator_aws: FakeOperatorAws, trace: Trace, by: str) -> None:
    """Any of the four ways in shows request, response, item, email and notification, once."""
    uuid = fail(operator_aws, "req-7", order_id="1001")
    operator_aws.post("another", token="no-address-token", order_id=None)
    keys = {
        "uuid": [uuid.upper()],
        "request id": ["req-7"],
        "order": ["--order", "1001"],
        "photographer": ["--photographer", "502"],
    }
    assert sorted(kinds(trace(*keys[by], "--json"))) == WHOLE


def test_each_entry_names_its_source(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """Each entry says where it is: the stream and time of the log, or the table and key."""
    uuid = fail(operator_aws)
    for entry in json.loads(trace(uuid, "--json").stdout):
        place = "table" if entry["kind"] in ("item", "notification", "state") else "log"
        assert entry["source"].startswith(f"{place} ")
        assert entry["facts"]


def test_a_replay_and_a_changed_state_are_part_of_it(
    operator_aws: FakeOperatorAws, trace: Trace
) -> None:
    """A replay is marked as one, and who changed the state of the notification is there."""
    uuid = fail(operator_aws)
    entry = operator_aws.aws.line("request")
    operator_aws.send({"replay": entry | {"uuid": uuid}})
    (item,) = operator_aws.aws.items("notifications")
    dismiss = ("notifications", "dismiss", item["notification_id"], "--note", "by phone")
    assert operator_aws.run(main, *NAMES, *dismiss).exit_code == 0
    found = kinds(trace(uuid, "--json"))
    assert found.count("replay") == 1
    assert found.count("state") == 1


def test_others_that_share_a_request_id_stay_out(
    operator_aws: FakeOperatorAws, trace: Trace
) -> None:
    """Events made by hand share request ids: the story of a uuid has no entry of another uuid."""
    mine = fail(operator_aws, "same", order_id=1001)
    other = fail(operator_aws, "same", order_id=1001, notes="another")
    found = json.loads(trace(mine, "--json").stdout)
    assert other not in {entry["facts"].get("uuid") for entry in found}
    both = json.loads(trace("same", "--json").stdout)
    assert {mine, other} <= {entry["facts"].get("uuid") for entry in both}


def test_it_looks_through_all_windows(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """What happened long after the first days is found too, up to now."""
    uuid = fail(operator_aws)
    operator_aws.aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuid},
        UpdateExpression="SET received_at = :at",
        ExpressionAttributeValues={":at": (datetime.now(UTC) - 12 * WINDOW).isoformat()},
    )
    assert sorted(kinds(trace(uuid, "--json"))) == WHOLE


def test_a_sensitive_request_shows_only_that_there_was_one(
    operator_aws: FakeOperatorAws, trace: Trace
) -> None:
    """The log has no parameters of it, and no hash of a token is shown either."""
    operator_aws.aws.open_route(sensitive_params=True)
    sent = {"token": "no-address-token", "updated_at_mt": "now", "notes": "private words"}
    body = base64.b64encode(json.dumps(sent).encode()).decode()
    answer = operator_aws.send(event(raw=body, headers={"content-type": "text/plain"}))
    assert answer.status == "action-successful"
    shown = trace("req-1", "--json").stdout
    assert "a sensitive request" in shown
    assert "token_hash" not in shown
    assert "private words" not in shown
    assert operator_aws.aws.item()["notes"] == "private words"


@pytest.mark.parametrize("columns", ["50", "200"])
def test_no_id_is_cut(
    operator_aws: FakeOperatorAws, trace: Trace, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """On a narrow terminal each entry is a block, and its ids are whole."""
    uuid = fail(operator_aws)
    monkeypatch.setenv("COLUMNS", columns)
    shown = trace(uuid).stdout
    (item,) = operator_aws.aws.items("notifications")
    assert uuid in shown
    assert item["notification_id"] in shown


def test_nothing_is_known(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """An id that nothing has is said to be unknown, with the time that was searched."""
    fail(operator_aws)
    shown = trace(str(uuid4()))
    assert (shown.exit_code, "Nothing is known of it since" in shown.stdout) == (1, True)


@pytest.mark.parametrize("arguments", [[], ["x", "--order", "7"], ["--order", "0"]])
def test_a_wrong_use_is_refused(trace: Trace, arguments: list[str]) -> None:
    """Exactly one way in is needed."""
    assert trace(*arguments).exit_code == 2


def log(operator_aws: FakeOperatorAws, message: str, days_ago: float, **more: Any) -> None:
    """Put an entry of an earlier day into the log."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    entry = {"message": message, "timestamp": at.isoformat(), **more}
    operator_aws.log(json.dumps(entry), at=at)


def log_request(operator_aws: FakeOperatorAws, request_id: str, days_ago: float) -> str:
    """Put a request for the order 1001 and its response into the log; return the uuid."""
    uuid = str(uuid4())
    params = {"order_id": "1001"}
    log(operator_aws, "request", days_ago, request_id=request_id, params=params)
    response = {"request_id": request_id, "uuid": uuid, "status": "mandrill-email-failed"}
    log(operator_aws, "response", days_ago, **response)
    return uuid


def request_ids(shown: Result) -> list[str]:
    """Return the request ids of the entries, in their order."""
    assert shown.exit_code == 0, shown.output
    return [entry["facts"]["request_id"] for entry in json.loads(shown.stdout)]


def test_the_newest_part_comes_first(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """What happened last is shown while older parts are read; a part is in the order of time."""
    for request_id, days_ago in (("oldest", 13), ("middle", 6), ("newer", 0.5), ("newest", 0.2)):
        log_request(operator_aws, request_id, days_ago)
    found = request_ids(trace("--order", "1001", "--json"))
    assert found[::2] == ["newer", "newest", "middle", "oldest"]


def test_no_request_is_cut_off(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """However many requests named a record, each is there with its response."""
    ids = {f"request-{number}" for number in range(120)}
    for number, request_id in enumerate(sorted(ids)):
        log_request(operator_aws, request_id, 2 + number / 100)
    found = request_ids(trace("--order", "1001", "--json"))
    assert len(found) == 240
    assert set(found) == ids


def test_what_came_long_after_a_request(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """A late try, a replay and what people had sent are found, with the lines beside them."""
    uuid = log_request(operator_aws, "failed", 13)
    log(operator_aws, "email", 12, request_id="schedule", uuid=uuid, trigger="schedule")
    log(operator_aws, "broken", 6, request_id="failed")
    log(operator_aws, "response", 6, request_id="failed", uuid=uuid, replay=True)
    log(operator_aws, "email", 1, request_id="settle", uuid=uuid, trigger="settle", status="sent")
    log(operator_aws, "email", 1, request_id="settle", uuid=str(uuid4()), trigger="settle")
    found = request_ids(trace("--order", "1001", "--json"))
    assert found == ["failed", "failed", "schedule", "failed", "failed", "settle"]


def test_the_first_days_of_a_uuid_come_first(operator_aws: FakeOperatorAws, trace: Trace) -> None:
    """The item says where to look; what came after follows, and what came before ends it."""
    uuid = fail(operator_aws)
    operator_aws.aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": uuid},
        UpdateExpression="SET received_at = :at, request_id = :id",
        ExpressionAttributeValues={
            ":at": (datetime.now(UTC) - timedelta(days=8)).isoformat(),
            ":id": "saved",
        },
    )
    for request_id, days_ago in (("before", 13), ("saved", 8), ("after", 2)):
        params = {"uuid": uuid.upper() if request_id == "saved" else uuid}
        log(operator_aws, "request", days_ago, request_id=request_id, params=params)
    found = json.loads(trace(uuid, "--since", "20d", "--json").stdout)
    ids = [entry["facts"]["request_id"] for entry in found if entry["kind"] == "request"]
    assert ids == ["saved", "after", "req-1", "before"]
    assert "item" in [entry["kind"] for entry in found[:2]]


@pytest.mark.parametrize("by", ["uuid", "order"])
def test_nothing_is_read_twice(operator_aws: FakeOperatorAws, trace: Trace, by: str) -> None:
    """No span of the log is searched twice for the same id."""
    uuid = fail(operator_aws, order_id="1001")
    log_request(operator_aws, "older", 9)
    log_request(operator_aws, "oldest", 10)
    searched = defaultdict(list)
    for call in operator_aws.searches(
        lambda: trace(*([uuid] if by == "uuid" else ["--order", "1001"]))
    ):
        for clause in read_pattern(call["filterPattern"]):
            searched[clause].append((call["startTime"], call["endTime"]))
    assert len(searched) > 3
    for clause, spans in searched.items():
        ordered = sorted(spans)
        pairs = itertools.pairwise(ordered)
        assert all(first[1] < second[0] for first, second in pairs), (clause, ordered)
