"""What CloudFormation calls for the resources of the template, and on which of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from tests.stack.policies import EXAMPLE
from tests.support.resource_handlers import permissions
from tests.support.transformed import transformed

ACCOUNT: Final = "123456789012"
HERE: Final = f"us-east-1:{ACCOUNT}"
FUNCTION: Final = f"arn:aws:lambda:{HERE}:function:{EXAMPLE}"
TOPIC: Final = f"arn:aws:sns:{HERE}:{EXAMPLE}-notifications"
API: Final = "arn:aws:apigateway:us-east-1::"
APPLICATION: Final = f"{EXAMPLE}-ServerlessDeploymentApplication-1A2B3C"

# The ARN of a resource of each type, and the property with its name. Without one, CloudFormation
# gives a name that begins with the stack's.
ARNS: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::ApiGatewayV2::Api": (f"{API}/apis", ""),
    "AWS::ApiGatewayV2::ApiMapping": (f"{API}/domainnames/a.planomatic.com/apimappings", ""),
    "AWS::ApiGatewayV2::DomainName": (f"{API}/domainnames", ""),
    "AWS::ApiGatewayV2::Integration": (f"{API}/apis/a1b2c3d4e5/integrations", ""),
    "AWS::ApiGatewayV2::Route": (f"{API}/apis/a1b2c3d4e5/routes", ""),
    "AWS::ApiGatewayV2::Stage": (f"{API}/tags/arn%3Aaws%3Aapigateway%3Aus-east-1", ""),
    "AWS::Budgets::Budget": (f"arn:aws:budgets::{ACCOUNT}:budget/{{}}", "Budget.BudgetName"),
    "AWS::CloudWatch::Alarm": (f"arn:aws:cloudwatch:{HERE}:alarm:{{}}", "AlarmName"),
    "AWS::CloudWatch::Dashboard": (
        f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{{}}",
        "DashboardName",
    ),
    "AWS::CodeDeploy::Application": (f"arn:aws:codedeploy:{HERE}:application:{{}}", ""),
    "AWS::CodeDeploy::DeploymentGroup": (
        f"arn:aws:codedeploy:{HERE}:deploymentgroup:{APPLICATION}/{{}}",
        "",
    ),
    "AWS::DynamoDB::Table": (f"arn:aws:dynamodb:{HERE}:table/{{}}", "TableName"),
    "AWS::IAM::Role": (f"arn:aws:iam::{ACCOUNT}:role/{{}}", ""),
    "AWS::Lambda::Alias": (f"{FUNCTION}:live", ""),
    "AWS::Lambda::EventInvokeConfig": (f"{FUNCTION}:live", ""),
    "AWS::Lambda::EventSourceMapping": (f"arn:aws:lambda:{HERE}:event-source-mapping:7f0c", ""),
    "AWS::Lambda::Function": (f"arn:aws:lambda:{HERE}:function:{{}}", "FunctionName"),
    "AWS::Lambda::Permission": (f"{FUNCTION}:live", ""),
    "AWS::Lambda::Version": (f"{FUNCTION}:1", ""),
    "AWS::Logs::LogGroup": (f"arn:aws:logs:{HERE}:log-group:{{}}", "LogGroupName"),
    "AWS::Logs::QueryDefinition": ("*", ""),
    "AWS::SNS::Subscription": (TOPIC, ""),
    "AWS::SNS::Topic": (f"arn:aws:sns:{HERE}:{{}}", "TopicName"),
    "AWS::SNS::TopicPolicy": (TOPIC, ""),
    "AWS::SQS::Queue": (f"arn:aws:sqs:{HERE}:{{}}", "QueueName"),
    "AWS::SQS::QueuePolicy": (f"arn:aws:sqs:{HERE}:{EXAMPLE}-keeper", ""),
    "AWS::Scheduler::Schedule": (f"arn:aws:scheduler:{HERE}:schedule/default/{{}}", "Name"),
    "AWS::SecretsManager::Secret": (f"arn:aws:secretsmanager:{HERE}:secret:{{}}-a1B2c3", "Name"),
}
# Actions that AWS authorizes for no resource, by its Service Authorization Reference, and one that
# it authorizes for all alarms (docs/decisions/deployment/policies-for-people.md).
WITHOUT_RESOURCE: Final = frozenset({
    *("cloudwatch:DescribeAlarms", "codedeploy:StopDeployment", "lambda:CreateEventSourceMapping"),
    *("logs:CreateLogDelivery", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups"),
    *("logs:DescribeResourcePolicies", "logs:PutResourcePolicy", "sns:GetSubscriptionAttributes"),
    *("sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
})  # fmt: skip
# Actions on something else than a resource of the type.
OTHER_ARNS: Final = {
    "billing:GetBillingViewData": f"arn:aws:billing::{ACCOUNT}:billingview/primary",
    "codedeploy:GetApplicationRevision": f"arn:aws:codedeploy:{HERE}:application:{APPLICATION}",
    "codedeploy:RegisterApplicationRevision": (
        f"arn:aws:codedeploy:{HERE}:application:{APPLICATION}"
    ),
    "iam:PassRole": f"arn:aws:iam::{ACCOUNT}:role/{EXAMPLE}-FunctionRole-1A2B3C",
    "s3:GetObject": f"arn:aws:s3:::aws-sam-cli-managed-default-1a2b/{EXAMPLE}/package",
}
# What calls to CodeDeploy for an alias are on, if they are on a resource.
DEPLOYMENT_GROUP_OF_ALIAS: Final = (
    f"arn:aws:codedeploy:{HERE}:deploymentgroup:{APPLICATION}/{EXAMPLE}-Group-1A2B3C"
)
# To which service the role of such a resource is passed.
PASSED_TO: Final = {
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::Scheduler::Schedule": "scheduler.amazonaws.com",
}


@dataclass(frozen=True)
class Call:
    """A call that CloudFormation makes for a type of resource."""

    kind: str
    action: str
    arn: str
    context: Mapping[str, str] = field(hash=False, default_factory=dict)


def calls(gradual: str) -> Iterator[Call]:
    """Yield what CloudFormation calls for the resources of the template."""
    resources = transformed(GradualDeployment=gradual)["Resources"]
    of_kinds = handlers()
    for logical_id, resource in resources.items():
        kind = resource["Type"]
        for action in of_kinds[kind]:
            for context in contexts(action, resource):
                yield Call(kind, action, arn(action, logical_id, resource), context)


def contexts(action: str, resource: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what a statement's condition is about, for each time that an action is called."""
    properties = resource["Properties"]
    if action in {"iam:AttachRolePolicy", "iam:DetachRolePolicy"}:
        return [{"iam:PolicyARN": each} for each in properties.get("ManagedPolicyArns", ())]
    if action == "iam:PassRole":
        return [{"iam:PassedToService": PASSED_TO.get(resource["Type"], "")}]
    return [{"lambda:FunctionArn": f"{FUNCTION}-keeper"}]


def deployment_config() -> str:
    """Return the ARN of the configuration by which CodeDeploy shifts traffic."""
    resources = transformed(GradualDeployment="true")["Resources"].values()
    (group,) = (each for each in resources if each["Type"] == "AWS::CodeDeploy::DeploymentGroup")
    text, values = group["Properties"]["DeploymentConfigName"]["Fn::Sub"]
    return f"arn:aws:codedeploy:{HERE}:deploymentconfig:{text.replace('$', '').format(**values)}"


@cache
def handlers() -> dict[str, list[str]]:
    """Return the permissions of each type that the template has."""
    return permissions(
        {
            resource["Type"]
            for gradual in ("true", "false")
            for resource in transformed(GradualDeployment=gradual)["Resources"].values()
        }
    )


def arn(action: str, logical_id: str, resource: Mapping[str, Any]) -> str:
    """Return the ARN that an action is authorized for."""
    kind = resource["Type"]
    if action == "codedeploy:GetDeploymentConfig":
        return deployment_config()
    if kind == "AWS::Lambda::Alias" and action.startswith("codedeploy:"):
        return "*" if action in WITHOUT_RESOURCE else DEPLOYMENT_GROUP_OF_ALIAS
    if action in WITHOUT_RESOURCE or action in OTHER_ARNS:
        return OTHER_ARNS.get(action, "*")
    pattern, path = ARNS[kind]
    value: Any = resource["Properties"]
    for name in path.split(".") if path else ():
        value = value[name]
    match value if path else None:
        case {"Ref": "AWS::StackName"}:
            return pattern.format(EXAMPLE)
        case {"Fn::Sub": str(text)}:
            return pattern.format(text.replace("${AWS::StackName}", EXAMPLE))
        case None:
            return pattern.format(f"{EXAMPLE}-{logical_id}-1A2B3C")
    raise ValueError(value)
