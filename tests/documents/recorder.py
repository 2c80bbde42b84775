"""Record docs/examples.json: real requests, and the function's responses to them.

Ids and times are fixed, so that a recording is the same each time. The tokens and records are those
of the local stack: there, the requests get these responses too.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid5

import time_machine

from tests.fuzz.player import player
from tests.support.case_runner import CaseRunner
from tests.support.cases import OPEN, ROUTE, SERVICE, State
from tests.support.events import PATH, Request, http_api
from tests.support.fake_aws import FakeAws
from tools.local_stack import seeds

FILE: Final = Path(__file__).parents[2] / "docs" / "examples.json"
_SEEDED: Final = State()
AT: Final = datetime(2027, 1, 4, 23, 5, tzinfo=UTC)
_JSON: Final = {"Content-Type": "application/json"}
_TEXT: Final = {"Content-Type": "text/plain"}
_WEB: Final = {
    "token": seeds.TOKENS["session"],
    "application": "planoorder",
    "uuid": "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10",
    "updated_at_mt": "2027-01-04 16:05:00",
    "order_id": 1001,
    "photographer_user_id": 501,
    "date_start_local": "2027-01-05",
    "time_start_local": "19:30:00",
    "date_stop_local": "2027-01-05",
    "time_stop_local": "21:00:00",
    "confirmed": True,
    "notes": "Please ring twice.",
}
_FILEMAKER: Final = {
    "token": seeds.TOKENS["application"],
    "uuid": "A4C5B0F2-3D1E-4C7A-8B60-2E9D7F1C5A34",
    "month_first": "1",
    "updated_at_mt": "1/4/2027 4:05:00 PM",
    "order_id": "1001",
    "photographer_user_id": "501",
    "date_start_local": "1/5/2027",
    "time_start_local": "7:30 PM",
    "confirmed": "1",
    "allday": "",
    "notes": "",
}


@dataclass(frozen=True)
class Example:
    """A request with the state that it needs, and what it shows.

    `body` is the JSON object that is sent, `raw` the text itself if it is something else.
    """

    summary: str
    body: Mapping[str, Any] | None = None
    raw: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    path: str = PATH
    state: State = _SEEDED

    def request(self, number: int) -> Request:
        """Return the request, with an id as API Gateway's."""
        sent = self.raw if self.body is None else json.dumps(self.body)
        return Request(
            raw=sent, headers=self.headers, path=self.path, id=f"JKJaXmPLvHcESH{number:02}="
        )


def examples() -> dict[str, Example]:
    """Return every example by its name: the status, or what else it shows."""
    web = http_api(Request(raw=json.dumps(_WEB), id="JKJaXmPLvHcESHA="))
    closed = {"deployed": False}
    return {
        "action-successful": Example("A web application creates an appointment.", _WEB),
        "filemaker": Example("FileMaker creates an appointment: all is text.", _FILEMAKER),
        "replayed": Example("The same request again.", _WEB, state=State(before=(web,))),
        "warnings": Example(
            "A parameter is mistyped: it is ignored with a warning.",
            {**_without(_WEB, "date_stop_local"), "date_stop_locale": "2027-01-05"},
        ),
        "strict": Example(
            "The same with strict handling: it is refused.",
            {**_without(_WEB, "date_stop_local"), "date_stop_locale": "2027-01-05"},
            headers={**_JSON, "Prefer": "handling=strict"},
        ),
        "session": Example(
            "The session is asked for, in the view full.", {**_WEB, "session_view": "full"}
        ),
        "sensitive": Example(
            "The route is set to text/plain: the body is the base64 of the JSON.",
            raw=base64.b64encode(json.dumps(_WEB).encode()).decode(),
            headers=_TEXT,
            state=State(records={ROUTE: {**OPEN, "sensitive_params": True}}),
        ),
        "invalid-token": Example(
            "The token was revoked.", {**_WEB, "token": seeds.TOKENS["revoked"]}
        ),
        "session-expired": Example(
            "The session was created 8 days ago.", {**_WEB, "token": seeds.TOKENS["expired"]}
        ),
        "client-required": Example(
            "The user has no role.", {**_WEB, "token": seeds.TOKENS["no_roles"]}
        ),
        "missing-param": Example(
            "One parameter is missing, another one is invalid: both are listed.",
            {**_without(_WEB, "updated_at_mt"), "date_start_local": "13/45/2026"},
        ),
        "invalid-param": Example("There is no order with this id.", {**_WEB, "order_id": 404}),
        "application-crash": Example(
            "DynamoDB does not respond: it is unknown whether the appointment is saved.",
            _WEB,
            state=State(faults={"PutItem": ("down",) * 9, "GetItem": ("down",) * 9}),
        ),
        "mandrill-email-failed": Example(
            "The appointment is saved. The photographer's address was rejected.",
            {**_WEB, "photographer_user_id": 502},
        ),
        "invalid-content-type": Example(
            "FileMaker sends this content type if no other is set.",
            _WEB,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        "route-non-existent": Example("The path is wrong.", _WEB, path="/api/v1/appointments"),
        "no-params-decoded": Example("The body is an array.", raw=json.dumps([_WEB])),
        "invalid-encoded-params": Example(
            "There is a raw line break inside a text.",
            raw=json.dumps(_WEB | {"notes": "Ring twice.\n"}).replace(r"\n", "\n"),
        ),
        "route-not-found": Example(
            "The route is closed.", _WEB, state=State(records={ROUTE: closed})
        ),
        "identify-request-error": Example(
            "The function got an event without a path, which API Gateway does not send.", path=""
        ),
        "service-not-found": Example(
            "The service is closed.", _WEB, state=State(records={SERVICE: closed})
        ),
    }


def record() -> dict[str, Any]:
    """Play every example, and return its request with the response to it."""
    with time_machine.travel(AT, tick=False), player() as one:
        return {
            name: _play(FakeAws(one.aws.faults, one.aws.out), example, number)
            for number, (name, example) in enumerate(examples().items(), 1)
        }


def text() -> str:
    """Return the file's text, recorded anew."""
    return json.dumps(record(), indent=2, ensure_ascii=False) + "\n"


def _play(aws: FakeAws, example: Example, number: int) -> dict[str, Any]:
    """Play an example on AWS as it is after the first start of the local stack."""
    for kind, attributes in seeds.kinds(int(AT.timestamp())).items():
        aws.put_session(seeds.TOKENS[kind], **{"roles": seeds.ROLES, **attributes})
    request = example.request(number)
    with patch("tools.mandrill_sandbox.account.uuid4", side_effect=_ids()):
        (payload,) = CaseRunner(aws, example.state).run(http_api(request))
    sent = request.raw if example.body is None else dict(example.body)
    return {
        "summary": example.summary,
        "request": {
            "method": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "body": sent,
        },
        "response": {
            "code": payload["statusCode"],
            "headers": payload["headers"],
            "body": json.loads(payload["body"]),
        },
    }


def _ids() -> Iterator[Any]:
    """Yield the ids that Mandrill gives its messages."""
    for number in count(1):
        yield uuid5(NAMESPACE_URL, f"message {number}")


def _without(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in params.items() if each != name}
