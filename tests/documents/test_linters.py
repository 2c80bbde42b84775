"""The linters that users of OpenAPI know find nothing in the document."""

import json
from pathlib import Path

import pytest

from tests.support.node import run_node
from tools.bootstrap import ROOT

DOCUMENT = ROOT / "docs" / "openapi.json"


def redocly(document: Path) -> tuple[int, list[dict[str, str]]]:
    """Return the exit code of Redocly with its recommended rules, and its problems."""
    code, printed = run_node(
        *("redocly", "lint", document, "--extends=recommended", "--format=json")
    )
    report = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
    return code, report["problems"]


def spectral(document: Path, folder: Path) -> tuple[int, list[dict[str, str]]]:
    """Return the exit code of Spectral with its recommended rules, and its problems."""
    rules = folder / "rules.yaml"
    rules.write_text("extends: [[spectral:oas, recommended]]\n")
    options: list[str | Path] = [
        "--ruleset",
        rules,
        "--format=json",
        "--quiet",
        "--fail-severity=hint",
    ]
    code, printed = run_node("spectral", "lint", document, *options)
    return code, json.loads(printed[: printed.rindex("]") + 1])


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Return a document without contact, description and examples that fit."""
    document = json.loads(DOCUMENT.read_text())
    del document["info"]["contact"], document["info"]["license"]
    (operation,) = document["paths"]["/api/v1/appointments/create"].values()
    example = operation["responses"]["200"]["content"]["application/json"]["examples"]
    example["action-successful"]["value"]["code"] = "200"
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def test_redocly_finds_nothing() -> None:
    """Redocly's recommended rules give no error and no warning."""
    assert redocly(DOCUMENT) == (0, [])


def test_spectral_finds_nothing(tmp_path: Path) -> None:
    """Spectral's recommended rules give no error, no warning and no hint."""
    assert spectral(DOCUMENT, tmp_path) == (0, [])


def test_redocly_would_find_something(damaged: Path) -> None:
    """It finds what was taken out of the document, so it did look."""
    _, problems = redocly(damaged)
    assert "info-license" in {each["ruleId"] for each in problems}


def test_spectral_would_find_something(damaged: Path, tmp_path: Path) -> None:
    """It finds what was damaged in the document, so it did look."""
    code, problems = spectral(damaged, tmp_path)
    assert code != 0
    assert {"info-contact", "oas3-valid-media-example"} <= {each["code"] for each in problems}
