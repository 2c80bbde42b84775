"""`admin verify` on AWS: what the local stack does not have, played by moto."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from appointments_operator.deployment import Deployment
from appointments_operator.verify.check import CheckFailed
from appointments_operator.verify.command import CHECKS
from appointments_operator.verify.verification import Verification

REGION: Final = "us-east-1"
TOPIC: Final = "NotificationsTopic"


@dataclass(frozen=True)
class Stack(Deployment):
    """A deployed stack whose outputs are given."""

    def output(self, key: str) -> str:
        """Return what was given for an output."""
        return str(self.given[key])


@pytest.fixture
def verification() -> Iterator[Verification]:
    """Return the verification of a stack that moto plays; it has a name of its own."""
    name = f"appointments-{uuid4().hex[:8]}"
    with mock_aws():
        topic = boto3.client("sns", REGION).create_topic(Name=name)["TopicArn"]
        api = boto3.client("apigatewayv2", REGION).create_api(
            Name=name,
            ProtocolType="HTTP",
            CorsConfiguration={"AllowOrigins": ["https://app.planomatic.com"]},
        )
        given: dict[str, str | None] = {TOPIC: topic, "OpsTopic": topic, "ApiId": api["ApiId"]}
        yield Verification(Stack(name, REGION, None, given), "verify@planomatic.com")


def look(verification: Verification, name: str) -> str:
    """Run one check."""
    (check,) = (each for each in CHECKS if each.name == name)
    return check.look(verification)


def subscribe(verification: Verification, protocol: str, endpoint: str) -> None:
    """Subscribe to the topic."""
    client = boto3.client("sns", REGION)
    client.subscribe(
        TopicArn=verification.deployment.output(TOPIC), Protocol=protocol, Endpoint=endpoint
    )


def put_alarm(
    verification: Verification, actions: Sequence[str] = ("arn:aws:sns:us-east-1:1:ops",)
) -> str:
    """Make an alarm of the stack; return its name."""
    name = f"{verification.deployment.stack}-errors"
    boto3.client("cloudwatch", REGION).put_metric_alarm(
        AlarmName=name,
        AlarmActions=actions,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Period=60,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    return name


def test_it_is_no_local_stack(verification: Verification) -> None:
    """Without an endpoint on this machine, nothing is left out."""
    assert not verification.is_local


def test_without_a_subscription_no_person_learns_of_failures(verification: Verification) -> None:
    """A topic that only machines are subscribed to fails the check."""
    subscribe(verification, "sqs", "arn:aws:sqs:us-east-1:1:keeper")
    with pytest.raises(CheckFailed, match="no person is subscribed"):
        look(verification, f"people are subscribed to {TOPIC}")


def test_a_confirmed_subscription_is_counted(verification: Verification) -> None:
    """Each person whose subscription has an ARN gets notifications."""
    subscribe(verification, "email", "dev@planomatic.com")
    assert look(verification, f"people are subscribed to {TOPIC}") == "1 confirmed"


def test_a_subscription_that_waits_fails(
    verification: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS says PendingConfirmation until the person has clicked; moto confirms by itself."""
    waiting = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email"}
    client = boto3.client("sns", REGION)
    monkeypatch.setattr(
        client,
        "get_paginator",
        lambda _: type("Pages", (), {"paginate": lambda _, **__: [{"Subscriptions": [waiting]}]})(),
    )
    monkeypatch.setattr(Deployment, "client", lambda *_: client)
    verification.__dict__["is_local"] = False
    with pytest.raises(CheckFailed, match="1 of 1 subscriptions are not confirmed"):
        look(verification, f"people are subscribed to {TOPIC}")


def test_an_alarm_that_is_on_fails(verification: Verification) -> None:
    """Alarms that are off pass; one that is on is named, and none at all is a failure."""
    name = "alarms are off, and tell people"
    with pytest.raises(CheckFailed, match="there are no alarms"):
        look(verification, name)
    alarm = put_alarm(verification)
    assert look(verification, name) == "1 alarms, none is on"
    boto3.client("cloudwatch", REGION).set_alarm_state(
        AlarmName=alarm, StateValue="ALARM", StateReason="errors"
    )
    with pytest.raises(CheckFailed, match=f"in alarm: {alarm}"):
        look(verification, name)


def test_an_alarm_that_notifies_no_one_fails(verification: Verification) -> None:
    """An alarm without an action is named."""
    alarm = put_alarm(verification, actions=())
    with pytest.raises(CheckFailed, match=f"these tell no one: {alarm}"):
        look(verification, "alarms are off, and tell people")


@pytest.mark.parametrize(
    ("settings", "is_good"),
    [({"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 200}, True), ({}, False)],
)
def test_the_limits_of_the_api_are_read(
    verification: Verification, settings: Any, *, is_good: bool
) -> None:
    """A stage without limits of its own takes all that the account has."""
    boto3.client("apigatewayv2", REGION).create_stage(
        ApiId=verification.deployment.output("ApiId"),
        StageName="$default",
        DefaultRouteSettings=settings,
    )
    if is_good:
        assert look(verification, "the API limits requests") == "100 per second, bursts of 200"
    else:
        with pytest.raises(CheckFailed, match="no limits of its own"):
            look(verification, "the API limits requests")


def test_a_traffic_shift_is_no_finished_deployment(verification: Verification) -> None:
    """While an alias has weights, some callers get the old version."""
    client = _FakeLambda({"AdditionalVersionWeights": {"8": 0.1}}, "7", ["$LATEST", "7", "8"])
    verification.deployment.__dict__["lambda_client"] = client
    verification.deployment.given["FunctionName"] = "appointments-prod"
    with pytest.raises(CheckFailed, match="shifts traffic"):
        look(verification, "callers get the newest version")
    client.routing = {}
    with pytest.raises(CheckFailed, match="live is version 7, the newest is 8"):
        look(verification, "callers get the newest version")
    client.version = "8"
    assert look(verification, "callers get the newest version") == "version 8"


class _FakeLambda:
    """Lambda, which moto plays only with Docker."""

    def __init__(self, routing: dict[str, Any], version: str, versions: list[str]) -> None:
        self.routing, self.version, self._versions = routing, version, versions

    def get_paginator(self, operation: str) -> Any:
        """Return the one page of an operation."""
        alias = {"Name": "live", "FunctionVersion": self.version, "RoutingConfig": self.routing}
        pages = {
            "list_aliases": [{"Aliases": [alias]}],
            "list_versions_by_function": [{"Versions": [{"Version": v} for v in self._versions]}],
        }
        return SimpleNamespace(paginate=lambda **_: pages[operation])
