"""`admin trace`: everything that happened to an appointment, from the log and the tables."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest
from click.testing import Result

from appointments_operator.admin import main
from appointments_operator.log_search import WINDOW
from tests.support.fake_aws import event
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws

NAMES: Final = (
    *("--appointments-table", "appointments", "--notifications-table", "notifications"),
    *("--log-group", LOG_GROUP),
)
Trace = Callable[..., Result]


@pytest.fixture
def trace(operator_aws: FakeOperatorAws) -> Trace:
    """Run the command against AWS on moto."""
    return lambda *arguments: operator_aws.run(main, *NAMES, "trace", *arguments)


def fail(operator_aws: FakeOperatorAws, request_id: str = "req-1", **params: Any) -> str:
    """Cause a failure of an email, have its notification stored, and return the uuid."""
    failed = operator_aws.post(
        request_id, token="session-token", photographer_user_id=502, **params
    )
    assert failed.status == "mandrill-email-failed"
    operator_aws.aws.keep(operator_aws.aws.facts()[-1])
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
    operator_aws.post("another", token="silent-token", order_id=None)
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
    """A replay is told from a response, and who changed the state of the notification is there."""
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
    sent = {"token": "silent-token", "updated_at_mt": "now", "notes": "private words"}
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
