"""docs/first-deployment.md leads from an account to an appointment: what it names exists."""

import json
import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from appointments_operator import admin
from tests.support.aws_command import parse
from tests.template import template

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = (DOCS / "first-deployment.md").read_text()
BLOCKS: Final = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("line", re.findall(r"(?m)\b(aws .+?)\)?$", BLOCKS))
def test_each_command_of_aws_exists(line: str) -> None:
    """Every line for AWS's own command line has a service, an operation and options that exist."""
    assert parse(line).operation


@pytest.mark.parametrize("line", re.findall(r"(?m)\badmin (.+?)\)?$", BLOCKS))
def test_each_command_of_admin_exists(line: str) -> None:
    """Every line for `admin` has options that exist."""
    shown = CliRunner().invoke(admin.main, [*shlex.split(line), "--help"])
    assert shown.exit_code == 0, shown.output


def test_the_settings_to_decide_are_parameters() -> None:
    """Each parameter that is set there is one of the template's, and its value one that is let."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    chosen = dict(re.findall(r'(?m)^(\w+) = "(.*?)"', block))
    parameters = template()["Parameters"]
    assert set(chosen) <= set(parameters)
    undecided = {name for name, each in parameters.items() if each["Default"] == ""}
    assert undecided - set(chosen) == {"CertificateArn"}, "it comes with DomainName"
    for name, value in chosen.items():
        allowed = parameters[name].get("AllowedValues")
        assert allowed is None or value in map(str, allowed), name


def test_the_stack_policy_protects_all_that_is_retained() -> None:
    """No deployment may replace or remove what has a deletion policy, and may change all else."""
    allow, deny = json.loads((DOCS / "stack-policy.json").read_text())["Statement"]
    assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "Update:*", "*")
    assert (deny["Effect"], deny["Action"]) == ("Deny", ["Update:Replace", "Update:Delete"])
    kept = [name for name, each in template()["Resources"].items() if "DeletionPolicy" in each]
    assert sorted(deny["Resource"]) == sorted(f"LogicalResourceId/{name}" for name in kept)
