"""A whole table is restored with the commands of docs/operations.md, in their order."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore import xform_name

from tests.support.aws_command import AwsCommand, parse
from tests.unit.test_operations_page import PAGE
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

PROD: Final = "appointments-prod-appointments"
KEPT: Final = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
LOST: Final = "2f4a1f5d-6a57-4b38-9d3c-7f0c0f4e9c10"


def commands() -> Iterator[str]:
    """Yield the lines of the page that restore the whole table."""
    section = PAGE.partition("\n## Restoring from a point in time\n")[2].partition("\n## ")[0]
    first, rest = section.split("### Copy the lost items back")
    whole = rest.partition("### Put the whole table")[2]
    for block in re.findall(r"```sh\n(.*?)```", first + whole, re.DOTALL):
        yield from (line for line in block.replace("\\\n", "").splitlines() if "aws " in line)


def call(dynamodb: Any, command: AwsCommand) -> Any:
    """Call what a command calls."""
    assert command.service == "dynamodb"
    if command.waiter:
        dynamodb.get_waiter(command.waiter).wait(**command.parameters)
        return {}
    return getattr(dynamodb, xform_name(command.operation))(**command.parameters)


@pytest.fixture
def dynamodb(stack: Stack) -> Iterator[Any]:
    """Make the table as the stage `prod` has it, and leave nothing of it."""
    client: Any = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    local = client.describe_table(TableName=stack.appointments_table)["Table"]
    (index,) = local["GlobalSecondaryIndexes"]
    client.create_table(
        TableName=PROD,
        AttributeDefinitions=local["AttributeDefinitions"],
        KeySchema=local["KeySchema"],
        GlobalSecondaryIndexes=[
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        ],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        SSESpecification={"Enabled": True},
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName=PROD, PointInTimeRecoverySpecification=recovery)
    client.put_item(TableName=PROD, Item={"uuid": {"S": KEPT}, "notes": {"S": "before"}})
    yield client
    for table in (PROD, f"{PROD}-restored"):
        if table in client.list_tables()["TableNames"]:
            client.update_table(TableName=table, DeletionProtectionEnabled=False)
            client.delete_table(TableName=table)


def test_a_whole_table_comes_back_under_its_name(dynamodb: Any) -> None:
    """The commands, as they stand, lead to the same table with the items of that moment."""
    before = dynamodb.describe_table(TableName=PROD)["Table"]
    backup = ""
    for line in commands():
        variable, _, inner = line.partition("=$(")
        command = parse((inner.removesuffix(")") if inner else line).replace("$BACKUP", backup))
        returned = call(dynamodb, command)
        if command.operation == "RestoreTableToPointInTime":  # the mishap: what came later goes
            dynamodb.put_item(TableName=PROD, Item={"uuid": {"S": LOST}})
        if inner:
            assert variable == "BACKUP"
            backup = returned["BackupSummaries"][0]["BackupArn"]
    after = dynamodb.describe_table(TableName=PROD)["Table"]
    for name in ("KeySchema", "AttributeDefinitions", "DeletionProtectionEnabled"):
        assert after[name] == before[name], name
    assert [each["IndexName"] for each in after["GlobalSecondaryIndexes"]] == ["owed"]
    recovery = dynamodb.describe_continuous_backups(TableName=PROD)
    status = recovery["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert status["PointInTimeRecoveryStatus"] == "ENABLED"
    ttl = dynamodb.describe_time_to_live(TableName=PROD)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    items = dynamodb.scan(TableName=PROD)["Items"]
    assert items == [{"uuid": {"S": KEPT}, "notes": {"S": "before"}}]
    assert f"{PROD}-restored" not in dynamodb.list_tables()["TableNames"]


def test_nothing_is_restored_into_a_table_that_exists(dynamodb: Any) -> None:
    """Why the old table has to go: both kinds of restore refuse its name."""
    backup = dynamodb.create_backup(TableName=PROD, BackupName="any")["BackupDetails"]
    with pytest.raises(dynamodb.exceptions.TableAlreadyExistsException):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=PROD, TargetTableName=PROD, UseLatestRestorableTime=True
        )
    with pytest.raises(dynamodb.exceptions.TableAlreadyExistsException):
        dynamodb.restore_table_from_backup(TargetTableName=PROD, BackupArn=backup["BackupArn"])
    with pytest.raises(dynamodb.exceptions.ClientError, match="protect"):
        dynamodb.delete_table(TableName=PROD)
