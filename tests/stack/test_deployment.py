"""What runs locally is what AWS would get, and its tools can read how it is reached."""

import json
import socket
import stat
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tools.environment import STACK_NAME
from tools.errors import ToolError
from tools.local_stack import demo, logs, seeds
from tools.local_stack import stack as local
from tools.local_stack.aws import session
from tools.release import build, package

STACK_JSON = {
    *("api_url", "host", "endpoint_url", "region", "function_name", "log_group", "tokens"),
    *("sessions_table", "records_table", "appointments_table", "notifications_topic"),
    *("notifications_table", "mandrill_url"),
}


def test_the_deployed_template_is_the_built_one(stack: local.Stack) -> None:
    """Nothing but the code's place differs from what `sam build` made."""
    cloudformation = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    body = cloudformation.get_template(StackName=STACK_NAME, TemplateStage="Original")[
        "TemplateBody"
    ]
    assert as_written(yaml.safe_load(str(body))) == as_written(build.built_template())


def as_written(template: Any) -> Any:
    """Drop what `sam deploy` adds: the place of the uploaded code, and names of resources."""
    for resource in template["Resources"].values():
        resource.setdefault("Metadata", {}).pop("SamResourceId", None)
    for function in ("CreateFunction", "KeeperFunction"):
        template["Resources"][function]["Properties"].pop("CodeUri")
    return template


def test_stack_json_has_the_fixed_keys(stack: local.Stack, home: Path) -> None:
    """Other tools of the same user read it; other users may not."""
    state = home / "stack.json"
    content = json.loads(state.read_text())
    assert set(content) == STACK_JSON
    assert set(content["tokens"]) == set(seeds.KINDS)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert local.find(home) == stack


def test_up_changes_nothing_the_second_time(stack: local.Stack, home: Path) -> None:
    """It may be repeated at any time."""
    assert local.up(stack.port, home) == stack


def test_a_taken_port_is_reported(tmp_path: Path) -> None:
    """The message says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ToolError, match=rf"Port {port} is taken.*make up PORT="):
            local.up(port, tmp_path)


def test_another_port_than_the_running_one_is_refused(stack: local.Stack, home: Path) -> None:
    """One home, one stack."""
    with pytest.raises(ToolError, match=f"already runs on port {stack.port}"):
        local.up(stack.port + 10, home)


def test_browsers_are_let_in(stack: local.Stack) -> None:
    """The preflight names what section 1 allows."""
    origin = build.built_template()["Parameters"]["AllowedOrigins"]["Default"]
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    headers = stack.request("OPTIONS", "/api/v1/appointments/create", headers=asked).headers
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-allow-headers"] == "content-type,idempotency-key,prefer"


def test_the_log_group_of_the_function_is_printed(stack: local.Stack) -> None:
    """The function's own lines are found where `stack.json` says."""
    log = session.client("logs", endpoint_url=stack.endpoint_url)
    events = log.filter_log_events(logGroupName=stack.log_group)["events"]
    assert any('"message":"response"' in event["message"] for event in events)


@pytest.mark.usefixtures("stack")
def test_the_package_is_built_for_the_templates_defaults() -> None:
    """`sam build && sam deploy` by hand must fit together."""
    parameters = build.built_template()["Parameters"]
    assert parameters["Runtime"]["Default"] == package.DEFAULT_RUNTIME
    assert parameters["Architecture"]["Default"] == package.DEFAULT_ARCHITECTURE


def test_the_log_is_followed(
    stack: local.Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make logs RAW=1` shows each line of the function's log once, until Ctrl-C."""
    looks, pause = iter(range(20)), time.sleep

    def wait(_: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt
        pause(0.1)

    before = time.time()
    request_id = demo.create(stack)["request_id"]
    monkeypatch.setattr(time, "sleep", wait)
    with pytest.raises(KeyboardInterrupt):
        logs.follow(stack, before, is_raw=True)
    shown = capsys.readouterr().out.splitlines()
    lines = [line for line in shown if request_id in line and '"message":"response"' in line]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("key", "token"),
    [("local", None), ("AKIAIOSFODNN7EXAMPLE", None), ("ASIAIOSFODNN7EXAMPLE", "a-session-token")],
)
def test_any_credentials_reach_the_local_stack(
    stack: local.Stack, key: str, token: str | None
) -> None:
    """The local stack accepts the access key that a person happens to have, a temporary one too."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=stack.endpoint_url,
        region_name=stack.region,
        aws_access_key_id=key,
        aws_secret_access_key="any",
        aws_session_token=token,
    )
    record = {"record": {"S": "order#1001"}}
    assert client.get_item(TableName=stack.records_table, Key=record)["Item"] == record
