"""Alarms, dashboard and saved queries look at what the function really emits."""

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock
from uuid import UUID

import boto3
import pytest

from appointments.statuses import Status
from tests.support.case_runner import CASES, run_case
from tests.support.cases import one_of_each
from tests.support.fake_aws import FakeAws
from tests.template import properties

# What AWS itself measures, by its documentation: namespace, metric, dimensions.
OF_AWS: Final = {
    *(("AWS/ApiGateway", metric, ("ApiId",)) for metric in ("4xx", "5xx", "Latency")),
    *(
        ("AWS/Lambda", metric, ("FunctionName",))
        for metric in ("Errors", "Throttles", "Duration", "ConcurrentExecutions")
    ),
    ("AWS/Lambda", "Errors", ("ExecutedVersion", "FunctionName", "Resource")),
    *(
        ("AWS/DynamoDB", metric, dimensions)
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents")
        for dimensions in (("TableName",), ("GlobalSecondaryIndexName", "TableName"))
    ),
    *(
        ("AWS/SQS", metric, ("QueueName",))
        for metric in ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")
    ),
}
# The words of Logs Insights that the queries use.
LANGUAGE: Final = {
    *("fields", "filter", "stats", "sort", "limit", "count", "pct", "sum", "min", "strcontains"),
    *("by", "as", "desc", "asc", "or", "like"),
}
SCALE_PAGE: Final = Path(__file__).parents[2] / "docs" / "scale.md"
NEWEST: Final = "CreateFunction.Version.Version"
VERSION: Final = "$LATEST"  # of the function, where Lambda does not say it
Watched = tuple[str, str, tuple[tuple[str, str], ...]]


def of_type(name: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the template's resources of a type, in the stage of the tests."""
    return properties(name, Stage="test", NotificationsTable="notifications")


def alarms() -> Iterator[Watched]:
    """Yield the metrics that the alarms watch; those of the newest version watch this one."""
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        dimensions = sorted(
            (each["Name"], each["Value"].replace(NEWEST, VERSION)) for each in alarm["Dimensions"]
        )
        yield alarm["Namespace"], alarm["MetricName"], tuple(dimensions)


def widgets() -> Iterator[Watched]:
    """Yield what each line of the dashboard shows."""
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    for widget in dashboard["DashboardBody"]["Fn::ToJsonString"]["widgets"]:
        for row in widget["properties"].get("metrics", ()):
            namespace, metric, *rest = [cell for cell in row if not isinstance(cell, dict)]
            yield namespace, metric, tuple(sorted(zip(rest[::2], rest[1::2], strict=True)))


@pytest.fixture
def sns(aws: FakeAws) -> Iterator[Any]:  # noqa: ARG001 - within it
    """Return a client of SNS; the topic is there again afterwards, whatever was done to it."""
    client = boto3.client("sns", region_name="us-east-1")
    yield client
    client.create_topic(Name="notifications")


@pytest.fixture
def lively(aws: FakeAws, sns: Any, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Cause everything that the function measures."""
    from appointments.email import mandrill, overdue, workers  # noqa: PLC0415 - moto first
    from appointments.email.mandrill_client import CallFailed  # noqa: PLC0415
    from appointments.email.state import Outcome  # noqa: PLC0415
    from appointments.invocation import Invocation  # noqa: PLC0415

    for case in one_of_each(CASES).values():
        run_case(aws, case)
    aws.seed()
    aws.post(token="session-token")
    sns.delete_topic(TopicArn="arn:aws:sns:us-east-1:123456789012:notifications")
    aws.faults.inject["BatchGetItem"] = ["refused"] * 2
    assert aws.post().status == "application-crash"
    # The last try of an email: given up, by the schedule.
    item = next(item for item in aws.items() if item["email_status"] == "failed")
    aws.dynamodb.Table("appointments").update_item(
        Key={"uuid": item["uuid"]},
        UpdateExpression="SET due = :now, email_due = :now, owed_since = :long_ago",
        ExpressionAttributeValues={":now": int(time.time()), ":long_ago": 1},
    )
    aws.faults.inject.clear()
    assert aws.invoke({"schedule": "owed"})["emails"] == 1
    # An item that cannot be read, workers that cannot be invoked, a search by OR that is refused.
    aws.dynamodb.Table("appointments").put_item(
        Item={"uuid": item["uuid"], "email_status": 5, "owed": "0", "due": 0}
    )
    workers.hand_over([item["uuid"]] * 200, Invocation("", 0, 0, 0, function="absent:live"))
    with monkeypatch.context() as patch:
        refusal = CallFailed("ValidationError", Outcome.REFUSED)
        patch.setattr(mandrill, "call", Mock(side_effect=refusal))
        for number in range(3):
            maybe_sent = {"lease": "dead", "lease_until": 0, "email_due": 0}
            aws.dynamodb.Table("appointments").put_item(
                Item={**item, **maybe_sent, "uuid": str(UUID(int=number)), "owed": "0", "due": 0}
            )
        assert aws.invoke({"schedule": "owed"})["failed"] == 1
    with monkeypatch.context() as patch:
        patch.setattr(overdue, "find", None)
        aws.invoke({"schedule": "owed"})
    # A circuit breaker that cannot be written.
    aws.faults.inject["PutItem"] = [lambda: None, "denied"]
    assert aws.post(photographer_user_id=501).status == "mandrill-email-failed"
    aws.invoke_keeper({"check": "open"})
    return aws


def emitted(aws: FakeAws) -> set[Watched]:
    """Return all metrics that the function wrote, in CloudWatch's embedded metric format."""
    found: set[Watched] = set()
    for line in aws.lines():
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            found |= {
                (
                    directive["Namespace"],
                    metric["Name"],
                    tuple(sorted((name, line[name]) for name in names)),
                )
                for names in directive["Dimensions"]
                for metric in directive["Metrics"]
            }
    return found


def test_every_metric_that_is_watched_is_emitted(lively: FakeAws) -> None:
    """What an alarm or the dashboard watches is a metric that the function or AWS emits."""
    ours = emitted(lively)
    for watched in [*alarms(), *widgets()]:
        namespace, metric, dimensions = watched
        if namespace.startswith("AWS/"):
            assert (namespace, metric, tuple(name for name, _ in dimensions)) in OF_AWS
        else:
            assert watched in ours


def test_the_dashboard_shows_every_metric_and_status(lively: FakeAws) -> None:
    """Nothing that the function measures is left out of the dashboard."""
    shown = set(widgets())
    assert {metric for _, metric, _ in emitted(lively)} <= {metric for _, metric, _ in shown}
    statuses = {dict(dimensions).get("status") for _, _, dimensions in shown} - {None}
    assert statuses == {status.value for status in Status}


def test_what_the_metrics_cost_is_written_down(lively: FakeAws) -> None:
    """The cost model counts each custom metric, and each metric that an alarm watches, once."""
    found = emitted(lively)
    assert {name for _, name, dimensions in found if "status" in dict(dimensions)} == {"Answers"}
    page = SCALE_PAGE.read_text()
    (custom,) = re.findall(r"(\d+) custom metrics", page)
    assert int(custom) == len(found)
    (watched,) = re.findall(r"(\d+) metrics that alarms watch", page)
    assert int(watched) == len(list(alarms()))


def test_every_alarm_notifies_a_person_and_says_what_missing_data_means() -> None:
    """Each alarm and its end go to the topic of the alarms, and missing data has a meaning."""
    topics = of_type("AWS::SNS::Topic")
    assert "KmsMasterKeyId" not in topics["OpsTopic"]
    found = of_type("AWS::CloudWatch::Alarm")
    for alarm in found.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["OpsTopic"]
        assert alarm["AlarmDescription"]
        assert alarm["TreatMissingData"] in {"breaching", "notBreaching"}
    silent = {name for name, alarm in found.items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"ScheduleStoppedAlarm", "NotificationsOpenAlarm"}
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    widget = dashboard["DashboardBody"]["Fn::ToJsonString"]["widgets"][0]
    assert widget["properties"]["alarms"] == [f"{name}.Arn" for name in found]


def test_a_schedule_without_work_still_emits_that_it_ran(aws: FakeAws) -> None:
    """If nothing is pending, the age is 0, so that only a stopped schedule is silent."""
    aws.invoke({"schedule": "owed"})
    (line,) = [line for line in aws.lines() if "_aws" in line]
    assert line["OldestOwedSeconds"] == [0.0]


def test_saved_queries_ask_for_what_the_log_holds(lively: FakeAws) -> None:
    """Every field of a saved query is one that some line bears, every value one that occurs."""
    queries = of_type("AWS::Logs::QueryDefinition")
    assert len(queries) == 5
    lines = lively.lines()
    for query in queries.values():
        text = query["QueryString"]
        made = set(re.findall(r" as (\w+)", text))
        words = set(re.findall(r"\b[a-z]\w*", re.sub(r'"[^"]*"|@\w+', "", text)))
        assert words - made - LANGUAGE
        for field in words - made - LANGUAGE:
            assert any(field in line for line in lines), field
        for field, value in re.findall(r'(level|message) = "(\w+)"', text):
            assert any(line.get(field) == value for line in lines), value


def test_the_functions_log_line_of_a_lost_notification_is_whole(lively: FakeAws) -> None:
    """Where the alarm NotificationFailed leads, the log holds the notification and its command."""
    line = lively.lines("notification not published")[-1]
    command = shlex.split(line["notification"]["replay"])
    assert command[0] == "replay"
    assert json.dumps(line["notification"])
