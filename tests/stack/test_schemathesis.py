"""Requests that schemathesis makes from docs/openapi.json get the responses that it describes.

`make fuzz` sends 2,000, and from another seed each time.
"""

import base64
import copy
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from openapi_schema_validator import OAS31Validator

from appointments import parsers
from appointments.names import PATH
from tools.bootstrap import LOCAL, ROOT
from tools.environment import tool_environment
from tools.local_stack.stack import Stack

DOCUMENT: Final = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
COUNT: Final = os.environ.get("SCHEMATHESIS_COUNT", "200")
SEED: Final = os.environ.get("SCHEMATHESIS_SEED", "1")
SECONDS: Final = 1200
PASSING_STEP_5: Final = 0.9
# What these checks find is no fault, because the API document says so: a method other than POST
# gets route-non-existent, which has HTTP status 500.
OF_OTHER_METHODS: Final = {
    ("unsupported_method", "route-non-existent"),
    ("not_a_server_error", "route-non-existent"),
}


@dataclass(frozen=True)
class Played:
    """A request that schemathesis sent: whether it fits the document, and what came back."""

    is_positive: bool
    body: Any
    headers: dict[str, list[str]]
    response: dict[str, Any]
    failures: tuple[str, ...]

    @property
    def status(self) -> str | None:
        """The contract's status; None if the response is the emulator's own."""
        return self.response.get("status")

    @property
    def is_refused_at_step_5(self) -> bool:
        """Whether a parameter is missing or invalid by itself."""
        return self.status in ("missing-param", "invalid-param")


@pytest.fixture(scope="module")
def played(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """Run schemathesis with all its checks, on a route that is set to application/json."""
    folder = tmp_path_factory.mktemp("schemathesis")
    document = copy.deepcopy(DOCUMENT)
    del document["paths"][PATH]["post"]["requestBody"]["content"]["text/plain"]
    (folder / "openapi.json").write_text(json.dumps(document))
    report = folder / "report.ndjson"
    command: list[str | Path] = [LOCAL / "openapi" / "bin" / "schemathesis", "run", "openapi.json"]
    command += ["--url", stack.base_url]
    command += ["--max-examples", COUNT, "--seed", SEED, "--checks", "all", "--no-shrink"]
    command += ["--continue-on-failure", "--output-sanitize", "false"]
    command += ["--report", "ndjson", "--report-ndjson-path", report]
    hooks = {
        "PYTHONPATH": str(Path(__file__).parent / "programs"),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
    }
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=folder,
        env=tool_environment(**hooks),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    requests = list(_played(report)) if report.is_file() else []
    assert len(requests) > int(COUNT), done.stdout[-3000:]
    return requests


def _played(report: Path) -> Iterator[Played]:
    for line in report.read_text(encoding="utf-8").splitlines():
        finished = json.loads(line).get("ScenarioFinished")
        if not finished:
            continue
        recorder = finished["recorder"]
        for key, interaction in recorder["interactions"].items():
            meta = recorder["cases"][key]["value"].get("meta") or {}
            checks = recorder["checks"].get(key, ())
            assert interaction["response"], f"no response: {interaction}"
            yield Played(
                is_positive=(meta.get("generation") or {}).get("mode") == "positive",
                body=_json(interaction["request"].get("body")),
                headers=interaction["request"]["headers"],
                response=_json(interaction["response"]["content"]) or {},
                failures=tuple(each["name"] for each in checks if each["status"] != "success"),
            )


def _json(content: dict[str, str] | None) -> Any:
    try:
        return json.loads(base64.b64decode((content or {})["$base64"]))
    except (KeyError, ValueError):
        return None


def reads_anyway(request: Played) -> bool:
    """Whether a request is one of those that are accepted and not described.

    They are listed in docs/decisions/documents/openapi-schemas.md: FileMaker's forms without
    `month_first`, and a number for a text. An Idempotency-Key does not matter beside a uuid, and
    may be printable without being ASCII.
    """
    schemas = DOCUMENT["components"]["schemas"]
    web, accepted = schemas["Parameters"], copy.deepcopy(schemas["FileMakerParameters"])
    accepted["required"].remove("month_first")
    properties = accepted["properties"]
    properties["month_first"] = properties["confirmed"]
    month_first = request.body.get("month_first") if isinstance(request.body, dict) else None
    for name, about in properties.items():
        is_date = about.get("pattern") != web["properties"][name].get("pattern")
        if is_date and (parsers.is_blank(month_first) or not parsers.boolean(month_first)):
            about["pattern"] = web["properties"][name]["pattern"]
        elif name != "token" and about.get("type") in ("string", ["string", "null"]):
            about["type"] = ["string", "number", "null"]
    return bool(OAS31Validator(accepted).is_valid(request.body))


@pytest.mark.timeout(SECONDS + 120)
def test_no_response_is_outside_the_document(played: list[Played]) -> None:
    """Each response has a status code, headers and a body that the document describes."""
    found = Counter(
        (check, request.status)
        for request in played
        for check in request.failures
        if check not in ("positive_data_acceptance", "negative_data_rejection")
    )
    assert set(found) <= OF_OTHER_METHODS, found
    crashes = [each.body for each in played if each.status == "application-crash"]
    assert crashes == []


def test_what_fits_the_document_is_accepted(played: list[Played]) -> None:
    """At least nine in ten requests that fit the document have no parameter at fault."""
    positive = [each for each in played if each.is_positive]
    refused = [each.response["errors"] for each in positive if each.is_refused_at_step_5]
    statuses = Counter(each.status for each in positive)
    tally = f"{len(played)} requests, {len(positive)} of them fit the document: {statuses}"
    print(f"Seed {SEED}: {tally}")  # noqa: T201 - `make fuzz` shows it
    assert statuses["action-successful"]
    assert len(refused) <= (1 - PASSING_STEP_5) * len(positive), refused[:20]


def test_what_does_not_fit_the_document_is_refused(played: list[Played]) -> None:
    """A request that does not fit is refused, unless it has a form that is read anyway."""
    accepted = [each for each in played if "negative_data_rejection" in each.failures]
    assert [each.body for each in accepted if not reads_anyway(each)] == []
    negative = [each for each in played if not each.is_positive]
    assert len(accepted) <= 0.1 * len(negative)
