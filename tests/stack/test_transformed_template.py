"""What CloudFormation gets once SAM has transformed the template, and what the local stack has."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.transformed import transformed
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.paths import SAM


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the resources of a type, by their logical names."""
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_cloudformation_accepts_it(tmp_path: Path, gradual: str) -> None:
    """The transformed template has no cycle, no unknown reference and no property that is wrong."""
    written = tmp_path / "template.json"
    template = {"Transform": "AWS::LanguageExtensions", **transformed(GradualDeployment=gradual)}
    written.write_text(json.dumps(template))
    done = subprocess.run(  # noqa: S603 - the project's own cfn-lint
        [SAM.with_name("cfn-lint"), "--ignore-checks", "W", "--", written],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_gradual_deployment_watches_the_version_that_it_shifts_to() -> None:
    """CodeDeploy's group has two alarms, on exactly the version that the alias gets."""
    template = transformed(GradualDeployment="true")
    (group,) = of_type(template, "AWS::CodeDeploy::DeploymentGroup").values()
    (alias,) = of_type(template, "AWS::Lambda::Alias").values()
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    configuration = group["Properties"]["AlarmConfiguration"]
    assert configuration["Enabled"] is True
    names = [alarm["Name"]["Ref"] for alarm in configuration["Alarms"]]
    assert sorted(names) == ["NewVersionCrashesAlarm", "NewVersionErrorsAlarm"]
    for name in names:
        dimensions = template["Resources"][name]["Properties"]["Dimensions"]
        values = [each["Value"] for each in dimensions]
        assert alias["Properties"]["FunctionVersion"] in values, name


def test_without_it_cloudformation_moves_the_alias_itself() -> None:
    """With GradualDeployment=false no CodeDeploy stands between a repair and its callers."""
    template = transformed(GradualDeployment="false")
    assert not of_type(template, "AWS::CodeDeploy::DeploymentGroup")
    (alias,) = of_type(template, "AWS::Lambda::Alias").values()
    assert "UpdatePolicy" not in alias


def test_the_alias_keeps_what_it_drops(stack: Stack) -> None:
    """On the local stack the alias has the queue as destination, and its alarms its version."""
    functions = session.client("lambda", endpoint_url=stack.endpoint_url)
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    cloudwatch = session.client("cloudwatch", endpoint_url=stack.endpoint_url)
    config = functions.get_function_event_invoke_config(
        FunctionName=stack.function_name, Qualifier="live"
    )
    queue = config["DestinationConfig"]["OnFailure"]["Destination"].rpartition(":")[2]
    assert queues.get_queue_url(QueueName=queue)["QueueUrl"]
    alias = functions.get_alias(FunctionName=stack.function_name, Name="live")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"{stack.function_name}-new-version-")[
        "MetricAlarms"
    ]
    assert len(alarms) == 2
    for alarm in alarms:
        assert alias["FunctionVersion"] in [each["Value"] for each in alarm["Dimensions"]]
