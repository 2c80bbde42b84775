"""Steps 1 to 3: which route, is it open, and the Content-Type that it takes."""

from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from tests.service.test_decoding import sensitive
from tests.support.events import PATH
from tests.support.fake_aws import FakeAws, event, rest


def at(method: Any, path: Any) -> dict[str, Any]:
    """Return a good request to another method or path."""
    sent = event(token="no-address-token")
    sent["rawPath"] = path
    sent["requestContext"]["http"] = {"method": method, "path": path}
    return sent


@pytest.mark.parametrize("method", ["POST", "post", "Post"])
@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_the_route_in_any_spelling(aws: FakeAws, method: str, path: str) -> None:
    """The method's case and a trailing slash do not matter, in either payload format."""
    sent = at(method, path)
    assert aws.send(sent).status == "action-successful"
    assert aws.send(rest(sent)).body["replayed"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("OPTIONS", PATH),
        ("PUT", PATH),
        ("POST", "/"),
        ("POST", PATH + "//"),
        ("POST", PATH.upper()),
        ("POST", PATH + "/1"),
        ("POST", "/prod" + PATH),
        ("POST", PATH.removeprefix("/")),
    ],
)
def test_any_other_route(aws: FakeAws, method: str, path: str) -> None:
    """Another method or path is answered by the contract, which names the one there is."""
    for sent in (at(method, path), rest(at(method, path))):
        answer = aws.send(sent)
        assert (answer.status, answer.code) == ("route-non-existent", 500)
        assert f"POST {PATH}" in answer.body["message"]
        assert answer.body["retryable"] is False
    assert aws.faults.calls == []


@pytest.mark.parametrize("nothing", [None, 5, [], {}, ""])
def test_neither_method_nor_path(aws: FakeAws, nothing: Any) -> None:
    """Without a method or a path the route is unknown, and a notification is published."""
    for sent in (at(nothing, PATH), at("POST", nothing)):
        if nothing == "":
            sent["requestContext"]["http"] = None
        answer = aws.send(sent)
        assert (answer.status, answer.code) == ("identify-request-error", 500)
        assert answer.body["retryable"] is True
        assert answer.body["saved"] is False
        assert "no method or no path" in answer.body["message"]
    assert aws.lines("broken") == []


def test_the_path_where_an_event_has_it(aws: FakeAws) -> None:
    """Method and path count in each place where a payload format puts them."""
    sent = event(token="no-address-token")
    del sent["rawPath"]
    assert aws.send(sent).code == 200
    sent = rest(event(token="no-address-token"))
    del sent["path"], sent["httpMethod"]
    sent["requestContext"] |= {"path": PATH, "httpMethod": "POST"}
    assert aws.send(sent).code == 200


def test_the_request_id_is_the_gateways(aws: FakeAws) -> None:
    """API Gateway's request id is the one id in answer, header, log and item."""
    answer = aws.post(request_id="JKJaXmPLvHcESHA=")
    assert answer.body["request_id"] == "JKJaXmPLvHcESHA="
    assert answer.headers["X-Request-Id"] == "JKJaXmPLvHcESHA="
    assert aws.item()["request_id"] == "JKJaXmPLvHcESHA="
    assert aws.line("request")["request_id"] == "JKJaXmPLvHcESHA="
    assert aws.line("response")["request_id"] == "JKJaXmPLvHcESHA="


@pytest.mark.parametrize("sent", [None, "", 7, "a b", "line\n", "ä", "x" * 129, ["r"]])
def test_no_request_id_fit_for_a_header(aws: FakeAws, sent: Any) -> None:
    """Where API Gateway's id is missing or could break the header, Lambda's stands for it."""
    invocation = event(token="no-address-token", request_id=sent)
    answer = aws.send(invocation, SimpleNamespace(aws_request_id="lambda-1"))
    assert answer.status == "action-successful"
    assert answer.headers["X-Request-Id"] == "lambda-1"


@pytest.mark.parametrize("closed", [None, {"deployed": False}, {}])
@pytest.mark.parametrize(
    ("record", "status"),
    [
        ("service#appointments", "service-not-found"),
        ("route#appointments/create", "route-not-found"),
    ],
)
def test_closed(aws: FakeAws, record: str, status: str, closed: dict[str, Any] | None) -> None:
    """A service or route that is absent or not deployed is closed, which may be tried again."""
    if closed is None:
        aws.dynamodb.Table("records").delete_item(Key={"record": record})
    else:
        aws.put_record(record, permissions=["client"], **closed)
    answer = aws.post()
    assert (answer.status, answer.code) == (status, 503)
    assert "Nothing was saved. This API is closed" in answer.body["message"]
    assert answer.body["retryable"] is True
    assert answer.body["saved"] is False
    assert aws.items() == []
    assert aws.notifications() == []


def test_the_service_comes_before_the_route(aws: FakeAws) -> None:
    """Where both are closed, the service is named."""
    aws.put_record("service#appointments")
    aws.put_record("route#appointments/create")
    assert aws.post().status == "service-not-found"


def test_an_open_route_is_cached_for_a_minute_at_most(aws: FakeAws) -> None:
    """An operator who closes the route waits 60 seconds at most, one who opens it not at all."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        aws.seed()
        assert aws.post().code == 200
        aws.put_record("route#appointments/create", deployed=False)
        clock.shift(60.001)
        assert aws.post().status == "route-not-found"
        aws.open_route()
        assert aws.post().code == 200


def test_a_cached_route_is_not_read(aws: FakeAws) -> None:
    """A cached route costs no read; a clock that is set back does not prolong this."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        aws.seed()
        aws.post()
        aws.faults.calls.clear()
        clock.shift(10)
        aws.post()
        ((_, read), *_rest) = aws.faults.calls
        assert read["RequestItems"]["records"]["Keys"] == [{"record": {"S": "circuit#mandrill"}}]
        clock.shift(-20)
        aws.put_record("service#appointments")
        assert aws.post().status == "service-not-found"


JSON_TYPES = [
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "  application/json ;v=1",
    'application/json; profile="a, b"; charset=utf-8',
]


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_a_headers_name_in_any_case(aws: FakeAws, name: str) -> None:
    """The case of a header's name does not matter, in either payload format."""
    sent = event(token="no-address-token", headers={name: "application/json"})
    assert aws.send(sent).code == 200
    assert aws.send(rest(sent)).code == 200


@pytest.mark.parametrize("media_type", JSON_TYPES)
def test_json_in_any_spelling(aws: FakeAws, media_type: str) -> None:
    """A media type's case and parameters do not matter."""
    assert aws.post(headers={"content-type": media_type}).code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json-patch+json"},
        {"content-type": "application/json, text/plain"},
        {"content-type": "application/json", "Content-Type": "text/plain"},
        {"content-type": None},
        {"content-type": 5},
    ],
)
def test_any_other_content_type(aws: FakeAws, headers: dict[str, Any]) -> None:
    """Any other type, none, or two that differ: the message says which header to send."""
    answer = aws.post(headers=headers)
    assert (answer.status, answer.code) == ("invalid-content-type", 400)
    assert "Content-Type: application/json" in answer.body["message"]
    assert answer.body["errors"] == []


@pytest.mark.parametrize("blank", ["", "  ", None, 5])
def test_a_blank_content_type_beside_a_real_one(aws: FakeAws, blank: Any) -> None:
    """A blank value of a header that is sent twice is not passed: the other one counts."""
    headers: Any = {"content-type": "application/json", "Content-Type": blank}
    assert aws.post(headers=headers).code == 200


def test_content_types_of_a_rest_api(aws: FakeAws) -> None:
    """The many values of one header count each: the same twice is one, two that differ are none."""
    sent = rest(event(token="no-address-token"))
    sent["multiValueHeaders"] = {"Content-Type": ["application/json", "application/JSON;a=b"]}
    assert aws.send(sent).code == 200
    sent["headers"] = None
    assert aws.send(sent).code == 200
    sent["multiValueHeaders"] = {"Content-Type": ["application/json", "text/plain"]}
    assert aws.send(sent).status == "invalid-content-type"


def test_a_sensitive_route_takes_plain_text(aws: FakeAws) -> None:
    """Re-tuned to `sensitive_params`, the route takes text/plain alone."""
    aws.open_route(sensitive_params=True)
    assert aws.send(sensitive()).code == 200
    answer = aws.post()
    assert answer.status == "invalid-content-type"
    assert "Content-Type: text/plain" in answer.body["message"]
    assert "base64" in answer.body["message"]


def test_an_absent_list_of_permissions_is_empty(aws: FakeAws) -> None:
    """A route record without permissions admits no role."""
    aws.dynamodb.Table("records").put_item(
        Item={"record": "route#appointments/create", "deployed": True}
    )
    assert aws.post().param_errors() == {"application": "invalid-param"}
