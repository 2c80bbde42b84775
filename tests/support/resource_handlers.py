"""What CloudFormation calls for each type of resource, as AWS registers it.

The schemas that AWS publishes list the permissions of each handler. cfn-lint has them.
"""

import json
import subprocess
from collections.abc import Iterable
from typing import Final

from tools.paths import SAM

SECONDS: Final = 60
# Runs on the interpreter that has cfn-lint; prints the permissions of each type as JSON.
_SCRIPT: Final = """
import json, sys
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

found = {}
for kind in json.load(sys.stdin):
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    found[kind] = sorted(
        {
            permission
            for name in ("create", "read", "update", "delete")
            for permission in handlers.get(name, {}).get("permissions", ())
        }
    )
print(json.dumps(found))
"""


def permissions(kinds: Iterable[str]) -> dict[str, list[str]]:
    """Return what making, reading, changing and deleting each type of resource calls."""
    done = subprocess.run(  # noqa: S603 - the interpreter that runs SAM
        [SAM.with_name("python"), "-c", _SCRIPT],
        input=json.dumps(sorted(kinds)),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found
