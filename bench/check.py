"""Every contender answers alike before it is timed: the same check for all."""

import json
from typing import Any

from bench import requests
from bench.contenders import FUNCTION, RIVALS, Worker
from bench.endpoint import Endpoint


def check(endpoint: Endpoint) -> None:
    """Raise AssertionError where one does not do the work."""
    dynamodb = endpoint.client("dynamodb")
    for contender in (FUNCTION, *RIVALS):
        with Worker(contender, endpoint.environment()) as worker:
            code, body = _said(worker, requests.USUAL)
            assert (code, body["status"]) == (200, "action-successful"), (contender, body)
            appointment = body["data"]["appointment"]
            sent = {
                name: value
                for name, value in requests.USUAL.items()
                if name not in ("token", "session_view")
            }
            assert sent.items() <= appointment.items(), (contender, appointment)
            assert appointment["application"] == "planoauth"
            assert body["session"]["kind"] == "application"
            assert body["saved"] is True
            stored = dynamodb.get_item(
                TableName="appointments", Key={"uuid": {"S": body["uuid"]}}, ConsistentRead=True
            )["Item"]
            assert stored["order_id"] == {"N": "1001"}
            assert stored["confirmed"] == {"BOOL": True}
            assert "token" not in stored

            code, body = _said(worker, {"token": "any", "date_start_local": "2027-13-45"})
            assert (code, body["status"]) == (400, "missing-param"), (contender, body)
            assert {error["param"]: error["status"] for error in body["errors"]} == {
                "updated_at_mt": "missing-param",
                "date_start_local": "invalid-param",
            }
            for change, expected in (
                ({"token": "nobody's"}, (401, "invalid-token")),
                ({"order_id": 1002}, (400, "invalid-param")),
                ({"uuid": appointment["uuid"], "summary": "Another"}, (400, "invalid-param")),
            ):
                code, body = _said(worker, requests.USUAL | change)
                assert (code, body["status"]) == expected, (contender, change, body)
                assert body["saved"] is False


def _said(worker: Worker, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = worker.answer(requests.event(body))["answer"]
    return answer["statusCode"], json.loads(answer["body"])
