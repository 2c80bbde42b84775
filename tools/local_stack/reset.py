"""Bring the local stack's data back to what it was after its first start."""

from typing import TYPE_CHECKING

import urllib3

from tools.local_stack import outage, seeds
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def reset(stack: Stack) -> None:
    """Empty tables, queues, log and mailbox, end an outage, and seed anew."""
    outage.end(stack)
    urllib3.request("DELETE", f"{stack.mandrill_url}/_sandbox/messages", timeout=5, retries=False)
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    for table in dynamodb.list_tables()["TableNames"]:
        _empty(dynamodb, table)
    queues = session.client("sqs", endpoint_url=stack.endpoint_url)
    for queue in queues.list_queues().get("QueueUrls", ()):
        queues.purge_queue(QueueUrl=queue)
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=stack.log_group)
    for stream in [stream for page in pages for stream in page["logStreams"]]:
        logs.delete_log_stream(logGroupName=stack.log_group, logStreamName=stream["logStreamName"])
    seeds.write(dynamodb, stack.sessions_table, stack.records_table)


def _empty(dynamodb: "DynamoDBClient", table: str) -> None:
    names = [
        each["AttributeName"]
        for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    ]
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in names})
