"""The policies of operators are what their commands need, under IAM: not less, and not more."""

import json
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import boto3
import botocore.session
import pytest
from click.testing import CliRunner

from appointments_operator import admin, replay
from tests.stack.policies import (
    EXAMPLE,
    FREE,
    POLICIES,
    actions,
    iam_action,
    own_session,
    policy,
    user_with,
)
from tests.stack.test_replay_command import post
from tests.support.aws_command import parse
from tests.unit import test_first_deployment_page as first_deployment
from tests.unit import test_operations_page as operations
from tools.environment import LOG_GROUP, STACK_NAME
from tools.local_stack.aws import session
from tools.local_stack.display import read_published
from tools.local_stack.stack import Stack

# Statements about what AWS cannot restrict, or whose resources have names of AWS's own.
UNRESTRICTED: Final = {
    *("LookAtLogsAndAlarms", "LookAtTheApi", "LookAtTheRetention", "FindRetainedLogs"),
    *("MakeTheKeepersSource", "TagTheKeepersSource", "CallWhatHasNoResource"),
    *("MakeTheApi", "LetTheApiHaveADomain", "ReadTheBill"),
}
# What no stack owns: SAM's transforms and its own stack, CodeDeploy's configuration.
SHARED: Final = {
    "arn:aws:cloudformation:*:aws:transform/Serverless-2016-10-31",
    "arn:aws:cloudformation:*:aws:transform/LanguageExtensions",
    "arn:aws:cloudformation:*:*:stack/aws-sam-cli-managed-default/*",
    "arn:aws:codedeploy:*:*:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent10Minutes",
}
# What the pages leave to an administrator of the account.
ADMINISTRATORS: Final = {
    "cloudformation:DetectStackDrift",
    "lambda:GetAccountSettings",
    "servicequotas:RequestServiceQuotaIncrease",
}
SIGNED_AS: Final = {"deploy": "codedeploy", "service-quotas": "servicequotas"}
MAX_CHARACTERS: Final = 6_144  # of a managed policy, without its white space


@contextmanager
def permitted(stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Run commands as a user with this policy alone; yield the actions that they call."""
    called: set[str] = set()

    def record(model: Any, **_: Any) -> None:
        called.add(iam_action(model.service_model.signing_name, model.name))

    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.endpoint_url)
    with user_with(stack, policy(name)) as credentials:
        boto3.DEFAULT_SESSION = own_session(stack, credentials)
        boto3.DEFAULT_SESSION.events.register("before-parameter-build", record)
        try:
            yield called
        finally:
            boto3.DEFAULT_SESSION = None


def run(*arguments: str, codes: Sequence[int] = (0,)) -> str:
    """Run `admin` on the stack."""
    result = CliRunner().invoke(admin.main, ["--stack", STACK_NAME, *arguments])
    assert result.exit_code in codes, f"{arguments}: {result.output}"
    return result.stdout


def failed(stack: Stack) -> dict[str, Any]:
    """Let an email fail; return its notification."""
    uuid = post(stack, uuid=str(uuid4()), photographer_user_id=502)["uuid"]
    # After a refused publish, of another test, the schedule publishes it: within two minutes.
    until = time.monotonic() + 120
    while True:
        for facts in read_published(stack):
            if facts["uuid"] == uuid:
                return facts
        assert time.monotonic() < until, f"no notification of {uuid} was published"
        time.sleep(0.5)


def lose(stack: Stack, facts: dict[str, Any]) -> None:
    """Put a notification into the log alone, and into the keeper's dead-letter queue."""
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    stream = f"lost-{uuid4()}"
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
    entry = {"level": "ERROR", "message": "notification not published", "notification": facts}
    event: Any = {"timestamp": int(time.time() * 1000), "message": json.dumps(entry)}
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=stream, logEvents=[event])
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    dead = queues.get_queue_url(QueueName=f"{STACK_NAME}-keeper-dead-letters")["QueueUrl"]
    queues.send_message(QueueUrl=dead, MessageBody=json.dumps(facts))


def test_an_operator_may_do_what_the_commands_do(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the operator's policy alone every command works, and each of its actions is called."""
    facts = failed(stack)
    lose(stack, facts)
    uuid = facts["uuid"]
    with permitted(stack, "operator", monkeypatch) as called:
        run("token", "create", "--user-id", "7", "--name", "Di", "--role", "planoorder=client")
        run("token", "revoke", "--hash", "0" * 64, codes=[1])
        run("record", "get", "user#502")
        run("record", "put", f"order#{time.time_ns() % 10**12}")
        run("route", "show")
        run("route", "open")
        run("owed", "list")
        run("owed", "list", "--given-up")
        run("owed", "settle", uuid, codes=[1])
        run("notifications", "publish", "--since", "1h")
        run("notifications", "redeliver")
        run("trace", uuid)
        replayed = CliRunner().invoke(replay.main, shlex.split(facts["replay"])[1:])
        assert replayed.exit_code == 1, replayed.output  # the address is still refused
        until = time.monotonic() + 60
        while facts["notification_id"] not in run("notifications", "list", "--json"):
            assert time.monotonic() < until, "the keeper did not store it"
            time.sleep(1)
        run("notifications", "dismiss", facts["notification_id"], "--note", "a test")
        good = post(stack, uuid=str(uuid4()))["uuid"]
        run("forget", good, "--yes")
    assert called - FREE == actions("operator")


def test_a_verifier_may_do_what_verify_does(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the verifier's policy alone `admin verify` passes, and each of its actions is called."""
    with permitted(stack, "verifier", monkeypatch) as called:
        run("verify", "--email", "verify@planomatic.test")
    # On AWS it also looks at the subscriptions of people, which no local stack has.
    shown_on_aws = {"sns:ListSubscriptionsByTopic"}
    assert (called - FREE) | shown_on_aws == actions("verifier")


# test_cloudformation_policy.py compares the fourth one with AWS's schemas.
@pytest.mark.parametrize("name", ["deployer", "operator", "verifier"])
def test_each_action_exists(name: str) -> None:
    """A policy with a misspelt action permits nothing, and no one notices."""
    known = {"lambda:InvokeFunction", "apigateway:GET"}
    models = botocore.session.get_session()
    for action in actions(name) - known:
        service, _, operation = action.partition(":")
        assert operation in models.get_service_model(service).operation_names, action


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_each_policy_can_be_made(path: Path) -> None:
    """IAM refuses a managed policy that is too long."""
    assert len(re.sub(r"\s", "", path.read_text())) <= MAX_CHARACTERS


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_each_policy_is_for_one_stack(path: Path) -> None:
    """Each statement names resources of the stack, unless their names cannot say so."""
    for statement in json.loads(path.read_text())["Statement"]:
        resources = statement["Resource"]
        listed = [resources] if isinstance(resources, str) else resources
        others = [each for each in listed if EXAMPLE not in each and each not in SHARED]
        assert bool(others) == (statement["Sid"] in UNRESTRICTED), statement["Sid"]


def test_a_deployer_may_do_what_the_pages_say() -> None:
    """The commands of AWS's own on the pages about a deployment are permitted to a deployer."""
    titles = ("Rolling back", "Bringing a deleted stack back", "Mandrill")
    sections = [
        first_deployment.PAGE,
        *(
            operations.PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
            for title in titles
        ),
    ]
    typed = [
        parse(line.partition(" | ")[0])
        for section in sections
        for block in re.findall(r"```sh\n(.*?)```", section.replace("   ```", "```"), re.DOTALL)
        for line in re.findall(r"(?m)\b(aws .+?)\)?$", block.replace("\\\n", " "))
    ]
    needed = {f"{SIGNED_AS.get(each.service, each.service)}:{each.operation}" for each in typed}
    assert needed >= {*ADMINISTRATORS, "lambda:UpdateAlias"}
    permitted_actions = actions("deployer") | actions("deployer-cloudformation")
    refused = {
        action
        for action in needed - ADMINISTRATORS
        if not any(fnmatchcase(action, pattern) for pattern in permitted_actions)
    }
    assert not refused
