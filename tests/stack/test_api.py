"""The deployed API over HTTP, with IAM enforced: what a caller gets, and what the tables hold."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from appointments.names import PATH
from tests.stack.table import item
from tools.bootstrap import ROOT
from tools.local_stack import role
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

SECONDS = 120
# Runs in a process of its own, for the function reads its environment once.
SIMULTANEOUS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from appointments.handler import lambda_handler
event, number = json.loads(sys.argv[1]), int(sys.argv[2])
barrier = Barrier(number)
def send(_):
    barrier.wait(timeout=60)
    return lambda_handler(event, None)
with ThreadPoolExecutor(number) as pool:
    answers = list(pool.map(send, range(number)))
print("ANSWERS", json.dumps([json.loads(answer["body"]) for answer in answers]))
"""


def post(stack: Stack, body: Any = None, **params: Any) -> tuple[urllib3.BaseHTTPResponse, Any]:
    """Send a good request with `params`, or another body; return the response and its JSON."""
    sent = {"token": stack.tokens["session"], "updated_at_mt": "2027-01-04 16:05:00", **params}
    response = stack.request(
        "POST",
        PATH,
        json.dumps(sent if body is None else body).encode(),
        {"Content-Type": "application/json"},
    )
    return response, response.json()


def test_an_appointment_is_created(stack: Stack) -> None:
    """A checked, normalised appointment lies in the table once, and the answer says so."""
    uuid = str(uuid4())
    response, answer = post(
        stack, uuid=uuid, month_first="1", date_start_local="1/5/2027", time_start_local="7:30 PM"
    )
    assert (response.status, answer["status"], answer["saved"]) == (200, "action-successful", True)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-Id"] == answer["request_id"]
    assert answer["data"]["email"]["status"] == "sent"
    stored = item(stack, uuid)
    assert stored
    assert (stored["date_start_local"], stored["time_start_local"]) == ("2027-01-05", "19:30:00")


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("revoked", "invalid-token"),
        ("expired", "session-expired"),
        ("idle", "session-expired"),
        ("no_roles", "client-required"),
    ],
)
def test_a_token_that_is_not_good(stack: Stack, token: str, status: str) -> None:
    """Each seeded token gets the answer that it was seeded for."""
    response, answer = post(stack, token=stack.tokens[token])
    assert (response.status, answer["status"], answer["saved"]) == (401, status, False)


def test_a_repeat_and_a_conflict(stack: Stack) -> None:
    """The same `uuid` repeats the same appointment, and never changes it into another."""
    uuid = str(uuid4())
    post(stack, uuid=uuid, notes="first")
    response, answer = post(stack, uuid=uuid, notes="first")
    assert (answer["status"], answer["replayed"]) == ("action-successful", True)
    assert response.headers["Idempotency-Replayed"] == "true"
    _, answer = post(stack, uuid=uuid, notes="second")
    assert (answer["status"], answer["errors"][0]["param"]) == ("invalid-param", "uuid")
    stored = item(stack, uuid)
    assert stored
    assert stored["notes"] == "first"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/appointments"), ("GET", PATH), ("PUT", "/")]
)
def test_an_unknown_route(stack: Stack, method: str, path: str) -> None:
    """Even an unknown path gets the contract's answer."""
    response = stack.request(method, path)
    assert (response.status, response.json()["status"]) == (500, "route-non-existent")


def test_a_permission_is_missing(stack: Stack) -> None:
    """What AWS refuses the function is answered as the contract says, not with a gateway's page."""
    uuid = str(uuid4())
    with role.without(stack, lambda _, action: action == "dynamodb:PutItem"):
        response, answer = post(stack, uuid=uuid)
    assert (response.status, answer["status"]) == (500, "application-crash")
    assert (answer["saved"], answer["retryable"], answer["uuid"]) == (False, True, uuid)
    assert item(stack, uuid) is None
    assert post(stack, uuid=uuid)[1]["status"] == "action-successful"


def test_eight_at_once_over_http(stack: Stack) -> None:
    """Eight identical requests at the same moment leave one appointment and one email."""
    uuid = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = [answer for _, answer in pool.map(lambda _: post(stack, uuid=uuid), range(8))]
    assert {answer["status"] for answer in answers} == {"action-successful"}
    assert [answer["replayed"] for answer in answers].count(False) == 1
    assert emails(stack, uuid) == 1


def test_fifty_at_once_through_the_handler(stack: Stack) -> None:
    """Fifty identical requests against real tables leave one appointment; one says it is new."""
    body = {"token": stack.tokens["application"], "updated_at_mt": "now", "uuid": str(uuid4())}
    event = {
        "requestContext": {"requestId": "fifty", "http": {"method": "POST", "path": PATH}},
        "rawPath": PATH,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SIMULTANEOUS, json.dumps(event), "50"],
        env=environment(stack),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")]
    answers = json.loads(line.removeprefix("ANSWERS "))
    assert {answer["status"] for answer in answers} == {"action-successful"}
    assert [answer["replayed"] for answer in answers].count(False) == 1
    assert {answer["uuid"] for answer in answers} == {body["uuid"]}


def test_a_wrong_address_is_repaired_by_correcting_it(stack: Stack) -> None:
    """It is saved and notified; once the record is corrected, a retry sends what is pending."""
    uuid = str(uuid4())
    records = session.resource("dynamodb", endpoint_url=stack.endpoint_url).Table(
        stack.records_table
    )
    rejected = records.get_item(Key={"record": "user#502"})["Item"]
    response, answer = post(stack, uuid=uuid, photographer_user_id=502)
    assert (response.status, answer["status"]) == (500, "mandrill-email-failed")
    assert (answer["saved"], answer["data"]["email"]["status"]) == (True, "partly-sent")
    try:
        records.put_item(Item={**rejected, "email": "rex@photographers.test"})
        _, answer = post(stack, uuid=uuid, photographer_user_id=502)
    finally:
        records.put_item(Item=rejected)
    assert (answer["status"], answer["replayed"]) == ("action-successful", True)
    assert answer["data"]["email"]["status"] == "sent"
    assert emails(stack, uuid) == 2, "the booker's at first, the photographer's once corrected"


def test_the_schedule_sends_what_failed(stack: Stack) -> None:
    """With the record corrected and nothing sent again, the email is there within two minutes."""
    uuid = str(uuid4())
    records = session.resource("dynamodb", endpoint_url=stack.endpoint_url).Table(
        stack.records_table
    )
    rejected = records.get_item(Key={"record": "user#502"})["Item"]
    post(stack, uuid=uuid, photographer_user_id=502, token=stack.tokens["application"])
    try:
        records.put_item(Item={**rejected, "email": "rex@photographers.test"})
        until = time.monotonic() + 150
        while not emails(stack, uuid) and time.monotonic() < until:
            time.sleep(1)  # the schedule is the emulator's own: there is nothing to wait on
    finally:
        records.put_item(Item=rejected)
    assert emails(stack, uuid) == 1
    stored = item(stack, uuid)
    assert stored
    assert stored["email_status"] == "sent"


def test_no_token_is_kept(stack: Stack, home: Path) -> None:
    """After all that, no token stands in a log group, a table, or a file but stack.json."""
    tokens = [token.encode() for token in stack.tokens.values()]
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    places = {
        f"{group['logGroupName']}": json.dumps(
            logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ).encode()
        for group in logs.describe_log_groups()["logGroups"]
    }
    for table in dynamodb.list_tables()["TableNames"]:
        places[table] = json.dumps(dynamodb.scan(TableName=table)["Items"]).encode()
    for path in home.rglob("*"):
        if path.is_file() and path.name != "stack.json":
            places[str(path)] = path.read_bytes()
    assert any(b"action-successful" in text for text in places.values()), "nothing was searched"
    assert not [place for place, text in places.items() if any(each in text for each in tokens)]


def emails(stack: Stack, uuid: str) -> int:
    """Return how many messages the sandbox accepted for an appointment."""
    listed = urllib3.request("GET", f"{stack.mandrill_url}/_sandbox/messages", timeout=10).json()
    return sum(message["metadata"].get("appointment_uuid") == uuid for message in listed)


def environment(stack: Stack) -> dict[str, str]:
    """Return the function's environment, for a process on this machine."""
    return {
        "SESSIONS_TABLE": stack.sessions_table,
        "RECORDS_TABLE": stack.records_table,
        "APPOINTMENTS_TABLE": stack.appointments_table,
        "NOTIFICATIONS_TOPIC": stack.notifications_topic,
        "MANDRILL_URL": stack.mandrill_url,
        "MANDRILL_SECRET": f"{stack.function_name}-mandrill",
        "STAGE": "local",
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONPATH": str(ROOT / "src"),
    }
