"""The template as CloudFormation gets it: after SAM's own transform, with values of parameters."""

import json
import os
import subprocess
from functools import cache
from typing import Any, Final

from tests.template import template
from tools.paths import SAM

SECONDS: Final = 60
# Runs on the interpreter that has SAM; prints the template as JSON.
_SCRIPT: Final = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

template, parameters = json.load(sys.stdin)
for each in template["Resources"].values():
    if each["Type"] == "AWS::Serverless::Function":
        each["Properties"]["CodeUri"] = "s3://bucket/package"
print(json.dumps(transform(template, parameters, NoManagedPolicies())))
"""


def transformed(**parameters: str) -> dict[str, Any]:
    """Return the template as SAM transforms it with these parameters, the others' defaults."""
    result: dict[str, Any] = json.loads(_transform(tuple(sorted(parameters.items()))))
    return result


@cache
def _transform(parameters: tuple[tuple[str, str], ...]) -> str:
    done = subprocess.run(  # noqa: S603 - the interpreter that runs SAM
        [SAM.with_name("python"), "-c", _SCRIPT],
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        input=json.dumps([template(), dict(parameters)]),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return done.stdout
