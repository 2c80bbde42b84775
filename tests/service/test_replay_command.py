"""`replay`, the command: it picks what failed, mends it once, and never does harm."""

import json
import shlex
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.awsrequest import AWSResponse
from click.testing import Result

from appointments.email import mandrill
from appointments_operator.replay import main, moment
from tests.service.cloud import LOG_GROUP, Cloud, death, refusal
from tests.support.environment import forget_route

NOW = ("--log-group", LOG_GROUP, "--since", "10m", "--rate", "100", "--yes")
GOOD, CRASH = "action-successful", "application-crash"


def crash(cloud: Cloud, request_id: str = "req-1", **params: Any) -> None:
    """Send a request that DynamoDB fails."""
    cloud.world.wire.breaks["BatchGetItem"] = ["refused", "refused"]
    assert cloud.post(request_id, **params).status == CRASH
    cloud.world.wire.breaks.clear()


def replay(cloud: Cloud, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run the command on the last ten minutes; return its exit code and then and now by id."""
    result = cloud.run(main, *NOW, "--json", *arguments)
    told = json.loads(result.stdout)["requests"]
    return result.exit_code, {each["request_id"]: (each["then"], each["now"]) for each in told}


def aged(line: dict[str, Any], **ago: float) -> dict[str, Any]:
    """Return a `request` line as one received so long ago."""
    return {**line, "received_at": (datetime.now(UTC) - timedelta(**ago)).isoformat()}


def test_ten_requests_are_mended_by_one_command(cloud: Cloud) -> None:
    """Each notification repairs its own request; one command repairs a storm, exactly once."""
    for number in range(10):
        crash(cloud, f"req-{number}", description=f"house {number}")
    assert cloud.world.items() == []
    notifications = cloud.world.notifications()
    assert len(notifications) == 10
    command = shlex.split(json.loads(json.loads(notifications[0][1])["sqs"])["replay"])
    assert command[0] == "replay"
    assert command[-1] in notifications[0][1]
    assert cloud.run(main, *command[1:]).exit_code == 0
    assert [item["request_id"] for item in cloud.world.items()] == ["req-0"]
    chosen = command.index("--request-id")
    command = command[:chosen] + command[chosen + 2 :]

    result = cloud.run(main, *command[1:])

    assert result.exit_code == 0, result.output
    assert "9 of 9 requests are good now." in result.output
    kept = {(item["request_id"], item["description"]) for item in cloud.world.items()}
    assert kept == {(f"req-{number}", f"house {number}") for number in range(10)}
    assert set(cloud.invoked) == {"appointments%3Alive"}
    again = cloud.run(main, *command[1:])
    assert (again.exit_code, again.output) == (0, "There is nothing to replay.\n")


def test_the_command_for_an_email_mends_that_email(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in a notification of mandrill-email-failed sends that one request's email."""
    for number in range(2):
        assert cloud.post(f"req-{number}", token="session-token").status == "mandrill-email-failed"
    message = cloud.world.notifications()[0][1]
    command = shlex.split(json.loads(json.loads(message)["sqs"])["replay"])
    sent = []

    def send(*, to: list[tuple[str, str]], **_: Any) -> list[mandrill.RecipientResult]:
        sent.append(to)
        return [mandrill.RecipientResult(email, "sent", "id", None) for email, _ in to]

    monkeypatch.setattr(mandrill, "send", send)
    assert cloud.run(main, *command[1:]).exit_code == 0
    assert len(sent) == 1
    statuses = {item["request_id"]: item["email_status"] for item in cloud.world.items()}
    assert statuses == {"req-0": "sent", "req-1": "failed"}
    assert cloud.run(main, *command[1:]).output == "There is nothing to replay.\n"


def test_picks_what_failed_and_what_nobody_answered(cloud: Cloud) -> None:
    """Without a choice, the notified and the unanswered are replayed, and nothing else."""
    cloud.post("good")
    cloud.post("invalid", date_start_local="13/45/2026")
    crash(cloud, "crashed")
    (line,) = [line for line in cloud.world.lines("request") if line["request_id"] == "good"]
    cloud.log(json.dumps(aged({**line, "request_id": "died"}, minutes=2)))
    cloud.log(json.dumps(aged({**line, "request_id": "still at work"}, seconds=5)))
    code, told = replay(cloud)
    assert (code, told) == (0, {"died": ("unanswered", GOOD), "crashed": (CRASH, GOOD)})


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
def test_picks_what_is_asked_for(cloud: Cloud, chosen: list[str], picked: set[str]) -> None:
    """Statuses add up, request ids narrow down, and alone they pick whatever the status."""
    cloud.post("good")
    cloud.post("missing", updated_at_mt="")
    crash(cloud, "crashed")
    line = {**cloud.world.lines("request")[0], "request_id": "died"}
    cloud.log(json.dumps(aged(line, minutes=2)))
    result = cloud.run(main, *NOW, "--dry-run", "--json", *chosen)
    assert {each["request_id"] for each in json.loads(result.stdout)["requests"]} == picked


def test_a_dry_run_only_shows(cloud: Cloud) -> None:
    """A dry run shows what would be replayed and touches nothing."""
    crash(cloud)
    result = cloud.run(main, *NOW, "--dry-run")
    assert result.exit_code == 0
    assert "req-1" in result.output
    assert "1 request would be replayed." in result.output
    assert (cloud.invoked, cloud.world.items()) == ([], [])


def test_shows_request_then_and_now(cloud: Cloud) -> None:
    """The table at the end tells of each request what it was and what it is now."""
    crash(cloud, "[bold]req")
    result = cloud.run(main, *NOW)
    row = next(line for line in result.stdout.splitlines() if "req" in line and "202" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert (cells[0], cells[2], cells[3]) == ("[bold]req", CRASH, GOOD)


def test_what_its_caller_has_mended_is_left_alone(cloud: Cloud) -> None:
    """A caller's retry with the same uuid, under another request id, leaves nothing to replay."""
    uuid = str(uuid4())
    crash(cloud, "first", uuid=uuid)
    assert cloud.post("second", uuid=uuid.upper()).status == GOOD
    assert replay(cloud) == (0, {})


def test_a_refused_retry_mends_nothing(cloud: Cloud) -> None:
    """A later request with the uuid that saved nothing does not hide the one that crashed."""
    uuid = str(uuid4())
    crash(cloud, "first", uuid=uuid)
    assert cloud.post("second", uuid=uuid, token="revoked-token").status == "invalid-token"
    assert replay(cloud) == (0, {"first": (CRASH, GOOD)})


def test_an_unanswered_request_is_mended_by_its_retry(cloud: Cloud) -> None:
    """A request that died with the function counts as mended once its uuid is saved."""
    uuid = str(uuid4())
    crash(cloud, "first", uuid=uuid)
    line = aged({**cloud.world.lines("request")[0], "request_id": "died"}, minutes=2)
    cloud.log(json.dumps(line), at=datetime.now(UTC) - timedelta(minutes=2))
    cloud.post("second", uuid=uuid)
    assert replay(cloud) == (0, {})


@pytest.mark.parametrize("then", [CRASH, "unanswered"])
def test_one_that_met_a_closed_route_is_picked_again(cloud: Cloud, then: str) -> None:
    """A replay that met a closed route has settled nothing: it is picked again."""
    crash(cloud)
    if then == "unanswered":
        line = {**cloud.world.lines("request")[0], "request_id": "died"}
        assert replay(cloud)[0] == 0
        cloud.log(json.dumps(aged(line, minutes=2)))
    request_id = "req-1" if then == CRASH else "died"
    cloud.world.put_record("route#appointments/create", deployed=False)
    forget_route()
    assert replay(cloud) == (1, {request_id: (then, "route-not-found")})
    cloud.world.open_route()
    assert replay(cloud) == (0, {request_id: (then, GOOD)})
    assert replay(cloud) == (0, {})


def test_one_that_cannot_be_mended_says_so_once(cloud: Cloud) -> None:
    """A replay that the contract refuses ends with exit code 1, and is not tried for ever."""
    crash(cloud, token="revoked-token")
    assert replay(cloud) == (1, {"req-1": (CRASH, "invalid-token")})
    assert replay(cloud) == (0, {})


def test_hand_made_requests_under_one_id_are_told_apart(cloud: Cloud) -> None:
    """Sample events share a request id: each is picked for its own answer, and healed by it."""
    cloud.post(description="good")
    crash(cloud, description="first crash")
    crash(cloud, description="second crash")
    assert len(json.loads(cloud.run(main, *NOW, "--json").stdout)["requests"]) == 2
    assert {item["description"] for item in cloud.world.items()} == {
        "good", "first crash", "second crash",
    }  # fmt: skip
    assert replay(cloud) == (0, {})


def test_requests_without_a_key_under_one_id_are_all_mended(cloud: Cloud) -> None:
    """Two that died under one id are both replayed again when only one surely was."""
    cloud.post()
    line = aged(cloud.world.lines("request")[0], minutes=2)
    for description in ("one", "two"):
        cloud.log(json.dumps(line | {"params": {**line["params"], "description": description}}))
    cloud.instead = [None, lambda: death("killed")]
    assert replay(cloud, "--unanswered")[0] == 1
    assert replay(cloud, "--unanswered")[0] == 0
    assert {item.get("description") for item in cloud.world.items()} == {None, "one", "two"}
    assert replay(cloud, "--unanswered") == (0, {})


def test_can_be_interrupted_and_run_again(cloud: Cloud) -> None:
    """After Ctrl-C it shows what was done, exits with 130, and the next run does the rest."""

    def interrupt() -> AWSResponse:
        raise KeyboardInterrupt

    for number in range(5):
        crash(cloud, f"req-{number}")
    cloud.instead = [None, None, interrupt]
    code, told = replay(cloud)
    assert code == 130
    assert [now for _, now in told.values()] == [GOOD, GOOD, *["not replayed"] * 3]
    code, told = replay(cloud)
    assert (code, sorted(told)) == (0, ["req-2", "req-3", "req-4"])
    assert len(cloud.world.items()) == 5


def test_survives_throttling(cloud: Cloud) -> None:
    """Lambda's throttling is waited out."""
    crash(cloud)
    cloud.instead = [lambda: refusal(429, "TooManyRequestsException")] * 4
    assert replay(cloud) == (0, {"req-1": (CRASH, GOOD)})
    assert len(cloud.invoked) == 5


def test_a_function_that_dies_fails_that_request_alone(cloud: Cloud) -> None:
    """The function's death is told beside its request, the others are replayed all the same."""
    crash(cloud, "req-1")
    crash(cloud, "req-2")
    cloud.instead = [lambda: death("Task timed out after 29.00 seconds")]
    code, told = replay(cloud)
    assert code == 1
    assert "Task timed out" in told["req-1"][1]
    assert told["req-2"] == (CRASH, GOOD)
    assert replay(cloud) == (0, {"req-1": (CRASH, GOOD)})


def test_stops_where_the_function_may_not_be_invoked(cloud: Cloud) -> None:
    """Trouble with AWS ends the run with exit code 2 and one line that says what it was."""
    crash(cloud)
    cloud.instead = [lambda: refusal(403, "AccessDeniedException")]
    result = cloud.run(main, *NOW)
    assert result.exit_code == 2
    assert "AccessDenied" in result.stderr
    assert "Traceback" not in result.output


def test_a_request_at_the_very_moment_of_since_is_replayed(cloud: Cloud) -> None:
    """`--since` is the line's own received_at, whatever CloudWatch's clock says."""
    crash(cloud)
    received = cloud.world.lines("request")[0]["received_at"]
    just_after = (datetime.fromisoformat(received) + timedelta(milliseconds=1)).isoformat()
    for since, picked in ((received, 1), (just_after, 0)):
        told = cloud.run(main, *NOW, "--dry-run", "--json", "--since", since, "--until", received)
        assert len(json.loads(told.stdout)["requests"]) == picked
    line = {**cloud.world.lines("request")[0], "request_id": "early"}
    cloud.log(json.dumps(aged(line, minutes=2)), at=datetime.now(UTC) - timedelta(minutes=3))
    code, told_now = replay(cloud, "--since", aged(line, minutes=2)["received_at"][:16])
    assert (code, set(told_now)) == (0, {"req-1", "early"})


def test_reads_every_page_of_the_log(cloud: Cloud) -> None:
    """What lies behind ten thousand other lines is found."""
    crash(cloud)
    (request, response) = [
        line
        for line in cloud.world.out.getvalue().splitlines()
        if '"message":"request"' in line or '"message":"response"' in line
    ]
    stream = cloud.logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"][0]
    for _ in range(2):
        cloud.log(*["not JSON", '["no line"]', "{}"] * 2000, stream=stream["logStreamName"])
    cloud.log(request.replace("req-1", "last"), response.replace("req-1", "last"))
    code, told = replay(cloud)
    assert (code, set(told)) == (0, {"req-1", "last"})


def test_a_sensitive_request_is_told_and_not_sent(cloud: Cloud) -> None:
    """A request whose parameters were not kept is left to its caller, and said so."""
    crash(cloud)
    line = cloud.world.lines("request")[0] | {"request_id": "secret", "params": None}
    cloud.log(json.dumps(aged(line, minutes=2)))
    code, told = replay(cloud)
    assert code == 1
    assert "only its caller" in told["secret"][1]
    assert len(cloud.invoked) == 1


def test_keeps_to_the_rate(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between one replay and the next lies the time that the rate asks for, and none at the end."""
    for number in range(3):
        crash(cloud, f"req-{number}")
    pauses: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert replay(cloud, "--rate", "0.01")[0] == 0
    assert pauses == [100, 100]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--since", "1h"], "--stack or --log-group"),
        (["--log-group", "elsewhere", "--yes"], "ResourceNotFound"),
        ([*NOW, "--since", "yesterday"], "neither like 15m"),
        ([*NOW, "--since", "99999999999d"], "neither like 15m"),
        ([*NOW, "--status", "crashed"], "application-crash"),
        ([*NOW, "--rate", "0"], "--rate"),
        (["--log-group", LOG_GROUP], "--yes"),
    ],
)
def test_wrong_usage_is_told_in_a_line(cloud: Cloud, arguments: list[str], reason: str) -> None:
    """Wrong usage and trouble with AWS end with exit code 2 and say what to do."""
    crash(cloud)
    result: Result = cloud.run(main, *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert cloud.invoked == []


def test_a_function_with_a_log_group_of_another_name_is_named(cloud: Cloud) -> None:
    """--function names the function where the log group does not."""
    cloud.logs.create_log_group(logGroupName="elsewhere")
    crash(cloud)
    assert replay(cloud, "--function", "another:canary") == (0, {"req-1": (CRASH, GOOD)})
    assert cloud.invoked == ["another%3Acanary"]
    for line in cloud.world.out.getvalue().splitlines():
        cloud.log(line, group="elsewhere")
    asked = cloud.run(main, "--log-group", "elsewhere", "--request-id", "req-1", "--yes")
    assert (asked.exit_code, "--function" in asked.stderr) == (2, True)


def test_reads_times_as_operators_type_them() -> None:
    """A time is ISO 8601, in UTC unless it says otherwise, or so long ago."""
    assert moment("2027-01-05T10:00:00.123Z") == datetime(2027, 1, 5, 10, 0, 0, 123000, UTC)
    assert moment("2027-01-05 10:00") == datetime(2027, 1, 5, 10, tzinfo=UTC)
    assert moment("2027-01-05T10:00-07:00") == datetime(2027, 1, 5, 17, tzinfo=UTC)
    assert moment("2h") == datetime.now(UTC) - timedelta(hours=2)


def test_sends_the_line_with_the_key_of_its_answer(cloud: Cloud) -> None:
    """What is sent is the logged line and the uuid that its answer told: it decides the key."""
    crash(cloud)
    uuid = cloud.world.lines("response")[0]["uuid"]
    replay(cloud)
    (sent,) = cloud.events
    assert sent == {"replay": {**cloud.world.lines("request")[0], "uuid": uuid}}
    assert cloud.world.item()["uuid"] == uuid
    assert [line.get("replay") for line in cloud.world.lines("response")] == [None, True]
    assert len(cloud.world.lines("request")) == 1


def test_an_email_that_the_schedule_sent_is_repaired(cloud: Cloud) -> None:
    """A failed email that the schedule has sent since, as the log says, is not replayed."""
    failed = cloud.post("req-0", token="session-token")
    assert failed.status == "mandrill-email-failed"
    entry = {
        "message": "email",
        "request_id": "req-0",
        "uuid": failed.body["uuid"],
        "trigger": "schedule",
        "status": "failed",
    }
    cloud.log(json.dumps(entry))
    assert "1 request would be replayed" in cloud.run(main, *NOW, "--dry-run").output
    cloud.log(json.dumps({**entry, "status": "sent"}))
    assert "nothing to replay" in cloud.run(main, *NOW, "--dry-run").output
