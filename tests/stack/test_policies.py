"""The policies of operators are what their commands need, under IAM: not less, and not more."""

import json
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import boto3
import botocore.session
import pytest
from click.testing import CliRunner

from appointments_operator import admin, replay
from tests.stack.test_replay_command import post
from tests.support.transformed import transformed
from tools.bootstrap import ROOT
from tools.environment import LOG_GROUP, STACK_NAME
from tools.local_stack.aws import session
from tools.local_stack.display import published
from tools.local_stack.stack import Stack

POLICIES: Final = ROOT / "docs" / "policies"
EXAMPLE: Final = "appointments-prod"  # the stack that the files name
USER: Final = "commands"
# What everyone may do.
FREE: Final = frozenset({"sts:GetCallerIdentity"})
# An operation that IAM calls otherwise.
NAMED_OTHERWISE: Final = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "apigateway:GetApi": "apigateway:GET",
    "apigateway:GetStages": "apigateway:GET",
    "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
}

# Statements about what AWS cannot restrict, or whose resources have names of AWS's own.
UNRESTRICTED: Final = {
    *("LookAtLogsAndAlarms", "LookAtTheApi", "LookAtTheSchedule", "LookAtTheRetention"),
    *("FindWhereSamUploads", "UploadThePackage", "MakeTheKeepersSource", "LetTheApiWriteItsLog"),
    *("MakeTheApi", "MakeTheSchedules"),
}
# What no stack owns, beside resources of the stack: SAM's transforms, CodeDeploy's configurations.
SHARED: Final = {
    "arn:aws:cloudformation:*:aws:transform/Serverless-2016-10-31",
    "arn:aws:cloudformation:*:aws:transform/LanguageExtensions",
    "arn:aws:codedeploy:*:*:deploymentconfig:*",
}
NAMES_OF_SERVICES: Final = {"apigatewayv2": "apigateway"}


def policy(name: str) -> dict[str, Any]:
    """Return a policy, for the local stack."""
    text = (POLICIES / f"{name}.json").read_text()
    written: dict[str, Any] = json.loads(text.replace(EXAMPLE, STACK_NAME))
    return written


def actions(name: str) -> set[str]:
    """Return what a policy permits."""
    return {action for each in policy(name)["Statement"] for action in each["Action"]}


@contextmanager
def permitted(stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Run commands as a user with this policy alone; yield the actions that they call."""
    iam = session.client("iam", endpoint_url=stack.endpoint_url)
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=json.dumps(policy(name)))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    called: set[str] = set()

    def record(model: Any, **_: Any) -> None:
        action = f"{model.service_model.signing_name}:{model.name}"
        called.add(NAMED_OTHERWISE.get(action, action))

    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.endpoint_url)
    boto3.setup_default_session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name=stack.region,
    )
    assert boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION.events.register("before-parameter-build", record)
    try:
        yield called
    finally:
        boto3.DEFAULT_SESSION = None
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=USER, PolicyName=name)
        iam.delete_user(UserName=USER)


def run(*arguments: str, codes: Sequence[int] = (0,)) -> str:
    """Run `admin` on the stack."""
    result = CliRunner().invoke(admin.main, ["--stack", STACK_NAME, *arguments])
    assert result.exit_code in codes, f"{arguments}: {result.output}"
    return result.stdout


def failed(stack: Stack) -> dict[str, Any]:
    """Have an email fail; return its notification."""
    uuid = post(stack, uuid=str(uuid4()), photographer_user_id=502)["uuid"]
    until = time.monotonic() + 30
    while True:
        for facts in published(stack):
            if facts["uuid"] == uuid:
                return facts
        assert time.monotonic() < until, f"no notification of {uuid} was published"
        time.sleep(0.5)


def lose(stack: Stack, facts: dict[str, Any]) -> None:
    """Have the log alone, and the keeper's dead-letter queue, hold a notification."""
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


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_each_action_exists(path: Path) -> None:
    """A policy with a misspelt action permits nothing, and no one notices."""
    known = {"lambda:InvokeFunction", "apigateway:GET", "iam:PassRole"}
    known |= {"budgets:ModifyBudget", "budgets:ViewBudget"}  # IAM's own names, each for several
    known |= {f"logs:{name}LogDelivery" for name in ("Create", "Delete", "Get", "Update")}
    known |= {"logs:ListLogDeliveries"}  # API Gateway's calls, which are not in the service's model
    services = {"s3:ListBucket": "ListObjectsV2"}
    models = botocore.session.get_session()
    for action in actions(path.stem) - known:
        service, _, operation = action.partition(":")
        names = models.get_service_model(service).operation_names
        assert operation == "*" or services.get(action, operation) in names, action


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.json")), ids=lambda path: path.stem)
def test_each_policy_is_for_one_stack(path: Path) -> None:
    """Each statement names resources of the stack, unless their names cannot say so."""
    for statement in json.loads(path.read_text())["Statement"]:
        resources = statement["Resource"]
        listed = [resources] if isinstance(resources, str) else resources
        others = [each for each in listed if EXAMPLE not in each and each not in SHARED]
        assert bool(others) == (statement["Sid"] in UNRESTRICTED), statement["Sid"]


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_a_deployer_may_make_each_resource(gradual: str) -> None:
    """For each type of resource that CloudFormation makes, its service is permitted."""
    resources = transformed(GradualDeployment=gradual)["Resources"].values()
    services = {each["Type"].split("::")[1].lower() for each in resources}
    permitted_services = {action.partition(":")[0] for action in actions("deployer")}
    assert {NAMES_OF_SERVICES.get(each, each) for each in services} <= permitted_services


def test_a_deployer_may_attach_what_roles_have() -> None:
    """SAM gives CodeDeploy's role a policy of AWS's own: attaching this one is permitted."""
    resources = transformed(GradualDeployment="true")["Resources"].values()
    roles = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    attached = [str(arn) for role in roles for arn in role.get("ManagedPolicyArns", ())]
    assert attached
    (statement,) = (
        each for each in policy("deployer")["Statement"] if "iam:AttachRolePolicy" in each["Action"]
    )
    permitted_arn = statement["Condition"]["ArnLike"]["iam:PolicyARN"]
    name = permitted_arn.rpartition("/")[2].rstrip("*")
    assert all(f"service-role/{name}" in arn for arn in attached), attached
