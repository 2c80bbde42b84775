"""The floor: the bare botocore calls that the function makes for one request, and nothing else.

`BENCH_CALLS` is a file of the very calls, recorded from the function; each request writes under a
key of its own.
https://botocore.amazonaws.com/v1/documentation/api/latest/tutorial/index.html
"""

import json
import os
from pathlib import Path
from typing import Any

from botocore.session import get_session

_CALLS = json.loads(Path(os.environ["BENCH_CALLS"]).read_text())
_CLIENT = get_session().create_client("dynamodb")


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Make the calls."""
    for operation, parameters in _CALLS:
        if "Item" in parameters:
            parameters["Item"]["uuid"]["S"] = event["requestContext"]["requestId"]
        getattr(_CLIENT, operation)(**parameters)
