"""What an older version wrote is read, recovered and replayed by this one; README.md says how."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from appointments.timestamps import iso_from_epoch
from appointments_operator import replay
from appointments_operator.erasure import Erasure
from tests.support.fake_aws import FakeAws, event, read_response
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws
from tests.upgrades.forms import ADDRESSES, FORMS, SCHEDULE, make_due
from tools.local_stack import seeds
from tools.mandrill_sandbox.account import Account

HERE: Final = Path(__file__).parent
RECORD: Final = os.environ.get("RECORD")
RELEASES: Final = sorted(
    (path for path in HERE.glob("*.*.*") if path.is_dir()),
    key=lambda path: [int(part) for part in path.name.split(".")],
)
EXAMPLES: Final = [example for release in RELEASES for example in sorted(release.glob("*.json"))]
# What `admin forget` leaves of an item, since 0.3.0. Items of this form stay for ever.
ERASED: Final = json.loads((HERE / "erased.json").read_text())
# The attributes of an item that are about its email; all else is the appointment itself.
OF_THE_EMAIL: Final = {
    *("attempt", "email_status", "email_reason", "email_recipients", "email_tries"),
    *("email_due", "email_unused", "owed_since", "retried_at", "searched_at"),
    *("lease", "lease_until", "notifications", "notify_due", "notify_unused"),
    *("owed", "due", "put_off", "ttl"),
}

Example = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def account(aws: FakeAws, mandrill: Account) -> Account:
    """Return Mandrill's account, with addresses that fail until `example` corrects them."""
    for record, address in ADDRESSES.items():
        aws.put_record(record, email=address)
    return mandrill


@pytest.fixture(params=EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def example(request: pytest.FixtureRequest, aws: FakeAws) -> Example:
    """Read what a release left, after the photographers' addresses were corrected."""
    # The releases were recorded with this token.
    aws.put_session("silent-token", **{**seeds.kinds(int(time.time()))["session"], "email": ...})
    for record, address in ADDRESSES.items():
        aws.put_record(record, email=address.partition("@")[0] + "@planomatic.test")
    read: Example = json.loads(request.param.read_text())
    return read


def items() -> list[dict[str, Any]]:
    """Return the appointments as DynamoDB has them."""
    found: list[dict[str, Any]] = boto3.client("dynamodb", region_name="us-east-1").scan(
        TableName="appointments"
    )["Items"]
    return found


def put(aws: FakeAws, item: dict[str, Any]) -> None:
    """Put an appointment as an older version did an hour ago: within the limit of its tries."""
    written_at = time.time() - 3600
    item = {**item, "received_at": {"S": iso_from_epoch(written_at)}}
    if "owed_since" in item:
        item["owed_since"] = {"N": str(int(written_at))}
    boto3.client("dynamodb", region_name="us-east-1").put_item(TableName="appointments", Item=item)
    make_due(aws)


def replay_request(aws: FakeAws, example: Example) -> dict[str, Any]:
    """Replay the request as the command does, and return the response's body."""
    line = {**example["request"], "uuid": example["response"]["uuid"]}
    return read_response(aws.invoke({"replay": line})).body


def reached(example: Example) -> list[str]:
    """Return the addresses that certainly got the email."""
    entries = example["item"].get("email_recipients", {"L": []})["L"]
    return [entry["M"]["email"]["S"] for entry in entries if entry["M"]["status"]["S"] == "sent"]


def assert_settled(aws: FakeAws, account: Account, example: Example) -> None:
    """Nothing is pending any more, and no recipient was mailed twice."""
    item = aws.item()
    assert not {"owed", "due", "lease", "notifications"} & set(item)
    mailed = [to["email"] for mail in account.accepted_mail() for to in mail["to"]] + reached(
        example
    )
    assert max(Counter(mailed).values(), default=0) <= 1


def test_its_line_makes_the_same_appointment(aws: FakeAws, example: Example) -> None:
    """Where the table lost it, the line of its request brings it back, under the same key."""
    assert replay_request(aws, example)["saved"]
    (item,) = items()
    assert {name: value for name, value in item.items() if name not in OF_THE_EMAIL} == {
        name: value for name, value in example["item"].items() if name not in OF_THE_EMAIL
    }


def test_its_request_is_still_a_repeat(aws: FakeAws, account: Account, example: Example) -> None:
    """The fingerprint and the key are what they were; what it owed is sent, to each once."""
    put(aws, example["item"])
    body = replay_request(aws, example)
    assert (body["status"], body["replayed"]) == ("action-successful", True)
    assert body["data"]["email"]["status"] in {"sent", "skipped"}
    make_due(aws)
    aws.invoke(SCHEDULE)
    assert_settled(aws, account, example)


def test_the_schedule_sends_what_is_pending(
    aws: FakeAws, account: Account, example: Example
) -> None:
    """What is pending is sent without a request, and what was given up stays so."""
    put(aws, example["item"])
    aws.invoke(SCHEDULE)
    status = aws.item()["email_status"]
    assert status in {"sent", "skipped"} or (status == "failed" and "owed" not in example["item"])
    assert_settled(aws, account, example)


def test_the_command_reads_its_lines(operator_aws: FakeOperatorAws, example: Example) -> None:
    """`replay` finds the older request, and the response that its caller got."""
    request, response = example["request"], example["response"]
    operator_aws.log(json.dumps(request), json.dumps(response))
    options = ("--log-group", LOG_GROUP, "--since", request["received_at"], "--dry-run", "--json")
    picked = json.loads(
        operator_aws.run(replay.main, *options, "--status", response["status"]).stdout
    )
    (found,) = picked["requests"]
    assert (found["request_id"], found["uuid"]) == (request["request_id"], response["uuid"])


@pytest.mark.parametrize("form", FORMS)
def test_there_is_an_example_of_each_form(aws: FakeAws, form: str) -> None:
    """What is written today has the shape of the newest example; otherwise record a new one."""
    FORMS[form](aws)
    (item,) = items()
    lines = {name: aws.lines(name)[0] for name in ("request", "response")}
    written: Example = {"item": item, **lines}
    if RECORD:
        folder = HERE / RECORD
        folder.mkdir(exist_ok=True)
        (folder / f"{form}.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
        return
    newest = next(path for path in reversed(EXAMPLES) if path.stem == form)
    assert shape(written) == shape(json.loads(newest.read_text())), "see README.md"


@pytest.mark.parametrize("by", ["request", "replay"])
def test_what_was_erased_is_refused(aws: FakeAws, account: Account, by: str) -> None:
    """What leads to an erased appointment learns that; the schedule and people leave it alone."""
    boto3.client("dynamodb", region_name="us-east-1").put_item(
        TableName="appointments", Item=ERASED
    )
    uuid = ERASED["uuid"]["S"]
    sent = event(token="session-token", uuid=uuid, photographer_user_id=501)
    refused = read_response(aws.invoke(sent))
    if by == "replay":
        refused = read_response(aws.invoke({"replay": aws.line("request")}))
    assert (refused.status, refused.body["saved"]) == ("invalid-param", False)
    assert refused.param_errors() == {"uuid": "invalid-param"}
    assert "was erased" in refused.body["message"]
    aws.invoke(SCHEDULE)
    assert aws.invoke({"settle": [uuid]})[uuid]["status"] == "skipped"
    assert items() == [ERASED]
    assert account.accepted_mail() == []


def test_what_is_erased_today_is_the_example(aws: FakeAws) -> None:
    """`admin forget` leaves an item of the shape that every later version has to read."""
    FORMS["given_up"](aws)
    erasure = Erasure(aws.item()["uuid"], aws.item())
    erasure.run(aws.dynamodb.Table("appointments"))
    (item,) = items()
    assert shape(item) == shape(ERASED)
    assert {**item, "uuid": None, "forgotten_at": None} == {
        **ERASED,
        "uuid": None,
        "forgotten_at": None,
    }


def shape(value: Any) -> Any:
    """Return the names and types in an example."""
    match value:
        case dict():
            return {name: shape(part) for name, part in value.items()}
        case list():
            return [shape(part) for part in value]
    return type(value).__name__


def test_an_example_is_real() -> None:
    """No folder is empty, and each example is of a form that this suite can still make."""
    assert RELEASES
    assert {path.stem for path in EXAMPLES} <= set(FORMS)
    assert all(any(release.glob("*.json")) for release in RELEASES)
