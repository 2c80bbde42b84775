"""What the commands do with a running stack: create an appointment, invoke, follow the log."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tools.console import out
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

PATH: Final = "/api/v1/appointments/create"
POLL_SECONDS: Final = 1


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
    answer: dict[str, Any] = response.json()
    return answer


def invoke(stack: Stack, event: Path) -> Any:
    """Send a file to the deployed function, past the API."""
    answer = session.client("lambda", endpoint_url=stack.endpoint_url).invoke(
        FunctionName=f"{stack.function_name}:live", Payload=event.read_bytes()
    )
    return readable(json.loads(answer["Payload"].read()))


def readable(answer: Any) -> Any:
    """Decode the body of an answer, so that a person can read it."""
    match answer:
        case {"body": str(body)}:
            return {**answer, "body": json.loads(body)}
        case list():
            return [readable(one) for one in answer]
    return answer


def follow(stack: Stack, since: float) -> None:
    """Print the function's log as it comes, until Ctrl-C."""
    logs = session.client("logs", endpoint_url=stack.endpoint_url)
    begin, seen = int(since * 1000), set[tuple[str, int, str]]()
    while True:
        page = logs.filter_log_events(logGroupName=stack.log_group, startTime=begin, limit=1000)
        for event in page["events"]:
            # Not by `eventId`: MiniStack gives none to what a function writes.
            line = (event["logStreamName"], event["timestamp"], event["message"])
            if line not in seen:
                seen.add(line)
                out.print(event["message"].rstrip(), markup=False, soft_wrap=True)
        time.sleep(POLL_SECONDS)
