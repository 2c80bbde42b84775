"""Read and change items of a table."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from appointments.tables.keys import CONDITION_FAILED


def get(table: Any, key: dict[str, str]) -> dict[str, Any]:
    """Return the item; empty if there is none."""
    item: dict[str, Any] = table.get_item(Key=key, ConsistentRead=True).get("Item", {})
    return item


def find_all(read: Any, **request: Any) -> Iterator[dict[str, Any]]:
    """Yield every item that a table's `query` or `scan` finds."""
    while True:
        page = read(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def update(table: Any, key: dict[str, Any], values: dict[str, Any], condition: Any = None) -> bool:
    """Set some attributes of an item; return False if the condition does not hold."""
    request: dict[str, Any] = {
        "Key": key,
        "UpdateExpression": "SET " + ", ".join(f"#{n} = :{n}" for n in range(len(values))),
        "ExpressionAttributeNames": {f"#{n}": name for n, name in enumerate(values)},
        "ExpressionAttributeValues": {f":{n}": value for n, value in enumerate(values.values())},
    }
    if condition is not None:
        request["ConditionExpression"] = condition
    try:
        table.update_item(**request)
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True
