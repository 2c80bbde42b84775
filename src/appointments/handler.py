"""The Lambda entry point."""

from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one event."""
    return {"statusCode": 500, "headers": {"Content-Type": "application/json"}, "body": "{}"}
