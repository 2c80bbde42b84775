"""The recorded examples are what the function responds today, and what the document describes."""

import json
from typing import Any, Final

import pytest

from appointments.names import PATH
from appointments.statuses import Status
from tests.documents.recorder import FILE, text
from tests.unit.test_reference import DESCRIBED, violations

RECORDED: Final[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
CONTENT: Final = DESCRIBED["paths"][PATH]["post"]["requestBody"]["content"]
OPERATION: Final = f"paths/{PATH.replace('/', '~1')}/post"


def test_the_file_is_what_is_recorded_today() -> None:
    """Each response in docs/examples.json is the function's own, down to the letter."""
    assert FILE.read_text(encoding="utf-8") == text(), "run `make docs` and commit docs/"


@pytest.mark.parametrize("status", Status, ids=lambda status: status.value)
def test_each_status_has_its_example(status: Status) -> None:
    """The example that is named for a status has this status, in the form that is described."""
    response = RECORDED[status.value]["response"]
    assert response["body"]["status"] == status.value
    assert response["code"] == status.code


@pytest.mark.parametrize("name", RECORDED)
def test_a_response_is_as_described(name: str) -> None:
    """Body and headers of a recorded response are those of the document."""
    response = RECORDED[name]["response"]
    schema = f"{OPERATION}/responses/{response['code']}/content/application~1json/schema"
    assert violations(schema, response["body"]) == []
    headers = DESCRIBED["components"]["headers"]
    assert set(response["headers"]) - {"Content-Type"} <= set(headers)
    for header, about in headers.items():
        if about.get("required"):
            assert header in response["headers"]
        if header in response["headers"]:
            value = response["headers"][header]
            assert violations(f"components/headers/{header}/schema", value) == []


@pytest.mark.parametrize("media_type", CONTENT)
def test_a_request_is_as_described(media_type: str) -> None:
    """Each request that the document shows is one that it permits."""
    schema = f"{OPERATION}/requestBody/content/{media_type.replace('/', '~1')}/schema"
    assert CONTENT[media_type]["examples"]
    for example in CONTENT[media_type]["examples"].values():
        assert violations(schema, example["value"]) == []
