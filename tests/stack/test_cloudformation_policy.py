"""A deployer may do what CloudFormation does in that name: AWS's schemas say what this is.

The emulator's own CloudFormation makes its resources without a call, so nothing can be recorded.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest

from tests.stack.policies import EXAMPLE, policy
from tests.support.cloudformation_calls import Call, calls
from tests.support.transformed import transformed

# What the policy does not permit: the property that needs it, which the template does not set.
UNUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "AWS::ApiGatewayV2::Api": {"BodyS3Location": "s3:getObject"},
    "AWS::ApiGatewayV2::DomainName": {"MutualTlsAuthentication": "s3:GetObjectVersion"},
    "AWS::ApiGatewayV2::Integration": {"CredentialsArn": "iam:PassRole"},
    "AWS::CodeDeploy::DeploymentGroup": {
        "OnPremisesTagSet": "codedeploy:RegisterOnPremisesInstance"
    },
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": "dynamodb:UpdateContributorInsights",
        "ImportSourceSpecification": "dynamodb:ImportTable logs:CreateLogGroup logs:CreateLogStream"
        " logs:DescribeLogStreams logs:PutLogEvents logs:PutRetentionPolicy s3:GetObjectMetadata"
        " s3:ListBucket",
        "KinesisStreamSpecification": "dynamodb:DisableKinesisStreamingDestination"
        " dynamodb:EnableKinesisStreamingDestination dynamodb:UpdateKinesisStreamingDestination"
        " kinesis:DescribeStream kinesis:PutRecords",
        # The copy of a table for a replica; a table with replicas is a type of its own today.
        "Replicas": "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem"
        " dynamodb:CreateTableReplica dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem"
        " dynamodb:Query dynamodb:Scan dynamodb:UpdateItem iam:CreateServiceLinkedRole",
        "ResourcePolicy": "dynamodb:DeleteResourcePolicy dynamodb:PutResourcePolicy",
        # The policy of AWS's own key lets all of the account use it through DynamoDB.
        "SSESpecification.KMSMasterKeyId": "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt"
        " kms:ListAliases kms:RevokeGrant",
    },
    "AWS::IAM::Role": {
        "PermissionsBoundary": "iam:DeleteRolePermissionsBoundary iam:PutRolePermissionsBoundary"
    },
    "AWS::Lambda::EventSourceMapping": {
        "KmsKeyArn": "kms:Decrypt kms:DescribeKey kms:GenerateDataKey"
    },
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": "lambda:PassCapacityProvider",
        "Code.S3ObjectVersion": "s3:GetObjectVersion",
        "FileSystemConfigs": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
        "KmsKeyArn": "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey",
        "RuntimeConfig": "lambda:AssociateRuntimeAlias",
        "VpcConfig": "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets"
        " ec2:DescribeVpcs",
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": "logs:PutBearerTokenAuthentication",
        "DataProtectionPolicy": "firehose:TagDeliveryStream logs:PutDataProtectionPolicy"
        " s3:REST.PUT.OBJECT",
        "DeletionProtectionEnabled": "logs:PutLogGroupDeletionProtection",
        "FieldIndexPolicies": "logs:DeleteIndexPolicy logs:PutIndexPolicy",
        "KmsKeyId": "logs:AssociateKmsKey logs:DisassociateKmsKey",
        "ResourcePolicyDocument": "logs:DeleteResourcePolicy",
    },
    "AWS::SNS::Subscription": {"SubscriptionRoleArn": "iam:GetRole iam:PassRole"},
    "AWS::SNS::Topic": {
        "DataProtectionPolicy": "sns:PutDataProtectionPolicy",
        "DeliveryStatusLogging": "iam:GetRole iam:PassRole",
    },
    "AWS::SecretsManager::Secret": {
        "GenerateSecretString": "secretsmanager:GetRandomPassword",
        "ReplicaRegions": "secretsmanager:RemoveRegionsFromReplication"
        " secretsmanager:ReplicateSecretToRegions",
    },
}
# What no schema lists: the permissions for an access log, and the role that a first domain needs
# (docs/decisions/deployment/policies-for-people.md).
NOT_IN_A_SCHEMA: Final = {"iam:CreateServiceLinkedRole", "logs:ListLogDeliveries"}


def as_list(value: str | list[str]) -> list[str]:
    """Return what a statement has, which may be one or several."""
    return [value] if isinstance(value, str) else value


def permits(statement: Mapping[str, Any], pattern: str, call: Call) -> bool:
    """Whether a statement permits a call by this pattern of its actions."""
    return (
        fnmatchcase(call.action, pattern)
        and any(fnmatchcase(call.arn, each) for each in as_list(statement["Resource"]))
        and all(
            any(fnmatchcase(call.context.get(key, ""), each) for each in as_list(wanted))
            for keys in statement.get("Condition", {}).values()
            for key, wanted in keys.items()
        )
    )


def statements() -> list[dict[str, Any]]:
    """Return the statements of both policies that a deployer has."""
    return [
        statement
        for name in ("deployer", "deployer-cloudformation")
        for statement in policy(name, EXAMPLE)["Statement"]
    ]


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_cloudformation_may_do_what_each_resource_needs(gradual: str) -> None:
    """A deployer may do all that AWS registers for a type, but for what an unset property needs."""
    expected = {
        (kind, action)
        for kind, properties in UNUSED.items()
        for actions in properties.values()
        for action in actions.split()
        if gradual == "true" or not kind.startswith("AWS::CodeDeploy::")
    }
    refused = {
        (call.kind, call.action)
        for call in calls(gradual)
        if not any(
            permits(statement, pattern, call)
            for statement in statements()
            for pattern in statement["Action"]
        )
    }
    assert refused == expected


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_what_is_not_permitted_is_not_needed(gradual: str) -> None:
    """No resource of the template sets a property whose permissions a deployer lacks."""
    for name, resource in transformed(GradualDeployment=gradual)["Resources"].items():
        for path in UNUSED.get(resource["Type"], {}):
            value: Any = resource["Properties"]
            for key in path.split("."):
                value = value.get(key, {})
            assert not value, f"{name} sets {path}"


def test_nothing_more_is_permitted() -> None:
    """CloudFormation needs each action of the policy, and each resource of each statement."""
    needed = list(calls("true"))
    unneeded = set()
    for statement in policy("deployer-cloudformation", EXAMPLE)["Statement"]:
        used = [
            (action, call)
            for action in statement["Action"]
            for call in needed
            if permits(statement, action, call)
        ]
        unneeded |= set(statement["Action"]) - {action for action, _ in used}
        for resource in as_list(statement["Resource"]):
            if used and not any(fnmatchcase(call.arn, resource) for _, call in used):
                unneeded.add(resource)
    assert unneeded == NOT_IN_A_SCHEMA


def test_a_wildcard_permits_little_more() -> None:
    """Where a verb stands for several actions, no one can read or write data, or invoke, by it."""
    written = [
        action for statement in statements() for action in statement["Action"] if "*" in action
    ]
    data = (
        *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem"),
        *("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "logs:GetLogEvents"),
        *("logs:FilterLogEvents", "logs:StartQuery", "sns:Publish", "sqs:ReceiveMessage"),
    )
    assert [each for each in data if any(fnmatchcase(each, action) for action in written)] == []
