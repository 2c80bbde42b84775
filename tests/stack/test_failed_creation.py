"""A first deployment that fails leaves nothing that stands in the way of the second."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.stub import Stubber

from tests.stack.releases import release, remove_kept
from tools.errors import ToolError
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.release import failed_creation
from tools.release.deploy import settings_of


def broken(template: Path, tmp_path: Path) -> Path:
    """Write the template with an alarm that the emulator refuses when all that is kept exists."""
    content = yaml.safe_load(template.read_text())
    resources = content["Resources"]
    resources["Refused"] = {
        "Type": "AWS::CloudWatch::Alarm",
        "DependsOn": [name for name, each in resources.items() if "DeletionPolicy" in each],
        "Properties": {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1,
                       "Metrics": [{"Id": "refused", "Expression": "1"}]},
    }  # fmt: skip
    written = tmp_path / "broken.yaml"
    written.write_text(yaml.safe_dump(content))
    return written


def test_a_failed_first_deployment_does_not_block_the_second(
    stack: Stack, built: Path, cloudformation: Any, tmp_path: Path
) -> None:
    """What a creation made that failed goes with it, and the next one begins anew."""
    name = settings_of("dev")["stack_name"]
    failed = release(stack, broken(built, tmp_path), "y")
    assert failed.returncode == 1
    (left,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert left["StackStatus"] == "ROLLBACK_COMPLETE"
    tables = session.client("dynamodb", endpoint_url=stack.endpoint_url).list_tables()
    assert not any(table.startswith(name) for table in tables["TableNames"])

    done = release(stack, built, "y")
    assert done.returncode == 0, done.stderr
    assert "Remove what the failed first deployment" in done.stderr


@pytest.fixture
def protected_table(stack: Stack) -> Iterator[Any]:
    """Make a table as a creation leaves it that CloudFormation could not roll back."""
    dynamodb: Any = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    dynamodb.create_table(
        TableName="appointments-dev-left",
        AttributeDefinitions=[{"AttributeName": "uuid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "uuid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    yield dynamodb
    remove_kept(stack, "appointments-dev")


def rolled_back(status: str) -> tuple[Any, Stubber]:
    """Return CloudFormation as AWS describes it after a rollback; the emulator's differs.

    The emulator deletes tables in spite of their protection.
    """
    client: Any = session.client("cloudformation", endpoint_url="http://127.0.0.1:1")
    name, now = {"StackName": "appointments-dev"}, datetime.now(UTC)
    stubber = Stubber(client)
    description = {**name, "CreationTime": now, "StackStatus": status}
    stubber.add_response("describe_stacks", {"Stacks": [description]}, name)
    resource = {"LogicalResourceId": "Table", "LastUpdatedTimestamp": now}
    table = {"ResourceType": "AWS::DynamoDB::Table", "ResourceStatus": "DELETE_FAILED"}
    left = {**resource, **table, "PhysicalResourceId": "appointments-dev-left"}
    stubber.add_response("list_stack_resources", {"StackResourceSummaries": [left]}, name)
    stubber.add_response("delete_stack", {}, name)
    stubber.add_client_error(
        "describe_stacks", "ValidationError", "does not exist", 400, None, name
    )
    return client, stubber


def test_protected_tables_of_a_failed_creation_are_removed(protected_table: Any) -> None:
    """CloudFormation cannot delete them, so the next deployment does, if they are empty."""
    client, stubber = rolled_back("ROLLBACK_FAILED")
    with stubber:
        failed_creation.clear(client, protected_table, "appointments-dev")
        stubber.assert_no_pending_responses()
    assert "appointments-dev-left" not in protected_table.list_tables()["TableNames"]


def test_a_table_with_items_is_not_removed(protected_table: Any) -> None:
    """Whatever the status of the stack says, an item is reason to ask a person."""
    item = {"uuid": {"S": "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"}}
    protected_table.put_item(TableName="appointments-dev-left", Item=item)
    client, stubber = rolled_back("ROLLBACK_FAILED")
    with stubber, pytest.raises(ToolError, match="appointments-dev-left is not empty"):
        failed_creation.clear(client, protected_table, "appointments-dev")
    table = protected_table.describe_table(TableName="appointments-dev-left")["Table"]
    assert table["DeletionProtectionEnabled"]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "CREATE_COMPLETE", "DELETE_FAILED"])
def test_a_stack_that_was_whole_is_left_alone(protected_table: Any, status: str) -> None:
    """Nothing is removed of a stack that was created, whatever became of it since."""
    client, stubber = rolled_back(status)
    with stubber:
        failed_creation.clear(client, protected_table, "appointments-dev")
    assert "appointments-dev-left" in protected_table.list_tables()["TableNames"]
