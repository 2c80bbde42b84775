"""Every target responds alike before it is timed: the same check for all."""

import json
from typing import Any

from bench import requests
from bench.endpoint import Endpoint
from bench.targets import FUNCTION, RIVALS, Worker


def check(endpoint: Endpoint) -> None:
    """Raise AssertionError if a target does not do the work."""
    dynamodb = endpoint.client("dynamodb")
    for target in (FUNCTION, *RIVALS):
        with Worker(target, endpoint.environment()) as worker:
            code, body = _respond(worker, requests.USUAL)
            assert (code, body["status"]) == (200, "action-successful"), (target, body)
            appointment = body["data"]["appointment"]
            sent = {
                name: value
                for name, value in requests.USUAL.items()
                if name not in ("token", "session_view")
            }
            assert sent.items() <= appointment.items(), (target, appointment)
            assert appointment["application"] == "planoauth"
            assert body["session"]["kind"] == "application"
            assert body["saved"] is True
            stored = dynamodb.get_item(
                TableName="appointments", Key={"uuid": {"S": body["uuid"]}}, ConsistentRead=True
            )["Item"]
            assert stored["order_id"] == {"N": "1001"}
            assert stored["confirmed"] == {"BOOL": True}
            assert "token" not in stored

            code, body = _respond(worker, requests.EVERYTHING)
            assert code == 200, (target, body)
            # The function alone warns, and of no parameter that it does not know.
            assert {warning["param"] for warning in body["warnings"]} <= {"photographer_user_id"}

            code, body = _respond(worker, {"token": "any", "date_start_local": "2027-13-45"})
            assert (code, body["status"]) == (400, "missing-param"), (target, body)
            assert {error["param"]: error["status"] for error in body["errors"]} == {
                "updated_at_mt": "missing-param",
                "date_start_local": "invalid-param",
            }
            for change, expected in (
                ({"token": "unknown"}, (401, "invalid-token")),
                ({"order_id": 1002}, (400, "invalid-param")),
                ({"uuid": appointment["uuid"], "summary": "Another"}, (400, "invalid-param")),
            ):
                code, body = _respond(worker, requests.USUAL | change)
                assert (code, body["status"]) == expected, (target, change, body)
                assert body["saved"] is False


def _respond(worker: Worker, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = worker.invoke(requests.event(body))["response"]
    return response["statusCode"], json.loads(response["body"])
