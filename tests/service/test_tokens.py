"""The token is nowhere: stored nowhere, logged nowhere, in no answer but as `session.token`.

`aws` searches all that was written after every test of this suite; here tokens are planted where
they could get through, and the search is shown to find them.
"""

import base64
import json
from typing import Any

import pytest

from appointments import parameters
from appointments.request import Request
from tests.service.test_decoding import sensitive
from tests.support.fake_aws import FakeAws, event

TOKEN = "no-address-token"
TEXTS = [
    name
    for name in parameters.NAMES
    if parameters.type_of(name) == parameters.ParamType("string") and name not in ("token", "uuid")
]
OTHERS = [name for name in parameters.NAMES if name not in (*TEXTS, "token", "month_first")]


def test_planted_in_every_text(aws: FakeAws) -> None:
    """A request that repeats its token in every free text is saved with it masked."""
    answer = aws.post(**dict.fromkeys(TEXTS, f"my {TOKEN} is {TOKEN}!"))
    assert answer.code == 200
    assert aws.item()["notes"] == "my *** is ***!"
    assert answer.body["data"]["appointment"]["summary"] == "my *** is ***!"
    assert aws.line("request")["params"]["summary"] == "my *** is ***!"


@pytest.mark.parametrize("as_sent", [TOKEN, [TOKEN], {TOKEN: TOKEN}, f" {TOKEN} "])
def test_planted_where_it_is_at_fault(aws: FakeAws, as_sent: Any) -> None:
    """A refused value is repeated without the token."""
    answer = aws.post(**dict.fromkeys(OTHERS, as_sent))
    assert set(answer.param_errors()) == set(OTHERS)
    assert "***" in answer.body["errors"][3]["received"]
    for name in TEXTS:
        assert aws.post(**{name: [TOKEN]}).param_errors() == {name: "invalid-param"}


def test_planted_across_the_cut(aws: FakeAws) -> None:
    """`received` is cut after masking, so that no part of a token stands at its end."""
    answer = aws.post(order_id="x" * 95 + TOKEN)
    assert TOKEN[:5] not in answer.body["errors"][0]["received"]
    assert len(answer.body["errors"][0]["received"]) <= 100


def test_planted_in_names(aws: FakeAws) -> None:
    """A name that holds the token is masked in the log and in the warnings."""
    answer = aws.post(**{TOKEN: 1, f"x{TOKEN}x": 2, "Token": TOKEN})
    assert answer.code == 200
    assert [warned["param"] for warned in answer.body["warnings"]] == ["***", "x***x", "Token"]
    assert aws.line("request")["unknown"] == ["***", "x***x", "Token"]


def test_planted_in_headers(aws: FakeAws) -> None:
    """A header that holds the token is masked, and no other header is written at all."""
    headers = {
        "content-type": "application/json",
        "idempotency-key": f"key of {TOKEN}",
        "authorization": f"Bearer {TOKEN}",
        "cookie": TOKEN,
    }
    assert aws.post(headers=headers).code == 200
    assert aws.line("request")["idempotency_key"] == "key of ***"
    headers["idempotency-key"] = TOKEN + "k" * 256
    answer = aws.post(headers=headers)
    assert answer.param_errors() == {"Idempotency-Key": "invalid-param"}
    assert aws.post(headers={"content-type": TOKEN}).status == "invalid-content-type"


@pytest.mark.parametrize(
    "raw",
    [
        TOKEN,
        json.dumps([TOKEN]),
        json.dumps(TOKEN),
        f'{{"token": "{TOKEN}"',
        f'{{"token": "{TOKEN}", "{TOKEN}": NaN}}',
        f'{{"{TOKEN}',
    ],
)
def test_planted_in_what_cannot_be_decoded(aws: FakeAws, raw: str) -> None:
    """What could not be decoded is not repeated, as it came or out of base64."""
    assert aws.send(event(raw=raw)).code == 400
    coded = base64.b64encode(raw.encode()).decode()
    assert aws.send({**event(raw=coded), "isBase64Encoded": True}).code == 400


def test_planted_on_a_sensitive_route(aws: FakeAws) -> None:
    """On a sensitive route, too, names and texts are masked."""
    aws.open_route(sensitive_params=True)
    assert aws.send(sensitive(None, notes=TOKEN, **{f"a {TOKEN}": 1})).code == 200


def test_planted_in_a_crash(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that has the token is logged and notified without it."""

    def broken(*_: Any) -> None:
        raise RuntimeError(f"the token is {TOKEN}")

    monkeypatch.setattr("appointments.tables.sessions.choose_role", broken)
    assert aws.post().status == "application-crash"
    assert "the token is ***" in aws.line("broken")["exception"]
    assert len(aws.notifications()) == 1


@pytest.mark.parametrize("view", ["default", "full"])
def test_the_one_place_that_holds_it(aws: FakeAws, view: str) -> None:
    """`session.token` is the caller's own."""
    assert aws.post(session_view=view).body["session"]["token"] == TOKEN


def test_a_masked_key_leads_to_the_same_appointment(aws: FakeAws) -> None:
    """A key that holds the token is replayed to the appointment it created."""
    headers = {"content-type": "application/json", "idempotency-key": f"for {TOKEN}"}
    first = aws.post(headers=headers)
    replayed = aws.send(aws.line("request"))
    assert replayed.body["uuid"] == first.body["uuid"]
    assert replayed.body["replayed"] is True


def test_a_masked_text_is_the_same_text(aws: FakeAws) -> None:
    """A text that holds the token is replayed as the same content."""
    aws.post(notes=f"for {TOKEN}")
    assert aws.send(aws.line("request")).body["replayed"] is True


def test_the_search_finds_a_token(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the masking broken, the search finds the token in answer, log and item."""
    monkeypatch.setattr(Request, "redact", lambda _, text: text)
    assert aws.leaks() == set()
    aws.post(notes=TOKEN)
    assert aws.leaks() == {"answers", "log", "items"}
    aws.send({"replay": aws.line("request")})
    aws.tokens.clear()  # what was planted is known; nothing is left to search for


def test_the_search_finds_a_token_in_a_notification(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds a token in what was published, and in a session shown anywhere else."""

    class LeakyError(Exception):
        pass

    LeakyError.__name__ = TOKEN

    def broken(*_: Any) -> None:
        raise LeakyError

    monkeypatch.setattr("appointments.tables.sessions.choose_role", broken)
    aws.post()
    assert "notifications" in aws.leaks()
    aws.payloads.append([{"statusCode": 200, "body": json.dumps({"data": {"token": TOKEN}})}])
    assert "answers" in aws.leaks()
    aws.tokens.clear()
