"""The appointments table of the deployed stack, as it lies there."""

from typing import Any

from tools.local_stack.aws import session
from tools.local_stack.stack import Stack


def item(stack: Stack, uuid: str) -> dict[str, Any] | None:
    """Return the appointment as it lies in the table."""
    table = session.resource("dynamodb", endpoint_url=stack.endpoint_url).Table(
        stack.appointments_table
    )
    found: dict[str, Any] | None = table.get_item(Key={"uuid": uuid}, ConsistentRead=True).get(
        "Item"
    )
    return found
