"""What the commands do with a running stack: create an appointment, invoke the function."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appointments.names import PATH
from tools.errors import ToolUsageError
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack


def create(stack: Stack) -> dict[str, Any]:
    """Create one appointment over HTTP, as a web application does."""
    start = datetime.now(UTC) + timedelta(days=7)
    appointment = {
        "token": stack.tokens["session"],
        "updated_at_mt": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "order_id": 1001,
        "photographer_user_id": 501,
        "date_start_local": f"{start:%Y-%m-%d}",
        "time_start_local": "19:30",
        "location": "12 Elm Street, Denver",
        "summary": "Twilight photos",
    }
    headers = {"Content-Type": "application/json"}
    response = stack.request("POST", PATH, json.dumps(appointment).encode(), headers)
    body: dict[str, Any] = response.json()
    return body


def invoke(stack: Stack, event: bytes) -> Any:
    """Send an event to the deployed function, past the API."""
    response = session.client("lambda", endpoint_url=stack.endpoint_url).invoke(
        FunctionName=f"{stack.function_name}:live", Payload=event
    )
    return readable(json.loads(response["Payload"].read()))


def read_event(path: Path) -> bytes:
    """Return the file's content if it is an event, so that the function gets no other."""
    try:
        content = path.read_bytes()
        if isinstance(json.loads(content), dict):
            return content
        reason = "it is no JSON object"
    except OSError as failed:
        reason = str(failed.strerror)
    except ValueError as failed:
        reason = f"it is no JSON: {failed}"
    raise ToolUsageError(f"{path} is no event: {reason}. Events are in events/*.json")


def readable(returned: Any) -> Any:
    """Decode the body of a response, so that a person can read it."""
    match returned:
        case {"body": str(body)}:
            return {**returned, "body": json.loads(body)}
        case list():
            return [readable(one) for one in returned]
    return returned
