"""The policies of docs/policies, for users of the emulator that have nothing else."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import boto3

from tools.bootstrap import ROOT
from tools.environment import STACK_NAME
from tools.local_stack.aws import session
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
    "s3:HeadObject": "s3:GetObject",
}


def policy(name: str, stack: str = STACK_NAME) -> dict[str, Any]:
    """Return a policy, for a stack."""
    text = (POLICIES / f"{name}.json").read_text()
    written: dict[str, Any] = json.loads(text.replace(EXAMPLE, stack))
    return written


def actions(name: str) -> set[str]:
    """Return what a policy permits."""
    return {action for each in policy(name)["Statement"] for action in each["Action"]}


def iam_action(service: str, operation: str) -> str:
    """Return the action that a call of botocore's needs."""
    action = f"{service}:{operation}"
    return NAMED_OTHERWISE.get(action, action)


def own_session(stack: Stack, credentials: Mapping[str, str]) -> Any:
    """Return a session with these credentials."""
    return boto3.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        region_name=stack.region,
    )


@contextmanager
def user_with(stack: Stack, document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Make a user with this policy alone; yield the credentials as a shell has them."""
    iam = session.client("iam", endpoint_url=stack.endpoint_url)
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName=USER, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    try:
        yield {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
    finally:
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=USER, PolicyName=USER)
        iam.delete_user(UserName=USER)
