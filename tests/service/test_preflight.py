"""Section 1.2: a browser's preflight request is outside the contract, and leaves no trace."""

from typing import Any

import pytest

from tests.support.fake_aws import FakeAws, event, rest

ASKING = {"Origin": "https://app.planomatic.com", "Access-Control-Request-Method": "POST"}


def preflight(**changes: Any) -> dict[str, Any]:
    """Return the event of a preflight request, with `changes` to its headers and path."""
    path = changes.pop("path", "/api/v1/appointments/create")
    headers = {**ASKING, **changes.pop("headers", {})}
    sent = event(headers={name: value for name, value in headers.items() if value is not None})
    sent["requestContext"]["http"] = {"method": changes.pop("method", "OPTIONS"), "path": path}
    return {**sent, "rawPath": path, "body": None}


@pytest.mark.parametrize("shape", [dict, rest])
@pytest.mark.parametrize("path", ["/api/v1/appointments/create", "/api/v1/appointments/create/"])
def test_a_preflight_request(aws: FakeAws, shape: Any, path: str) -> None:
    """It gets 204 without a body and CORS headers; nothing is read, logged or published."""
    payload = aws.invoke(shape(preflight(path=path, method="options")))
    assert payload["statusCode"] == 204
    assert not payload["body"]
    assert not [name for name in payload["headers"] if name.lower().startswith("access-control")]
    assert aws.lines() == []
    assert aws.notifications() == []
    assert aws.faults.calls == []


@pytest.mark.parametrize(
    "other",
    [
        preflight(path="/api/v1/appointments"),
        preflight(headers={"Origin": None}),
        preflight(headers={"Access-Control-Request-Method": None}),
        preflight(headers={"Origin": " "}),
    ],
    ids=["another path", "no Origin", "no requested method", "a blank Origin"],
)
def test_another_options_request(aws: FakeAws, other: dict[str, Any]) -> None:
    """OPTIONS on another path, or without both headers, is route-non-existent."""
    assert aws.send(other).status == "route-non-existent"


def test_a_post_with_these_headers(aws: FakeAws) -> None:
    """A browser's POST has an Origin too, and is answered as any other."""
    assert aws.post(headers={"content-type": "application/json", **ASKING}).code == 200
