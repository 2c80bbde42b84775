"""`make adopt` brings a deleted stack back around the tables, logs and secret that it retained."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.stack.releases import release, run_stage
from tests.template import template
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.paths import SAM
from tools.release.adopt import NAMES, import_template, retained_resources

NAME = "appointments-dev"
ADOPT = """
import sys
from tools.release.adopt import adopt
adopt(sys.argv[1])
"""


def all_imports() -> list[dict[str, Any]]:
    """Return the import of all that the template retains."""
    return [
        {
            "ResourceType": kind,
            "LogicalResourceId": name,
            "ResourceIdentifier": {NAMES[kind][1]: id_},
        }
        for name, (kind, id_) in retained_resources(NAME).items()
    ]


def test_all_that_is_retained_can_be_imported() -> None:
    """Everything with a deletion policy has a fixed name, and CloudFormation a key for it."""
    retained = retained_resources(NAME)
    assert set(retained) == {
        name for name, each in template()["Resources"].items() if "DeletionPolicy" in each
    }
    assert ("AWS::DynamoDB::Table", "appointments-dev-sessions") in retained.values()
    assert ("AWS::Logs::LogGroup", "/aws/vendedlogs/appointments-dev/access") in retained.values()


def test_the_template_of_an_import_has_no_transform_and_nothing_else(tmp_path: Path) -> None:
    """It holds the retained resources as the template has them, each retained in every stage."""
    made = import_template(all_imports())
    assert set(made) == {"Parameters", "Conditions", "Resources"}
    for name, resource in made["Resources"].items():
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
        assert resource["Properties"] == template()["Resources"][name]["Properties"]
    assert set(made["Parameters"]) == {"Stage", "LogRetentionDays"}
    written = tmp_path / "template.json"
    written.write_text(json.dumps(made))
    done = subprocess.run(  # noqa: S603 - the project's own cfn-lint
        [SAM.with_name("cfn-lint"), written], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_deleted_stack_comes_back_with_its_data(
    stack: Stack, built: Path, cloudformation: Any
) -> None:
    """Deploy, delete, adopt, deploy: the stack has its tables, and they have their items."""
    assert release(stack, built, "y").returncode == 0
    existing = run_stage(stack, ADOPT, "dev", answer="y")
    assert existing.returncode == 1
    assert "appointments-dev exists (CREATE_COMPLETE)" in existing.stderr
    dynamodb = session.client("dynamodb", endpoint_url=stack.endpoint_url)
    item = {"uuid": {"S": "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"}, "notes": {"S": "kept"}}
    dynamodb.put_item(TableName=f"{NAME}-appointments", Item=item)
    cloudformation.delete_stack(StackName=NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME)

    # The emulator accepts the change set, and has no import for a secret.
    whole = run_stage(stack, ADOPT, "dev", answer="y")
    assert "Nothing was imported: " in whole.stderr
    assert whole.stderr.rstrip().endswith("for AWS::SecretsManager::Secret")
    secrets = session.client("secretsmanager", endpoint_url=stack.endpoint_url)
    secrets.delete_secret(SecretId=f"{NAME}-mandrill", ForceDeleteWithoutRecovery=True)

    declined = run_stage(stack, ADOPT, "dev", answer="n")
    assert (declined.returncode, "Nothing was changed." in declined.stderr) == (1, True)
    adopted = run_stage(stack, ADOPT, "dev", answer="y")
    assert adopted.returncode == 0, adopted.stderr
    assert "import AppointmentsTable: appointments-dev-appointments" in adopted.stderr
    done = release(stack, built, "y")
    assert done.returncode == 0, done.stderr
    assert "Import" not in done.stdout

    (found,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
    key = {"uuid": item["uuid"]}
    assert dynamodb.get_item(TableName=outputs["AppointmentsTable"], Key=key)["Item"] == item


def test_a_stage_that_retained_nothing_is_deployed(stack: Stack) -> None:
    """Without anything to import, the command says what to do instead."""
    done = run_stage(stack, ADOPT, "prod", answer="y")
    assert done.returncode == 1
    assert "make deploy STAGE=prod" in done.stderr


@pytest.mark.parametrize("stage", ["", "local"])
def test_an_unknown_stage_is_refused(stack: Stack, stage: str) -> None:
    """The message names the stages there are."""
    done = run_stage(stack, ADOPT, stage, answer="y")
    assert "STAGE=dev|prod" in done.stderr
