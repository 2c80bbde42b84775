"""Records what a child process calls: Python imports this file at its start, from PYTHONPATH."""

import os
from typing import Any

from botocore import client

_BaseClient: Any = client.BaseClient
_call = _BaseClient._make_api_call


def _record(self: Any, operation_name: str, api_params: dict[str, Any]) -> Any:
    """Append the service and the operation to the file that RECORDED_CALLS names."""
    with open(os.environ["RECORDED_CALLS"], "a") as file:  # noqa: PTH123 - at each start of Python
        file.write(f"{self.meta.service_model.signing_name} {operation_name}\n")
    return _call(self, operation_name, api_params)


_BaseClient._make_api_call = _record
