"""Section 1.4, step 3: what is not JSON by its headers is refused, with what to send."""

from typing import Any

import pytest

from tests.support.fake_aws import FakeAws

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "received"),
    [
        ({}, "no Content-Type"),
        ({"content-type": " "}, "no Content-Type"),
        ({"content-type": "text/xml; charset=utf-8"}, "Content-Type text/xml"),
        ({"content-type": "text/plain"}, "Content-Type text/plain"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            "Content-Type application/x-www-form-urlencoded",
        ),
        (
            {"content-type": "application/json, text/html"},
            "Content-Type application/json and text/html",
        ),
        ({"content-type": "no-address-token"}, "Content-Type that names no media type"),
        ({**JSON, "content-encoding": "gzip"}, "Content-Encoding: gzip"),
        ({**JSON, "Content-Encoding": "identity, br"}, "Content-Encoding: br"),
        ({**JSON, "content-encoding": "no-address-token"}, "a Content-Encoding"),
    ],
)
def test_the_message_says_what_was_received(aws: FakeAws, headers: Any, received: str) -> None:
    """It repeats what was received, never the token, and names the header to send."""
    answer = aws.post(headers=headers)
    assert (answer.status, answer.code) == ("invalid-content-type", 400)
    message = answer.body["message"]
    assert f"The request has {received}." in message
    assert "Send the header Content-Type: application/json once" in message
    assert aws.items() == []


@pytest.mark.parametrize("encoding", ["identity", "Identity", "", " ", "identity, identity"])
def test_no_encoding(aws: FakeAws, encoding: str) -> None:
    """`identity` says that nothing was encoded."""
    assert aws.post(headers={**JSON, "content-encoding": encoding}).code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        'application/json; profile="a,b"',
        "application/json, application/json",
    ],
)
def test_json_by_any_spelling(aws: FakeAws, content_type: str) -> None:
    """Media type parameters and letter case do not matter, nor that it is said twice."""
    assert aws.post(headers={"Content-Type": content_type}).code == 200


def test_a_blank_header_beside_a_real_one(aws: FakeAws) -> None:
    """A blank header says nothing."""
    headers = {"content-type": "application/json", "Content-Type": " "}
    assert aws.post(headers=headers).code == 200
