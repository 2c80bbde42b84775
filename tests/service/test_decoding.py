"""Steps 4 and 5: from the body to the parameters."""

import base64
import gzip
import json
import re
from typing import Any

import pytest

from tests.support.fake_aws import FakeAws, event, rest

GOOD = {"token": "no-address-token", "updated_at_mt": "2026-11-22 10:00:00"}
LARGEST = 48 * 1024


def sensitive(body: str | None = None, **params: Any) -> dict[str, Any]:
    """Return a request to a sensitive route: text/plain, the base64 of the JSON."""
    text = base64.b64encode(json.dumps({**GOOD, **params}).encode()).decode()
    return event(headers={"Content-Type": "text/plain"}, raw=text if body is None else body)


def padded(size: int, **params: Any) -> str:
    """Return a good body of exactly `size` bytes."""
    body = json.dumps({**GOOD, **params, "notes": ""})
    return json.dumps({**GOOD, **params, "notes": "n" * (size - len(body))})


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " \r\n",
        "null",
        "{}",
        " { } ",
        "[]",
        '["token"]',
        "5",
        "1e400",
        '"text"',
        "true",
        "\ufeff",
        None,
    ],
)
def test_no_parameters(aws: FakeAws, raw: str | None) -> None:
    """A body that is empty, null, {} or no object holds no parameters."""
    sent = event(raw="")
    sent["body"] = raw
    answer = aws.send(sent)
    assert (answer.status, answer.code) == ("no-params-decoded", 400)
    assert answer.body["errors"] == []


def test_an_event_without_a_body(aws: FakeAws) -> None:
    """A request without any body holds no parameters, in either payload format."""
    sent = event()
    without = {name: value for name, value in sent.items() if name != "body"}
    assert aws.send(without).status == "no-params-decoded"
    assert aws.send({**rest(sent), "body": None}).status == "no-params-decoded"


@pytest.mark.parametrize(
    "raw",
    [
        "token=no-address-token",
        '{"token": "no-address-token",}',
        "{'token': 'no-address-token'}",
        '{"updated_at_mt": "x"} {}',
        '{"notes": NaN}',
        '{"notes": Infinity}',
        '{"notes": -Infinity}',
        '{"notes": "\\ud800"}',
        '{"notes": "\\udc00\\ud800"}',
        '{"\\ud800": 1}',
        '{"notes": 01}',
        '{"notes": "\n"}',
        '{"notes": ' + "9" * 5000 + "}",
        '{"notes": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"a":' * 5000 + "1" + "}" * 5000,
        "\ufeff\ufeff{}",
    ],
)
def test_no_json(aws: FakeAws, raw: str) -> None:
    """What RFC 8259 does not allow, or what is bounded, is refused with its line and column."""
    answer = aws.send(event(raw=raw))
    assert (answer.status, answer.code) == ("invalid-encoded-params", 400)
    assert "line 1 column " in answer.body["message"] or "line 2 column " in answer.body["message"]


@pytest.mark.parametrize("raw", [5, 0, True, False, {}, {"token": "no-address-token"}, ["x"], 1.5])
def test_a_body_that_is_no_text(aws: FakeAws, raw: Any) -> None:
    """An event written by hand whose body is no text is answered, not crashed on."""
    assert aws.send({**event(), "body": raw}).status == "invalid-encoded-params"


def test_lone_surrogates_in_the_event(aws: FakeAws) -> None:
    """A lone surrogate in the event's own text cannot have been UTF-8."""
    answer = aws.send(event(raw='{"notes": "\ud800"}'))
    assert answer.status == "invalid-encoded-params"
    assert "UTF-8" in answer.body["message"]


def test_one_byte_order_mark_is_dropped(aws: FakeAws) -> None:
    """One byte-order mark is no part of the JSON, plain or in base64."""
    body = "\ufeff" + json.dumps(GOOD)
    assert aws.send(event(raw=body)).code == 200
    coded = base64.b64encode(body.encode()).decode()
    assert aws.send({**event(raw=coded), "isBase64Encoded": True}).code == 200


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_other_codings(aws: FakeAws, coding: str) -> None:
    """Anything but UTF-8 is refused with the reason."""
    coded = base64.b64encode(json.dumps({**GOOD, "notes": "é"}, ensure_ascii=False).encode(coding))
    answer = aws.send({**event(raw=coded.decode()), "isBase64Encoded": True})
    assert answer.status == "invalid-encoded-params"
    assert answer.body["message"].count("UTF-8") + answer.body["message"].count("JSON") == 1


@pytest.mark.parametrize("flag", ["true", 1, "True", None, [], "false"])
def test_only_a_json_true_means_base64(aws: FakeAws, flag: Any) -> None:
    """`isBase64Encoded` counts only as the JSON true."""
    assert aws.send({**event(token="no-address-token"), "isBase64Encoded": flag}).code == 200


def test_base64_of_the_gateway(aws: FakeAws) -> None:
    """A body that API Gateway encoded is decoded first; one that is not so encoded is refused."""
    coded = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert aws.send({**event(raw=coded), "isBase64Encoded": True}).code == 200
    for broken in ("!!!", coded[:-1], f"{coded}=", f"{coded}====", "{}", "ä", json.dumps(GOOD)):
        answer = aws.send({**event(raw=broken), "isBase64Encoded": True})
        assert answer.status == "invalid-encoded-params"
        assert "base64" in answer.body["message"]


def test_base64_of_a_sensitive_route(aws: FakeAws) -> None:
    """FileMaker wraps its base64 at 76 characters; white space and line breaks are dropped."""
    aws.open_route(sensitive_params=True)
    one_line = base64.b64encode(json.dumps({**GOOD, "notes": "é" * 200}).encode()).decode()
    for line_break in ("\r\n", "\n", "\r", " ", "\t\n"):
        lines = [one_line[start : start + 76] for start in range(0, len(one_line), 76)]
        assert aws.send(sensitive(line_break.join([*lines, ""]))).code == 200
    assert len(aws.items()) == 1
    gateway = base64.b64encode("\n".join(lines).encode()).decode()
    assert aws.send({**sensitive(gateway), "isBase64Encoded": True}).code == 200


@pytest.mark.parametrize(
    "body",
    [
        *("!!!", json.dumps(GOOD), "e30", "e3-_", "e30==", "e30===", "ä", "=", "====", "e3=0"),
        *("QUJD=", "QUJD===", "QUJD====", "e30=e30="),
    ],
)
def test_a_sensitive_body_is_decoded_strictly(aws: FakeAws, body: str) -> None:
    """On a sensitive route, what is not base64 is refused with the reason."""
    aws.open_route(sensitive_params=True)
    answer = aws.send(sensitive(body))
    assert (answer.status, answer.code) == ("invalid-encoded-params", 400)
    assert "base64" in answer.body["message"]


@pytest.mark.parametrize("body", ["", "e30=", "bnVsbA==", "W10=", " \r\n"])
def test_no_parameters_in_a_sensitive_body(aws: FakeAws, body: str) -> None:
    """An empty body, {}, null and [] hold no parameters there either."""
    aws.open_route(sensitive_params=True)
    assert aws.send(sensitive(body)).status == "no-params-decoded"


def test_of_a_repeated_name_the_last_counts(aws: FakeAws) -> None:
    """JSON may repeat a name; the last value counts."""
    raw = '{"token": "bad", "notes": "first", "updated_at_mt": "x", "notes": "last", "token": '
    raw += '"no-address-token"}'
    answer = aws.send(event(raw=raw))
    assert answer.body["data"]["appointment"]["notes"] == "last"


def test_the_largest_body(aws: FakeAws) -> None:
    """48 KiB are taken; a byte more is `invalid-param` on `body`, counted after decoding."""
    assert aws.send(event(raw=padded(LARGEST))).code == 200
    coded = base64.b64encode(padded(LARGEST).encode()).decode()
    assert aws.send({**event(raw=coded), "isBase64Encoded": True}).body["replayed"] is True
    for raw in (padded(LARGEST + 1), " " * (LARGEST + 1), "é" * (LARGEST // 2 + 1)):
        answer = aws.send(event(raw=raw))
        assert (answer.status, answer.param_errors()) == (
            "invalid-param",
            {"body": "invalid-param"},
        )
        assert answer.body["errors"][0]["message"].count(str(LARGEST)) == 1


def test_a_number_beyond_range(aws: FakeAws) -> None:
    """1e400 is JSON; where no parameter can be that large, it is at fault and repeated in text."""
    answer = aws.send(
        event(raw='{"token":"no-address-token","updated_at_mt":1e400,"order_id":-1e400}')
    )
    assert answer.param_errors() == {"updated_at_mt": "invalid-param", "order_id": "invalid-param"}


def test_compressed_bodies_are_not_guessed(aws: FakeAws) -> None:
    """A gzip body is no JSON, and is refused as what it is."""
    coded = base64.b64encode(gzip.compress(json.dumps(GOOD).encode())).decode()
    answer = aws.send({**event(raw=coded), "isBase64Encoded": True})
    assert answer.status == "invalid-encoded-params"


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("{}", "an object without parameters"),
        ("[{}]", "an array"),
        ('"{}"', "a text"),
        ("1.5", "a number"),
        ("7", "a number"),
        ("true", "true or false"),
        ("null", "null"),
    ],
)
def test_the_message_says_what_the_body_was(aws: FakeAws, raw: str, what: str) -> None:
    """A body without parameters is described, so that its sender sees what went wrong."""
    answer = aws.send(event(raw=raw))
    assert answer.status == "no-params-decoded"
    assert f"The body is {what}. Send a JSON object" in answer.body["message"]


@pytest.mark.parametrize("character", ["\n", "\r", "\t"])
def test_a_raw_line_break_names_its_remedy(aws: FakeAws, character: str) -> None:
    r"""The error of a raw line break or tab in a text says to write \n or \t."""
    message = aws.send(event(raw=f'{{"notes": "a{character}b"}}')).body["message"]
    assert r"as \n and a tab as \t" in message
    assert "JSONSetElement" in message
    assert re.search(r"line \d column \d", message)
    assert "JSONSetElement" not in aws.send(event(raw="{notes}")).body["message"]
