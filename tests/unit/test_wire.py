"""What goes past botocore's model of DynamoDB is what botocore would write and read."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.session import Session, get_session
from hypothesis import given
from hypothesis import strategies as st

from appointments.tables import dynamo_json

ITEM: Final[dict[str, Any]] = {
    "uuid": {"S": "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"},
    "notes": {"S": 'Ring "twice" \u2014 caf\u00e9 \U0001f600\n\x7f'},
    "order_id": {"N": "9223372036854775807"},
    "confirmed": {"BOOL": True},
    "notifications": {"SS": ["one", "two"]},
    "email_recipients": {"L": [{"M": {"email": {"S": "a@planomatic.test"}, "id": {"NULL": True}}}]},
}
PUT: Final[dict[str, Any]] = {
    "TableName": "appointments",
    "Item": ITEM,
    "ConditionExpression": "attribute_not_exists (#0)",
    "ExpressionAttributeNames": {"#0": "uuid"},
    "ReturnConsumedCapacity": "TOTAL",
}
GET: Final[dict[str, Any]] = {
    "RequestItems": {"sessions": {"ConsistentRead": True, "Keys": [{"token_hash": {"S": "a"}}]}}
}
FOUND: Final[dict[str, Any]] = {
    "Responses": {"appointments": [ITEM], "records": []},
    "UnprocessedKeys": GET["RequestItems"],
    "ConsumedCapacity": [{"TableName": "sessions", "CapacityUnits": 1.5}],
}
VALUES: Final = st.recursive(
    st.fixed_dictionaries({"S": st.text(st.characters(exclude_categories=["Cs"]))})
    | st.fixed_dictionaries({"N": st.integers().map(str)})
    | st.fixed_dictionaries({"BOOL": st.booleans()}),
    lambda inner: (
        st.fixed_dictionaries({"L": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"M": st.dictionaries(st.text("ab\u00e9"), inner, max_size=3)})
    ),
    max_leaves=6,
)


class Line:
    """A DynamoDB client whose requests are kept, and answered with what is laid out."""

    def __init__(self, prepare: Callable[[Session], None]) -> None:
        session = get_session()
        prepare(session)
        self.client: BaseClient = session.create_client(
            "dynamodb",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.sent: list[bytes] = []
        self.answer: tuple[int, bytes] = (200, b"{}")
        events: Any = self.client.meta.events
        events.register("before-send.dynamodb", self._send)

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return a call's result, without what botocore adds about the call itself."""
        result: dict[str, Any] = getattr(self.client, operation)(**params)
        assert result.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        return result

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request.body)
        status, body = self.answer
        return AWSResponse("", status, HTTPHeaders(), SimpleNamespace(stream=lambda: iter([body])))


@pytest.fixture(scope="module")
def botocore() -> Line:
    """Return a client as botocore makes it."""
    return Line(lambda _: None)


@pytest.fixture(scope="module")
def ours() -> Line:
    """Return a client past whose model the JSON goes."""
    return Line(dynamo_json.pass_through)


@pytest.mark.parametrize(("operation", "params"), [("put_item", PUT), ("batch_get_item", GET)])
def test_what_is_sent(botocore: Line, ours: Line, operation: str, params: dict[str, Any]) -> None:
    """A request's body says what botocore's would, to the letter of its values."""
    for line in (botocore, ours):
        line.answer = (200, b"{}")
        line.call(operation, params)
    assert json.loads(ours.sent[-1]) == json.loads(botocore.sent[-1]) == params


@given(item=st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=4))
def test_whatever_an_item_holds(botocore: Line, ours: Line, item: dict[str, Any]) -> None:
    """Any item that the function could write is sent and returned as by botocore."""
    found = {"Responses": {"appointments": [item]}}
    for line in (botocore, ours):
        line.answer = (200, b"{}")
        line.call("put_item", {"TableName": "appointments", "Item": item})
        line.answer = (200, json.dumps(found).encode())
        assert line.call("batch_get_item", GET) == found
    assert json.loads(ours.sent[-2]) == json.loads(botocore.sent[-2])


def test_a_refusal(botocore: Line, ours: Line) -> None:
    """A result says what botocore's would."""
    for line in (botocore, ours):
        line.answer = (200, json.dumps(FOUND).encode())
        assert line.call("batch_get_item", GET) == FOUND


def test_a_failure_is_botocores(ours: Line) -> None:
    """What DynamoDB refuses raises botocore's own exception."""
    refusal = {"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": "No."}
    ours.answer = (400, json.dumps(refusal).encode())
    for operation, params in (("put_item", PUT), ("batch_get_item", GET)):
        with pytest.raises(ClientError) as refused:
            getattr(ours.client, operation)(**params)
        assert refused.value.response["Error"] == {"Code": "ValidationException", "Message": "No."}


def test_what_is_no_json(botocore: Line, ours: Line) -> None:
    """A body that is no JSON is left to botocore, which finds nothing in it."""
    for line in (botocore, ours):
        line.answer = (200, b"<html>")
        assert line.call("batch_get_item", GET) == {}


def test_both_hooks_are_called(botocore: Line, ours: Line) -> None:
    """Left to itself, botocore escapes what is beyond ASCII and drops what its model lacks."""
    for line, written, known in ((botocore, b"\\u00e9", {}), (ours, "é".encode(), {"New": 1})):
        line.answer = (200, b'{"New": 1}')
        line.call("put_item", PUT)
        assert written in line.sent[-1]
        assert line.call("batch_get_item", GET) == known
