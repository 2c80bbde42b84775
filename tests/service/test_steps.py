"""The steps of a request in their order: the first that fails gives the answer."""

import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from tests.support.environment import clear_route_cache
from tests.support.fake_aws import FakeAws, event

ParamError = Callable[[FakeAws, dict[str, Any], dict[str, Any]], None]


def _route(_: FakeAws, sent: dict[str, Any], __: dict[str, Any]) -> None:
    sent["rawPath"] = "/"


def _service(aws: FakeAws, *_: Any) -> None:
    aws.put_record("service#appointments", deployed=False)


def _record(aws: FakeAws, *_: Any) -> None:
    aws.put_record("route#appointments/create", deployed=False)


def _content_type(_: FakeAws, sent: dict[str, Any], __: dict[str, Any]) -> None:
    sent["headers"] = {"content-type": "text/xml"}


def _decoding(_: FakeAws, sent: dict[str, Any], __: dict[str, Any]) -> None:
    sent["isBase64Encoded"] = True


def _missing(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    params["updated_at_mt"] = ""


def _invalid(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    params["date_start_local"] = "13/45/2026"


def _token(aws: FakeAws, _: dict[str, Any], params: dict[str, Any]) -> None:
    params["token"] = "nobodys-token"
    aws.tokens.add("nobodys-token")


def _expired(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    # Whichever of the three faults of a session were asked for before stay: they come first.
    if params["token"] == "no-address-token":
        params["token"] = "expired-token"


def _no_roles(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    if params["token"] == "no-address-token":
        params["token"] = "no_roles-token"


def _role(aws: FakeAws, *_: Any) -> None:
    aws.put_record(
        "route#appointments/create",
        deployed=not _is_closed(aws),
        permissions=["liaison"],
    )


def _is_closed(aws: FakeAws) -> bool:
    return any(
        record["record"] == "route#appointments/create" and not record["deployed"]
        for record in aws.items("records")
    )


def _reference(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    params["order_id"] = 404


def _conflict(_: FakeAws, __: dict[str, Any], params: dict[str, Any]) -> None:
    params["uuid"] = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"


# Each step's fault, in the specification's order: what makes it, the answer's status, and the
# parameters at fault.
STEPS: list[tuple[ParamError, str, set[str]]] = [
    (_route, "route-non-existent", set()),
    (_service, "service-not-found", set()),
    (_record, "route-not-found", set()),
    (_content_type, "invalid-content-type", set()),
    (_decoding, "invalid-encoded-params", set()),
    (_missing, "missing-param", {"updated_at_mt"}),
    (_invalid, "invalid-param", {"date_start_local"}),
    (_token, "invalid-token", set()),
    (_expired, "session-expired", set()),
    (_no_roles, "client-required", set()),
    (_role, "invalid-param", {"application"}),
    (_reference, "invalid-param", {"order_id"}),
    (_conflict, "invalid-param", {"uuid"}),
]


@pytest.mark.parametrize("second", [None, *range(1, len(STEPS))])
def test_the_first_error_is_reported(aws: FakeAws, second: int | None) -> None:
    """A request with faults at two steps is answered as of the lower one."""
    aws.post(uuid="7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10", notes="the first")
    pairs = combinations(range(len(STEPS)), 2)
    chosen = [pair for pair in pairs if pair[1] == second] if second else [(n,) for n in range(13)]
    for pair in chosen:
        aws.open_route()
        aws.put_record("service#appointments", deployed=True)
        clear_route_cache()
        params = {"token": "no-address-token", "updated_at_mt": "x", "notes": "the second"}
        sent = event()
        for number in pair:
            STEPS[number][0](aws, sent, params)
        sent["body"] = json.dumps(params)
        answer = aws.send(sent)
        _, status, faults = STEPS[pair[0]]
        if pair == (5, 6):  # one step reports all its faults at once
            faults = faults | {"date_start_local"}
        assert (answer.status, set(answer.param_errors())) == (status, faults), pair
        assert answer.body["saved"] is False
    assert aws.item()["notes"] == "the first"
