"""Read and change items of a table."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from appointments.tables.keys import CONDITION_FAILED


def get(table: Any, key: dict[str, str]) -> dict[str, Any]:
    """Return the item; empty if there is none."""
    item: dict[str, Any] = table.get_item(Key=key, ConsistentRead=True).get("Item", {})
    return item


def pages(read: Any, **request: Any) -> Iterator[dict[str, Any]]:
    """Yield every item that a table's `query` or `scan` finds."""
    while True:
        page = read(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def update(table: Any, key: dict[str, Any], values: dict[str, Any], condition: Any = None) -> bool:
    """Set attributes, leaving the others; False if the condition does not hold."""
    places = range(len(values))
    update: dict[str, Any] = {
        "Key": key,
        "UpdateExpression": "SET " + ", ".join(f"#{place} = :{place}" for place in places),
        "ExpressionAttributeNames": {f"#{place}": name for place, name in enumerate(values)},
        "ExpressionAttributeValues": {f":{n}": value for n, value in enumerate(values.values())},
    }
    if condition is not None:
        update["ConditionExpression"] = condition
    try:
        table.update_item(**update)
    except ClientError as failed:
        if failed.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True
