"""The generated documents are those of the code, and the code's answers are those described."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from appointments import responses
from appointments.api_gateway import HttpEvent
from appointments.create import Creation
from appointments.email.state import EmailState, EmailStatus, Recipient
from appointments.errors import ApiError, ParamError, ParamWarning
from appointments.invocation import Invocation
from appointments.names import PATH
from appointments.parameters import NAMES
from appointments.statuses import Status
from appointments.tables.appointments import Appointment
from appointments.tables.sessions import Session
from tests.support.fake_aws import event
from tests.unit.reading import read
from tests.unit.test_properties import good_requests
from tools.documents import openapi
from tools.documents.reference import FILES, page
from tools.documents.response_schemas import schema_name

DESCRIBED = openapi.describe()
UUID = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
SESSION = Session(
    "hash",
    uuid=UUID,
    kind="session",
    user_id=45,
    roles={"planox2": "employee"},
    created_at=1799000000,
    last_used_at=1799000000,
)
RECIPIENT = Recipient(
    email="pat@planomatic.test", roles=["photographer"], status="rejected", reject_reason="spam"
)
INVOCATION = Invocation.from_context(None)


def violations(pointer: str, value: Any) -> list[str]:
    """Return what the schema at `pointer` of the description objects to in `value`."""
    validator = OAS31Validator({**DESCRIBED, "$ref": f"#/{pointer}"})
    return [error.message for error in validator.iter_errors(value)]


def schema_of(name: str) -> Any:
    """Return one of the description's schemas."""
    return DESCRIBED["components"]["schemas"][name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_document_is_not_stale(path: Path) -> None:
    """The document is what `make docs` writes today."""
    is_fresh = path.read_text(encoding="utf-8") == FILES[path]()
    assert is_fresh, f"{path.name} is not what the code says today: run `make docs` and commit it"


def test_the_page_has_every_parameter_and_status() -> None:
    """The page has a row for each parameter and each status, in the contract's order."""
    named = re.findall(r"^\| (?:\d+ \| )?`([\w-]+)` \|", page(), re.MULTILINE)
    assert named[: len(NAMES) + len(Status)] == [*NAMES, *(status.value for status in Status)]


@pytest.mark.parametrize("status", Status, ids=lambda status: status.value)
def test_the_page_shows_a_response_of_each_status(status: Status) -> None:
    """Below the name of a status there is the body of the recorded response."""
    shown = page().partition(f"\n### {status.value}\n")[2].partition("```json\n")[2]
    body = json.loads(shown.partition("\n```")[0])
    assert body == openapi.examples()[status.value]["response"]["body"]


def test_the_description_is_openapi() -> None:
    """The description is valid OpenAPI 3.1."""
    validate(DESCRIBED)


def test_the_description_has_every_status() -> None:
    """Each status stands among the answers of its HTTP code, once, with a recorded example."""
    answers_ = DESCRIBED["paths"][PATH]["post"]["responses"]
    assert set(answers_) == {str(status.code) for status in Status}
    for code, answer in answers_.items():
        content = answer["content"]["application/json"]
        named = content["schema"]["$ref"].rpartition("/")[2]
        mapping = schema_of(named).get("discriminator", {}).get("mapping")
        statuses = (
            set(mapping) if mapping else set(schema_of(named)["properties"]["status"]["enum"])
        )
        assert statuses == {status.value for status in Status if status.code == int(code)}
        assert statuses <= set(content["examples"])


def test_no_property_refers_into_another_schema() -> None:
    """Client generators drop a response whose schema refers to a part of another one."""
    references = re.findall(r'"\$ref": "(.*?)"', json.dumps(DESCRIBED))
    assert references
    assert all(re.fullmatch(r"#/components/(schemas|headers)/[\w-]+", each) for each in references)
    assert '"const"' not in json.dumps(DESCRIBED), "generators drop a const that is an integer"


def answer_of(status: Status, *, is_full: bool) -> dict[str, Any]:
    """Return an answer's body: with all that can stand in it, or the barest one."""
    creation = Creation(HttpEvent(event(request_id="req-1"), INVOCATION), INVOCATION)
    error = None if status is Status.ACTION_SUCCESSFUL else ApiError(status, "Nothing was saved.")
    if error is None or status is Status.MANDRILL_EMAIL_FAILED:
        creation.uuid, creation.saved = UUID, True
        values = {"uuid": UUID, "application": "planox2", "updated_at_mt": "now"}
        creation.appointment = Appointment.from_values(values)
        creation.email = EmailState(EmailStatus.SKIPPED)
    if status is Status.CLIENT_REQUIRED:
        creation.session = SESSION.view("default", "a-token")
    if is_full:
        creation.uuid, creation.is_repeat = UUID, True
        creation.session = SESSION.view("full", "a-token")
        creation.email = EmailState(EmailStatus.FAILED, (RECIPIENT,), "spam")
        creation.warnings = [ParamWarning("nots", "It was ignored.")]
        param_error = ParamError("notes", Status.INVALID_PARAM, "Send text.", "[]")
        error = error and ApiError(status, "Nothing was saved.", [param_error])
    return responses.build(creation, error)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("status", Status)
def test_an_answer_is_as_described(status: Status, is_full: bool) -> None:
    """Every status's answer is as the description of its HTTP code has it, with no other key."""
    body = answer_of(status, is_full=is_full)
    response = f"paths/{PATH.replace('/', '~1')}/post/responses/{status.code}"
    assert violations(f"{response}/content/application~1json/schema", body) == []
    assert set(body) <= set(schema_of(schema_name(status))["properties"])
    if is_full:
        assert set(body["session"]) == set(schema_of("Session")["properties"])


def test_a_wrong_answer_is_not_as_described() -> None:
    """The description objects to an answer of another code, and to one that lacks a key."""
    response = (
        f"paths/{PATH.replace('/', '~1')}/post/responses/400/content/application~1json/schema"
    )
    body = answer_of(Status.INVALID_PARAM, is_full=True)
    assert violations(response, body) == []
    assert violations(response, body | {"code": 500})
    assert violations(response, body | {"status": "application-crash"})
    for key in ("saved", "retryable", "warnings", "errors"):
        assert violations(response, {name: body[name] for name in body if name != key})


@pytest.mark.parametrize(
    ("status", "key"),
    [
        *((Status.ACTION_SUCCESSFUL, key) for key in ("data", "uuid", "replayed")),
        *((Status.MANDRILL_EMAIL_FAILED, key) for key in ("data", "uuid", "replayed", "errors")),
        (Status.CLIENT_REQUIRED, "session"),
    ],
)
def test_a_key_that_a_status_always_has_is_required(status: Status, key: str) -> None:
    """A client made from the description need not ask whether the key is there."""
    response = f"paths/{PATH.replace('/', '~1')}/post/responses/{status.code}"
    schema = f"{response}/content/application~1json/schema"
    body = answer_of(status, is_full=False)
    assert violations(schema, body) == []
    assert violations(schema, {name: body[name] for name in body if name != key})


@pytest.mark.parametrize("schema", ["Parameters", "FileMakerParameters"])
def test_an_example_of_a_parameter_fits_it(schema: str) -> None:
    """Each example that people read in place of a pattern is one that the pattern permits."""
    shown = {
        name: about["examples"]
        for name, about in schema_of(schema)["properties"].items()
        if "examples" in about
    }
    assert {"date_start_local", "time_start_local", "created_at", "uuid"} <= set(shown)
    for name, examples in shown.items():
        for example in examples:
            assert violations(f"components/schemas/{schema}/properties/{name}", example) == []


@given(sent=good_requests)
def test_a_normal_form_is_as_described(sent: dict[str, Any]) -> None:
    """What is stored is as the description has it, and may be sent as it is."""
    stored = read(**sent).appointment()
    resent = stored | {"token": "a-token"}
    assert violations("components/schemas/Parameters", resent) == []
    as_used = {"uuid": UUID, "application": "planox2"} | stored
    assert violations("components/schemas/Appointment", as_used) == []
    assert set(stored) <= set(schema_of("Appointment")["properties"])
