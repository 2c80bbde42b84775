"""`adopt`: a stack that was deleted comes back with the tables, logs and secret that it retained.

Their names are fixed, so a new stack would meet them and fail. CloudFormation imports them first,
in a change set that has nothing else; the next deployment adds the rest.
"""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import boto3
import click
from botocore.exceptions import WaiterError

from tools.errors import ToolError
from tools.release.deploy import settings_of
from tools.release.failed_creation import status_of
from tools.release.template import read_template
from tools.terminal import err, step

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

CHANGE_SET: Final = "adopt"
# The property that names a resource, and what an import calls its identifier.
NAMES: Final = {
    "AWS::DynamoDB::Table": ("TableName", "TableName"),
    "AWS::Logs::LogGroup": ("LogGroupName", "LogGroupName"),
    "AWS::SecretsManager::Secret": ("Name", "Id"),
}


def adopt(stage: str) -> None:
    """Import what the stage's stack retained into a new stack; ask before anything changes.

    Raises ToolError if the stack exists, if nothing was retained, or if the import fails.
    """
    settings = settings_of(stage)
    stack, region = settings["stack_name"], settings["region"]
    cloudformation = boto3.client("cloudformation", region_name=region)
    # A stack in review has nothing yet: a change set was made for it, and not executed.
    if (status := status_of(cloudformation, stack)) not in {None, "REVIEW_IN_PROGRESS"}:
        raise ToolError(f"{stack} exists ({status}): there is nothing to adopt.")
    imports = _find_retained(stack, region)
    if not imports:
        raise ToolError(f"Nothing of {stack} was retained: make deploy STAGE={stage}")
    _import(cloudformation, stack, import_template(imports), imports, settings)
    err.print(f"{stack} has them again. Add all else: make deploy STAGE={stage}")


def retained_resources(stack: str) -> dict[str, tuple[str, str]]:
    """Return the type and the name of all that the template retains, by logical id."""
    found = {}
    for logical_id, resource in read_template()["Resources"].items():
        if "DeletionPolicy" in resource:
            name, _ = NAMES[resource["Type"]]
            text: str = resource["Properties"][name]["Fn::Sub"]
            found[logical_id] = resource["Type"], text.replace("${AWS::StackName}", stack)
    return found


def import_template(imports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a template of these resources alone, without transforms, as an import needs it."""
    template = read_template()
    resources = {
        each["LogicalResourceId"]: {
            **template["Resources"][each["LogicalResourceId"]],
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
        }
        for each in imports
    }
    conditions = {"IsRetained": template["Conditions"]["IsRetained"]}
    text = json.dumps([resources, conditions])
    parameters = {
        name: parameter
        for name, parameter in template["Parameters"].items()
        if json.dumps({"Ref": name}) in text
    }
    return {"Parameters": parameters, "Conditions": conditions, "Resources": resources}


def _find_retained(stack: str, region: str) -> list[dict[str, Any]]:
    """Return what exists of all that the template retains, as an import names it."""
    imports = []
    for logical_id, (kind, name) in retained_resources(stack).items():
        if identifier := _identifier(kind, name, region):
            imports.append(
                {
                    "ResourceType": kind,
                    "LogicalResourceId": logical_id,
                    "ResourceIdentifier": {NAMES[kind][1]: identifier},
                }
            )
    return imports


def _identifier(kind: str, name: str, region: str) -> str | None:
    """Return what identifies a resource of this name in an import; None if there is none."""
    if kind == "AWS::DynamoDB::Table":
        dynamodb = boto3.client("dynamodb", region_name=region)
        try:
            dynamodb.describe_table(TableName=name)
        except dynamodb.exceptions.ResourceNotFoundException:
            return None
        return name
    if kind == "AWS::Logs::LogGroup":
        logs = boto3.client("logs", region_name=region)
        groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return name if name in [group["logGroupName"] for group in groups] else None
    secrets = boto3.client("secretsmanager", region_name=region)
    try:
        return secrets.describe_secret(SecretId=name)["ARN"]
    except secrets.exceptions.ResourceNotFoundException:
        return None


def _import(
    cloudformation: "CloudFormationClient",
    stack: str,
    template: dict[str, Any],
    imports: list[Any],
    settings: dict[str, Any],
) -> None:
    """Make the change set of the import, show it, ask, execute it, and wait for its end."""
    overrides = settings["parameter_overrides"]
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=CHANGE_SET,
        ChangeSetType="IMPORT",
        ResourcesToImport=imports,
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": overrides[name]}
            for name in template["Parameters"]
        ],
    )
    with suppress(WaiterError):  # its description has the reason
        made = cloudformation.get_waiter("change_set_create_complete")
        made.wait(StackName=stack, ChangeSetName=CHANGE_SET)
    change_set = cloudformation.describe_change_set(StackName=stack, ChangeSetName=CHANGE_SET)
    if change_set["ExecutionStatus"] != "AVAILABLE":
        cloudformation.delete_change_set(StackName=stack, ChangeSetName=CHANGE_SET)
        raise ToolError(f"Nothing was imported: {change_set['StatusReason']}")
    for each in imports:
        (identifier,) = each["ResourceIdentifier"].values()
        line = f"import {each['LogicalResourceId']}: {identifier}"
        err.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not click.confirm("Execute this change set?", err=True):
        cloudformation.delete_change_set(StackName=stack, ChangeSetName=CHANGE_SET)
        raise ToolError("Nothing was changed.")
    with step(f"Import into {stack}"):
        cloudformation.execute_change_set(StackName=stack, ChangeSetName=CHANGE_SET)
        cloudformation.get_waiter("stack_import_complete").wait(StackName=stack)
