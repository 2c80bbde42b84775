"""What other services and people wrote wrongly crashes a request, but names what to correct."""

from typing import Any

import pytest

from appointments.tables.keys import RECORD_TYPES
from tests.support.fake_aws import FakeAws


def crash(aws: FakeAws, **params: Any) -> str:
    """Send a request that crashes, and return the reason that its log entry gives."""
    answer = aws.post(**params)
    assert (answer.status, answer.body["saved"]) == ("application-crash", False)
    reason = aws.lines("response")[-1]["reason"]
    assert reason not in answer.body["message"]
    ((_, message, subject, *_),) = aws.notifications()
    assert subject.endswith(f": {reason}")
    assert "docs/operations.md#a-malformed-item" in message
    return str(reason)


@pytest.mark.parametrize("email", [7, True, ["a@planomatic.test"], {"a": "b"}])
def test_an_address_that_is_no_text(aws: FakeAws, email: Any) -> None:
    """The record and its attribute are named."""
    aws.put_record("user#504", email=email)
    assert crash(aws, photographer_user_id=504) == "user#504: email is not a text"


@pytest.mark.parametrize(
    ("attribute", "value", "what"),
    [
        ("permissions", "client", "a list"),
        ("deployed", "yes", "true or false"),
        ("sensitive_params", 1, "true or false"),
    ],
)
def test_a_malformed_route(aws: FakeAws, attribute: str, value: Any, what: str) -> None:
    """The route's record and its attribute are named."""
    aws.open_route(**{attribute: value})
    assert crash(aws) == f"route#appointments/create: {attribute} is not {what}"


@pytest.mark.parametrize(
    ("attribute", "value", "what"),
    [
        ("user_id", "45", "a number"),
        ("roles", ["client"], "a map"),
        ("created_at", "yesterday", "a number"),
        ("email", 7, "a text"),
        ("remember_me", "no", "true or false"),
    ],
)
def test_a_malformed_session(aws: FakeAws, attribute: str, value: Any, what: str) -> None:
    """The attribute is named; the session's key, the hash of its token, is not."""
    aws.put_session("no-address-token", **{attribute: value})
    assert crash(aws) == f"session: {attribute} is not {what}"


def test_null_is_absent(aws: FakeAws) -> None:
    """An attribute that is null counts as absent."""
    aws.put_record("user#504", email=None)
    assert aws.post(photographer_user_id=504).code == 200


def test_what_is_not_needed_may_be_anything(aws: FakeAws) -> None:
    """Of a record that only has to exist, no attribute is read."""
    aws.put_record("order#1002", email=7, name=[1])
    assert aws.post(order_id=1002).code == 200


def test_the_declared_types_are_those_of_the_commands() -> None:
    """`admin record get` warns of the same attributes that the function cannot read."""
    from appointments.tables.records import Record  # noqa: PLC0415 - moto first

    declared = {
        name: attribute.attr_type
        for name, attribute in Record.get_attributes().items()
        if not attribute.is_hash_key
    }
    assert declared == RECORD_TYPES
