"""`replay`, the command: it selects what failed, repairs it once, and never does harm."""

import json
import re
import shlex
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from botocore.awsrequest import AWSResponse
from click.testing import Result

from appointments.email import mandrill
from appointments_operator import command
from appointments_operator.option_types import moment
from appointments_operator.replay import main
from tests.support.environment import clear_route_cache
from tests.support.events import subscription
from tests.support.fake_operator_aws import (
    LOG_GROUP,
    FakeOperatorAws,
    Instead,
    function_error,
    refusal,
    response,
    success,
)

NOW = ("--log-group", LOG_GROUP, "--since", "10m", "--rate", "100", "--yes")
GOOD, CRASH = "action-successful", "application-crash"


def crash(operator_aws: FakeOperatorAws, request_id: str = "req-1", **params: Any) -> None:
    """Send a request that DynamoDB fails."""
    operator_aws.aws.faults.inject["BatchGetItem"] = ["refused", "refused"]
    assert operator_aws.post(request_id, **params).status == CRASH
    operator_aws.aws.faults.inject.clear()


def replay(
    operator_aws: FakeOperatorAws, *arguments: str
) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run the command on the last ten minutes; return its exit code and then and now by id."""
    result = operator_aws.run(main, *NOW, "--json", *arguments)
    results = json.loads(result.stdout)["requests"]
    return result.exit_code, {each["request_id"]: (each["then"], each["now"]) for each in results}


def replay_reasons(operator_aws: FakeOperatorAws) -> dict[str, tuple[str, bool]]:
    """Run the command; return each reason by id, and whether only the caller can help."""
    result = operator_aws.run(main, *NOW, "--json")
    results = json.loads(result.stdout)["requests"]
    return {each["request_id"]: (each["reason"], each["only_caller"]) for each in results}


def aged(line: dict[str, Any], **ago: float) -> dict[str, Any]:
    """Return a `request` line as one received so long ago."""
    return {**line, "received_at": (datetime.now(UTC) - timedelta(**ago)).isoformat()}


def test_the_lines_that_a_subscription_did_not_reach_are_replayed(
    operator_aws: FakeOperatorAws,
) -> None:
    """Its ERROR log has the ids and the times with which the command finds the lines."""
    for number in range(3):
        crash(operator_aws, f"req-{number}", order_id=1001)
    lines = [json.dumps(line) for line in operator_aws.aws.lines("request")]
    no_time = SimpleNamespace(get_remaining_time_in_millis=lambda: 14_000)
    operator_aws.aws.invoke(subscription(*lines), no_time)
    (left,) = operator_aws.aws.lines("subscription not finished")
    assert left["count"] == 3
    between = ("--since", left["since"], "--until", left["until"])
    chosen = [part for each in left["request_ids"] for part in ("--request-id", each)]
    _, replayed = replay(operator_aws, *between, *chosen)
    assert replayed == {f"req-{number}": (CRASH, GOOD) for number in range(3)}


def test_ten_requests_are_repaired_by_one_command(operator_aws: FakeOperatorAws) -> None:
    """Each notification repairs its own request; one command repairs a storm, exactly once."""
    for number in range(10):
        crash(operator_aws, f"req-{number}", description=f"house {number}")
    assert operator_aws.aws.items() == []
    notifications = operator_aws.aws.notifications()
    assert len(notifications) == 10
    command = shlex.split(json.loads(json.loads(notifications[0][1])["sqs"])["replay"])
    assert command[0] == "replay"
    assert command[-1] in notifications[0][1]
    assert operator_aws.run(main, *command[1:]).exit_code == 0
    assert [item["request_id"] for item in operator_aws.aws.items()] == ["req-0"]
    chosen = command.index("--request-id")
    command = command[:chosen] + command[chosen + 2 :]

    result = operator_aws.run(main, *command[1:])

    assert result.exit_code == 0, result.output
    assert "9 of 9 requests are good now." in result.output
    kept = {(item["request_id"], item["description"]) for item in operator_aws.aws.items()}
    assert kept == {(f"req-{number}", f"house {number}") for number in range(10)}
    assert set(operator_aws.invoked) == {"appointments%3Alive"}
    again = operator_aws.run(main, *command[1:])
    assert again.exit_code == 0
    assert again.stdout.startswith("There is nothing to replay: no request between ")
    assert again.stderr == "10 requests failed and have been repaired since.\n"


def test_the_command_for_an_email_repairs_that_email(
    operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in a notification of mandrill-email-failed sends that one request's email."""
    for number in range(2):
        assert (
            operator_aws.post(f"req-{number}", token="session-token").status
            == "mandrill-email-failed"
        )
    message = operator_aws.aws.notifications()[0][1]
    command = shlex.split(json.loads(json.loads(message)["sqs"])["replay"])
    sent = []

    def send(*, to: list[tuple[str, str]], **_: Any) -> list[mandrill.RecipientResult]:
        sent.append(to)
        return [mandrill.RecipientResult(email, "sent", "id", None) for email, _ in to]

    monkeypatch.setattr(mandrill, "send", send)
    assert operator_aws.run(main, *command[1:]).exit_code == 0
    assert len(sent) == 1
    statuses = {item["request_id"]: item["email_status"] for item in operator_aws.aws.items()}
    assert statuses == {"req-0": "sent", "req-1": "failed"}
    again = operator_aws.run(main, *command[1:])
    assert again.stderr == "req-0 failed and has been repaired since.\n"
    assert "nothing to replay" in again.stdout


def test_picks_what_failed_and_what_had_no_response(operator_aws: FakeOperatorAws) -> None:
    """Without a choice, the notified and the unanswered are replayed, and nothing else."""
    operator_aws.post("good")
    operator_aws.post("invalid", date_start_local="13/45/2026")
    crash(operator_aws, "crashed")
    (line,) = [line for line in operator_aws.aws.lines("request") if line["request_id"] == "good"]
    operator_aws.log(json.dumps(aged({**line, "request_id": "died"}, minutes=2)))
    operator_aws.log(json.dumps(aged({**line, "request_id": "still at work"}, seconds=5)))
    code, outcomes = replay(operator_aws)
    assert (code, outcomes) == (0, {"died": ("unanswered", GOOD), "crashed": (CRASH, GOOD)})


@pytest.mark.parametrize(
    ("chosen", "picked"),
    [
        (["--status", "missing-param"], {"missing"}),
        (["--status", "missing-param", "--status", CRASH], {"missing", "crashed"}),
        (["--unanswered"], {"died"}),
        (["--unanswered", "--status", CRASH], {"died", "crashed"}),
        (["--request-id", "good", "--request-id", "died"], {"good", "died"}),
        (["--request-id", "good", "--status", CRASH], set()),
        (["--until", "5m"], set()),
    ],
)
def test_picks_what_is_asked_for(
    operator_aws: FakeOperatorAws, chosen: list[str], picked: set[str]
) -> None:
    """Statuses add up, request ids narrow down, and alone they pick whatever the status."""
    operator_aws.post("good")
    operator_aws.post("missing", updated_at_mt="")
    crash(operator_aws, "crashed")
    line = {**operator_aws.aws.lines("request")[0], "request_id": "died"}
    operator_aws.log(json.dumps(aged(line, minutes=2)))
    result = operator_aws.run(main, *NOW, "--dry-run", "--json", *chosen)
    assert {each["request_id"] for each in json.loads(result.stdout)["requests"]} == picked


def test_a_dry_run_only_shows(operator_aws: FakeOperatorAws) -> None:
    """A dry run shows what would be replayed and touches nothing."""
    crash(operator_aws)
    result = operator_aws.run(main, *NOW, "--dry-run")
    assert result.exit_code == 0
    assert "req-1" in result.output
    assert "1 request would be replayed." in result.output
    assert (operator_aws.invoked, operator_aws.aws.items()) == ([], [])


def test_shows_request_then_and_now(operator_aws: FakeOperatorAws) -> None:
    """The table at the end has the earlier and the present status of each request."""
    crash(operator_aws, "[bold]req")
    headings, row, summary = operator_aws.run(main, *NOW).stdout.splitlines()
    assert re.split(" {2,}", headings) == ["Request", "Received", "Then", "Now"]
    assert re.split(" {2,}", row) == ["[bold]req", "0 s ago", CRASH, GOOD]
    assert summary == "1 of 1 requests is good now."


def test_what_its_caller_has_repaired_is_left_alone(operator_aws: FakeOperatorAws) -> None:
    """A caller's retry with the same uuid, under another request id, leaves nothing to replay."""
    uuid = str(uuid4())
    crash(operator_aws, "first", uuid=uuid)
    assert operator_aws.post("second", uuid=uuid.upper()).status == GOOD
    assert replay(operator_aws) == (0, {})


def test_a_refused_retry_repairs_nothing(operator_aws: FakeOperatorAws) -> None:
    """A later request with the uuid that saved nothing does not hide the one that crashed."""
    uuid = str(uuid4())
    crash(operator_aws, "first", uuid=uuid)
    assert operator_aws.post("second", uuid=uuid, token="revoked-token").status == "invalid-token"
    assert replay(operator_aws) == (0, {"first": (CRASH, GOOD)})


def test_an_unanswered_request_is_repaired_by_its_retry(operator_aws: FakeOperatorAws) -> None:
    """A request that died with the function counts as repaired once its uuid is saved."""
    uuid = str(uuid4())
    crash(operator_aws, "first", uuid=uuid)
    line = aged({**operator_aws.aws.lines("request")[0], "request_id": "died"}, minutes=2)
    operator_aws.log(json.dumps(line), at=datetime.now(UTC) - timedelta(minutes=2))
    operator_aws.post("second", uuid=uuid)
    assert replay(operator_aws) == (0, {})


@pytest.mark.parametrize("earlier", [CRASH, "unanswered"])
def test_one_that_met_a_closed_route_is_picked_again(
    operator_aws: FakeOperatorAws, earlier: str
) -> None:
    """A replay that met a closed route has settled nothing: it is picked again."""
    crash(operator_aws)
    if earlier == "unanswered":
        line = {**operator_aws.aws.lines("request")[0], "request_id": "died"}
        assert replay(operator_aws)[0] == 0
        operator_aws.log(json.dumps(aged(line, minutes=2)))
    request_id = "req-1" if earlier == CRASH else "died"
    operator_aws.aws.put_record("route#appointments/create", deployed=False)
    clear_route_cache()
    assert replay(operator_aws) == (1, {request_id: (earlier, "route-not-found")})
    operator_aws.aws.open_route()
    assert replay(operator_aws) == (0, {request_id: (earlier, GOOD)})
    assert replay(operator_aws) == (0, {})


def test_one_that_cannot_be_repaired_says_so_once(operator_aws: FakeOperatorAws) -> None:
    """A replay that the contract refuses ends with exit code 1, and is not tried for ever."""
    crash(operator_aws, token="revoked-token")
    assert replay(operator_aws) == (1, {"req-1": (CRASH, "invalid-token")})
    assert replay(operator_aws) == (0, {})


def test_hand_made_requests_under_one_id_are_distinguished(operator_aws: FakeOperatorAws) -> None:
    """Sample events share a request id: each is picked for its own response, and repaired by it."""
    operator_aws.post(description="good")
    crash(operator_aws, description="first crash")
    crash(operator_aws, description="second crash")
    assert len(json.loads(operator_aws.run(main, *NOW, "--json").stdout)["requests"]) == 2
    assert {item["description"] for item in operator_aws.aws.items()} == {
        "good", "first crash", "second crash",
    }  # fmt: skip
    assert replay(operator_aws) == (0, {})


def test_requests_without_a_key_under_one_id_are_all_repaired(
    operator_aws: FakeOperatorAws,
) -> None:
    """Two that died under one id are both replayed again when only one surely was."""
    operator_aws.post()
    line = aged(operator_aws.aws.lines("request")[0], minutes=2)
    for description in ("one", "two"):
        operator_aws.log(
            json.dumps(line | {"params": {**line["params"], "description": description}})
        )
    operator_aws.instead = [None, lambda: function_error("killed")]
    assert replay(operator_aws, "--unanswered")[0] == 1
    assert replay(operator_aws, "--unanswered")[0] == 0
    assert {item.get("description") for item in operator_aws.aws.items()} == {None, "one", "two"}
    assert replay(operator_aws, "--unanswered") == (0, {})


def test_can_be_interrupted_and_run_again(operator_aws: FakeOperatorAws) -> None:
    """After Ctrl-C it shows what was done, exits with 130, and the next run does the rest."""

    def interrupt() -> AWSResponse:
        raise KeyboardInterrupt

    for number in range(5):
        crash(operator_aws, f"req-{number}")
    operator_aws.instead = [None, None, interrupt]
    result = operator_aws.run(main, *NOW, "--at-once", "1")
    assert result.exit_code == 130
    assert "Interrupted: 2 of 5 are good, 3 were not replayed." in result.stderr
    code, outcomes = replay(operator_aws)
    assert (code, sorted(outcomes)) == (0, ["req-2", "req-3", "req-4"])
    assert len(operator_aws.aws.items()) == 5


def test_an_interruption_waits_for_what_is_on_its_way(operator_aws: FakeOperatorAws) -> None:
    """What was sent when Ctrl-C came is noted, and nothing else is sent."""
    together = threading.Barrier(4, timeout=10)

    def interrupt() -> AWSResponse:
        together.wait()
        signal.raise_signal(signal.SIGINT)
        return refusal(403, "AccessDeniedException")

    def wait() -> AWSResponse:
        together.wait()
        time.sleep(0.2)
        return success()

    for number in range(9):
        crash(operator_aws, f"req-{number}")
    operator_aws.instead = [wait, wait, interrupt, wait]
    result = operator_aws.run(main, *NOW, "--at-once", "4")
    assert result.exit_code == 130
    assert "Interrupted: 3 of 9 are good, 6 were not replayed." in result.stderr
    assert len(operator_aws.invoked) == 4


@pytest.mark.parametrize("at_once", [1, 3])
def test_sends_several_at_once(operator_aws: FakeOperatorAws, at_once: int) -> None:
    """So many requests as `--at-once` says are on their way at the same time, and no more."""
    on_their_way, most = 0, 0
    change = threading.Lock()

    def count() -> AWSResponse:
        nonlocal on_their_way, most
        with change:
            on_their_way += 1
            most = max(most, on_their_way)
        time.sleep(0.1)
        with change:
            on_their_way -= 1
        return success()

    for number in range(6):
        crash(operator_aws, f"req-{number}")
    operator_aws.instead = [count] * 6
    assert replay(operator_aws, "--at-once", str(at_once))[0] == 0
    assert most == at_once


@pytest.mark.parametrize(
    ("status", "reason", "is_ended"),
    [
        (CRASH, "PutItem on appointments: AccessDeniedException", True),
        ("mandrill-email-failed", "mandrill-unavailable (Invalid_Key)", True),
        ("mandrill-email-failed", "mandrill-unavailable (HTTP 429)", True),
        (
            "mandrill-email-failed",
            "Mandrill could not be asked whether it has the email: mandrill-unavailable (HTTP 503)",
            True,
        ),
        (
            "mandrill-email-failed",
            "Mandrill could not be asked whether it has the email: mandrill-unavailable (HTTP 429)",
            False,
        ),
        ("mandrill-email-failed", "x@y.test: rejected (hard-bounce)", False),
        ("invalid-param", None, False),
    ],
)
def test_ends_after_twenty_failures_in_a_row(
    operator_aws: FakeOperatorAws, status: str, reason: str | None, *, is_ended: bool
) -> None:
    """If Mandrill or the function is at fault, it stops and says so, and the next run goes on."""
    crash(operator_aws, "first")
    entry = operator_aws.aws.lines("request")[0]
    for number in range(23):
        line = json.dumps(aged(entry | {"request_id": f"req-{number:02}"}, minutes=2))
        operator_aws.log(line, at=datetime.now(UTC) - timedelta(minutes=2))
    operator_aws.instead = [success, *[lambda: response(status, reason)] * 23]
    ended = operator_aws.run(main, *NOW, "--at-once", "1")
    assert ended.exit_code == 1
    assert len(operator_aws.invoked) == (21 if is_ended else 24)
    if is_ended:
        assert f"20 replays in a row failed alike, the last of them with: {reason}" in ended.stderr
        assert "1 of 24 requests is good now." in ended.stdout
        operator_aws.instead.clear()
        operator_aws.run(main, *NOW, "--at-once", "1")
        assert len(operator_aws.invoked) == 21 + 24  # what was said here is not in the log


def test_other_responses_between_do_not_end_it(operator_aws: FakeOperatorAws) -> None:
    """Nineteen failures, one success and nineteen more are no twenty in a row."""
    crash(operator_aws, "first")
    entry = operator_aws.aws.lines("request")[0]
    for number in range(38):
        line = json.dumps(aged(entry | {"request_id": f"req-{number:02}"}, minutes=2))
        operator_aws.log(line, at=datetime.now(UTC) - timedelta(minutes=2))
    failures: list[Instead | None] = [lambda: function_error("killed")] * 19
    operator_aws.instead = [*failures, success, *failures]
    operator_aws.run(main, *NOW, "--at-once", "1")
    assert len(operator_aws.invoked) == 39


def test_shows_a_long_selection_in_part_before_the_question(
    operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the question come the first fifty and the number of the others."""
    monkeypatch.setattr(command, "is_terminal", lambda: True)
    crash(operator_aws, "first")
    entry = operator_aws.aws.lines("request")[0]
    for number in range(60):
        line = json.dumps(aged(entry | {"request_id": f"req-{number:02}"}, minutes=2))
        operator_aws.log(line, at=datetime.now(UTC) - timedelta(minutes=2))
    asked = operator_aws.run(main, *[each for each in NOW if each != "--yes"], typed="n\n")
    assert "req-49" in asked.stdout
    assert "req-50" not in asked.stdout
    assert "And 11 more: --dry-run shows them all." in asked.stdout
    assert "Replay 61 requests through" in asked.stderr
    assert operator_aws.invoked == []
    assert "req-59" in operator_aws.run(main, *NOW, "--dry-run").stdout


def test_survives_throttling(operator_aws: FakeOperatorAws) -> None:
    """Lambda's throttling is waited out."""
    crash(operator_aws)
    operator_aws.instead = [lambda: refusal(429, "TooManyRequestsException")] * 4
    assert replay(operator_aws) == (0, {"req-1": (CRASH, GOOD)})
    assert len(operator_aws.invoked) == 5


def test_a_failure_of_the_function_stops_no_other_replay(
    operator_aws: FakeOperatorAws,
) -> None:
    """The function's failure is shown with its request, and the others are replayed."""
    crash(operator_aws, "req-1")
    crash(operator_aws, "req-2")
    operator_aws.instead = [lambda: function_error("Task timed out after 29.00 seconds")]
    result = operator_aws.run(main, *NOW)
    assert result.exit_code == 1
    assert "no response" in result.stdout
    assert "Task timed out" in result.stdout
    assert "1 of 2 requests is good now." in result.stdout
    assert replay(operator_aws) == (0, {"req-1": (CRASH, GOOD)})


def test_stops_where_the_function_may_not_be_invoked(operator_aws: FakeOperatorAws) -> None:
    """Trouble with AWS ends the run with exit code 2 and one line that says what it was."""
    crash(operator_aws)
    operator_aws.instead = [lambda: refusal(403, "AccessDeniedException")]
    result = operator_aws.run(main, *NOW)
    assert result.exit_code == 2
    assert "AccessDenied" in result.stderr
    assert "Traceback" not in result.output
    assert "0 of 1 requests are good now." in result.stdout


def test_a_request_at_the_very_moment_of_since_is_replayed(operator_aws: FakeOperatorAws) -> None:
    """`--since` is the line's own received_at, whatever CloudWatch's clock says."""
    crash(operator_aws)
    received = operator_aws.aws.lines("request")[0]["received_at"]
    just_after = (datetime.fromisoformat(received) + timedelta(milliseconds=1)).isoformat()
    for since, picked in ((received, 1), (just_after, 0)):
        result = operator_aws.run(
            main, *NOW, "--dry-run", "--json", "--since", since, "--until", since
        )
        assert len(json.loads(result.stdout)["requests"]) == picked
    line = {**operator_aws.aws.lines("request")[0], "request_id": "early"}
    operator_aws.log(json.dumps(aged(line, minutes=2)), at=datetime.now(UTC) - timedelta(minutes=3))
    code, told_now = replay(operator_aws, "--since", aged(line, minutes=2)["received_at"][:16])
    assert (code, set(told_now)) == (0, {"req-1", "early"})


def test_reads_every_page_of_the_log(operator_aws: FakeOperatorAws) -> None:
    """What lies behind ten thousand other lines is found."""
    crash(operator_aws)
    (request, response) = [
        line
        for line in operator_aws.aws.out.getvalue().splitlines()
        if '"message":"request"' in line or '"message":"response"' in line
    ]
    stream = operator_aws.logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"][0]
    for _ in range(2):
        operator_aws.log(*["not JSON", '["no line"]', "{}"] * 2000, stream=stream["logStreamName"])
    operator_aws.log(request.replace("req-1", "last"), response.replace("req-1", "last"))
    code, outcomes = replay(operator_aws)
    assert (code, set(outcomes)) == (0, {"req-1", "last"})


def test_a_sensitive_request_is_listed_and_not_sent(operator_aws: FakeOperatorAws) -> None:
    """A request whose parameters were not kept is left to its caller, and said so."""
    crash(operator_aws)
    line = operator_aws.aws.lines("request")[0] | {"request_id": "secret", "params": None}
    operator_aws.log(json.dumps(aged(line, minutes=2)))
    result = operator_aws.run(main, *NOW)
    assert result.exit_code == 1
    assert "not in the log" in result.stdout
    assert "Only its caller can repair it." in result.stdout
    assert len(operator_aws.invoked) == 1


def test_keeps_to_the_rate(operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between one replay and the next lies the time that the rate asks for, and none at the end."""
    for number in range(3):
        crash(operator_aws, f"req-{number}")
    pauses: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert replay(operator_aws, "--rate", "0.01")[0] == 0
    assert pauses == [100, 100]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--since", "1h"], "--stack or --log-group"),
        (["--log-group", "elsewhere", "--yes"], "ResourceNotFound"),
        ([*NOW, "--since", "yesterday"], "neither like 15m"),
        ([*NOW, "--since", "1h", "--until", "2h"], "is before --since"),
        ([*NOW, "--endpoint-url", "banana"], "like http://127.0.0.1:4566"),
        ([*NOW, "--since", "99999999999d"], "neither like 15m"),
        ([*NOW, "--status", "crashed"], "application-crash"),
        ([*NOW, "--rate", "0"], "--rate"),
        (["--log-group", LOG_GROUP], "--yes"),
    ],
)
def test_wrong_usage_is_explained_in_a_line(
    operator_aws: FakeOperatorAws, arguments: list[str], reason: str
) -> None:
    """Wrong usage and trouble with AWS end with exit code 2 and say what to do."""
    crash(operator_aws)
    result: Result = operator_aws.run(main, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert operator_aws.invoked == []


def test_a_function_with_a_log_group_of_another_name_is_named(
    operator_aws: FakeOperatorAws,
) -> None:
    """--function names the function where the log group does not."""
    operator_aws.logs.create_log_group(logGroupName="elsewhere")
    crash(operator_aws)
    assert replay(operator_aws, "--function", "another:canary") == (0, {"req-1": (CRASH, GOOD)})
    assert operator_aws.invoked == ["another%3Acanary"]
    for line in operator_aws.aws.out.getvalue().splitlines():
        operator_aws.log(line, group="elsewhere")
    asked = operator_aws.run(main, "--log-group", "elsewhere", "--request-id", "req-1", "--yes")
    assert (asked.exit_code, "--function" in asked.stderr) == (2, True)


def test_reads_times_as_operators_type_them() -> None:
    """A time is ISO 8601, in UTC unless it says otherwise, or so long ago."""
    assert moment("2027-01-05T10:00:00.123Z") == datetime(2027, 1, 5, 10, 0, 0, 123000, UTC)
    assert moment("2027-01-05 10:00") == datetime(2027, 1, 5, 10, tzinfo=UTC)
    assert moment("2027-01-05T10:00-07:00") == datetime(2027, 1, 5, 17, tzinfo=UTC)
    assert moment("2h") == datetime.now(UTC) - timedelta(hours=2)


def test_sends_the_line_with_the_key_of_its_answer(operator_aws: FakeOperatorAws) -> None:
    """What is sent is the logged line and the uuid of its response, which decides the key."""
    crash(operator_aws)
    uuid = operator_aws.aws.lines("response")[0]["uuid"]
    replay(operator_aws)
    (sent,) = operator_aws.events
    assert sent == {"replay": {**operator_aws.aws.lines("request")[0], "uuid": uuid}}
    assert operator_aws.aws.item()["uuid"] == uuid
    assert [line.get("replay") for line in operator_aws.aws.lines("response")] == [None, True]
    assert len(operator_aws.aws.lines("request")) == 1


def test_an_email_that_the_schedule_sent_is_repaired(operator_aws: FakeOperatorAws) -> None:
    """A failed email that the schedule has sent since, as the log says, is not replayed."""
    failed = operator_aws.post("req-0", token="session-token")
    assert failed.status == "mandrill-email-failed"
    entry = {
        "message": "email",
        "request_id": "req-0",
        "uuid": failed.body["uuid"],
        "trigger": "schedule",
        "status": "failed",
    }
    operator_aws.log(json.dumps(entry))
    assert "1 request would be replayed" in operator_aws.run(main, *NOW, "--dry-run").output
    operator_aws.log(json.dumps({**entry, "status": "sent"}))
    result = operator_aws.run(main, *NOW, "--dry-run")
    assert "nothing to replay" in result.stdout
    assert "req-0 failed and has been repaired since." in result.stderr


def closed(operator_aws: FakeOperatorAws) -> None:
    """Close the route."""
    operator_aws.aws.put_record("route#appointments/create", deployed=False)
    clear_route_cache()


def test_an_unknown_request_id_is_reported(operator_aws: FakeOperatorAws) -> None:
    """A request id that the log does not have is named, and the exit code says so."""
    crash(operator_aws)
    result = operator_aws.run(main, *NOW, "--request-id", "req-1", "--request-id", "req-9")
    assert result.exit_code == 1
    assert re.search("No request between .* has the id req-9", result.stderr)
    assert "1 of 1 requests is good now." in result.stdout
    result = operator_aws.run(main, *NOW, "--request-id", "req-9")
    assert result.exit_code == 1
    assert "the log has no such request" in result.stdout


def test_requests_that_met_a_closed_route_are_counted(operator_aws: FakeOperatorAws) -> None:
    """What met a closed route is not selected by default, but said, with the option that does."""
    closed(operator_aws)
    for number in range(3):
        assert operator_aws.post(f"req-{number}").status == "route-not-found"
    result = operator_aws.run(main, *NOW)
    assert result.exit_code == 0
    assert "3 requests met a closed route or service" in result.stderr
    assert "--status route-not-found" in result.stderr
    operator_aws.aws.open_route()
    chosen = operator_aws.run(main, *NOW, "--status", "route-not-found")
    assert "3 of 3 requests are good now." in chosen.stdout


def test_what_may_still_be_processed_is_reported(operator_aws: FakeOperatorAws) -> None:
    """A request without a response that came in the last minute is not selected, but said."""
    operator_aws.post()
    line = operator_aws.aws.lines("request")[0] | {"request_id": "young"}
    operator_aws.log(json.dumps(aged(line, seconds=5)))
    result = operator_aws.run(main, *NOW)
    assert "young came within the last minute and may still be processed." in result.stderr


def test_a_status_that_leaves_a_named_request_out_is_reported(
    operator_aws: FakeOperatorAws,
) -> None:
    """If an id and a status exclude each other, the status of the request is named."""
    operator_aws.post("good")
    result = operator_aws.run(main, *NOW, "--request-id", "good", "--status", CRASH)
    assert "good is not selected: it is action-successful." in result.stderr


def test_a_final_response_is_reported(operator_aws: FakeOperatorAws) -> None:
    """What a replay could not repair is not selected again, but said."""
    crash(operator_aws, token="revoked-token")
    assert replay_reasons(operator_aws)["req-1"][1] is True
    result = operator_aws.run(main, *NOW)
    assert "1 request ended in invalid-token since." in result.stderr


@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_response_in_another_stream_is_found(
    operator_aws: FakeOperatorAws, *, is_repaired: bool
) -> None:
    """A request whose response lies in another stream has its response, and its repair too."""
    uuid = str(uuid4())
    crash(operator_aws, "first", description="x")
    request, response = operator_aws.aws.lines("request")[0], operator_aws.aws.lines("response")[0]
    ids = {"request_id": "elsewhere"}
    status = CRASH if is_repaired else GOOD
    operator_aws.log(json.dumps(aged({**request, **ids}, minutes=2)))
    operator_aws.log(json.dumps({**response, **ids, "uuid": uuid, "status": status}))
    if is_repaired:
        saved = {"request_id": "retry", "uuid": uuid, "status": GOOD, "saved": True}
        operator_aws.log(json.dumps({**response, **saved}))
    result = operator_aws.run(main, *NOW, "--dry-run", "--json")
    assert {each["request_id"] for each in json.loads(result.stdout)["requests"]} == {"first"}


@pytest.mark.parametrize(
    ("params", "reason", "only_caller"),
    [
        ({"token": "revoked-token"}, "token", True),
        ({"order_id": 9}, "order_id: ", False),
    ],
)
def test_a_reason_says_who_can_repair_it(
    operator_aws: FakeOperatorAws, params: dict[str, Any], reason: str, *, only_caller: bool
) -> None:
    """What still fails has its reason, and whether only its caller can help: not for a record."""
    crash(operator_aws, **params)
    ((text, is_theirs),) = replay_reasons(operator_aws).values()
    assert reason in text
    assert is_theirs is only_caller


def test_a_crash_names_what_broke(operator_aws: FakeOperatorAws) -> None:
    """The reason of a replay that crashes is that of its response log entry."""
    crash(operator_aws)
    operator_aws.aws.faults.inject["BatchGetItem"] = ["refused", "refused"]
    result = operator_aws.run(main, *NOW)
    assert "BatchGetItem on" in result.stdout
    assert result.exit_code == 1


def test_ctrl_c_at_the_question_ends_it(
    operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at the question replays nothing and exits with 130; a no exits with 1."""
    crash(operator_aws)
    without_yes = NOW[:-1]
    monkeypatch.setattr(command, "is_terminal", lambda: True)
    interrupted = operator_aws.run(main, *without_yes, typed="")
    assert (interrupted.exit_code, "Interrupted" in interrupted.stderr) == (130, True)
    assert operator_aws.run(main, *without_yes, typed="n\n").exit_code == 1
    assert operator_aws.invoked == []
    assert operator_aws.run(main, *without_yes, typed="y\n").exit_code == 0
