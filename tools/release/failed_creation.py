"""A first deployment that failed: what it left is removed, so that the next one can begin.

CloudFormation removes by itself what a creation made that it rolls back (`RetainExceptOnCreate`),
but for the tables: their deletion protection refuses that. They stay, the stack is ROLLBACK_FAILED,
and the next creation meets their names.
"""

from typing import TYPE_CHECKING, Final

from tools.errors import ToolError
from tools.terminal import step

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient

# What only a stack has that was never created whole.
_NEVER_WHOLE: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})


def clear(cloudformation: "CloudFormationClient", dynamodb: "DynamoDBClient", stack: str) -> None:
    """Delete the stack if its first creation failed, and the empty tables that it made.

    Raises ToolError if one of these tables has an item: then no deletion is right.
    """
    if status_of(cloudformation, stack) not in _NEVER_WHOLE:
        return
    tables = [
        resource["PhysicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::DynamoDB::Table"
        and resource["ResourceStatus"] == "DELETE_FAILED"
    ]
    for table in tables:
        if dynamodb.scan(TableName=table, Limit=1, Select="COUNT", ConsistentRead=True)["Count"]:
            raise ToolError(
                f"The first deployment of {stack} failed, and its table {table} is not empty. "
                "Nothing was deleted. Save its items, delete it by hand, and deploy again."
            )
    with step(f"Remove what the failed first deployment of {stack} left"):
        for table in tables:
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=table)
            dynamodb.delete_table(TableName=table)
            dynamodb.get_waiter("table_not_exists").wait(TableName=table)
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)


def status_of(cloudformation: "CloudFormationClient", stack: str) -> str | None:
    """Return the stack's status; None if there is none of this name."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as absent:
        if "does not exist" not in str(absent):
            raise
        return None
    status: str = found["StackStatus"]
    return None if status == "DELETE_COMPLETE" else status
