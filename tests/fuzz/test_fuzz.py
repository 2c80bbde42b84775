"""The short form of `make fuzz`: a few seconds of it, the same scenarios in every run."""

import json
import time
from typing import Any

import pytest

from appointments.statuses import Status
from tests.fuzz import rules
from tests.fuzz.player import player
from tests.fuzz.scenarios import scenario

SEED = 1
SCENARIOS = 700


def test_every_rule_holds_for_generated_requests() -> None:
    """Whatever is sent, the response is as specified, and a repeat or a replay changes nothing."""
    with player() as stage:
        broken = {
            f"--seed {SEED} --only {number}": found
            for number in range(SCENARIOS)
            if (found := stage.play(scenario(SEED, number, time.time())))
        }
    assert not broken
    # So many scenarios reach every status but the two of what breaks on our side.
    unreached = {status.value for status in Status} - set(stage.tally.statuses)
    assert unreached <= {"identify-request-error", "application-crash"}


def test_a_scenario_follows_from_its_seed_and_number() -> None:
    """A scenario that broke a rule can be played again, alone."""
    assert scenario(7, 3, 1000.0) == scenario(7, 3, 1000.0)
    assert scenario(7, 3, 1000.0) != scenario(8, 3, 1000.0)


GOOD: dict[str, Any] = {
    "status": "invalid-param",
    "code": 400,
    "message": "Correct this.",
    "request_id": "req-1",
    "saved": False,
    "retryable": False,
    "errors": [{"param": "notes", "status": "invalid-param", "message": "Send text."}],
    "warnings": [],
}


def payload(body: dict[str, Any]) -> dict[str, Any]:
    """Return a payload that has this body."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {
        "statusCode": 400,
        "headers": {**headers, "X-Request-Id": "req-1"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"status": "missing-param"},
        {"code": 500},
        {"retryable": True},
        {"errors": []},
        {"message": "appointments.create broke"},
        {"uuid": "X"},
        {"more": 1},
        {"data": {}},
        {"request_id": "req-2"},
        {
            "errors": [
                {"param": "token", "status": "invalid-param", "message": "x", "received": "t"}
            ]
        },
        {"warnings": [{"param": "x"}]},
    ],
)
def test_the_rules_object(wrong: dict[str, Any]) -> None:
    """The rules let a good response pass, and none with one thing wrong."""
    assert bool(list(rules.of_payload(payload({**GOOD, **wrong}), "req-1"))) is bool(wrong)
