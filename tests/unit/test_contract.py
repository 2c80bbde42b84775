"""The code, the contract's table and the API document say the same.

`docs/contract/` holds the facts of the API document once. A column `settled_…` holds what the
specification settles where the document is silent.
"""

import csv
import re
from pathlib import Path

import pytest

from appointments.parameters import NAMES, Parameters, type_of
from appointments.statuses import Status

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "docs" / "contract"
DOCUMENT = ROOT.parent / "shared" / "contract" / "appointments-create-api.txt"

_PARAMETER = re.compile(r"(\w+) (string|boolean|integer|date|time|datetime) (\d+)(?: (required))?")
_POSSIBLE_VALUE = re.compile(r"• (\w+)")
_STATUS = re.compile(r"([a-z-]+) (?:(\d{3})|Uncommon)")


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of one of the contract's tables; there is at least one."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows, f"docs/contract/{name}.csv is empty"
    return rows


@pytest.fixture(scope="module")
def document() -> list[str]:
    """Return the lines of the API document, which lies beside the checkout where it is at hand."""
    if not DOCUMENT.is_file():
        pytest.skip("the API document is not at hand (../shared/contract beside the checkout)")
    return [line.strip() for line in DOCUMENT.read_text(encoding="utf-8").splitlines()]


def test_parameters_are_those_of_the_table() -> None:
    """The code declares the table's parameters, in its order, with all that it says of them."""
    declared = []
    for name in NAMES:
        field = Parameters.model_fields[name]
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        declared.append(
            (
                str(extra["position"]),
                name,
                type_of(name).name,
                "required" if field.is_required() else "",
                " ".join(type_of(name).values),
            )
        )
    assert declared == [
        (
            row["position"],
            row["name"],
            row["type"],
            row["required"],
            row["values"] or row["settled_values"],
        )
        for row in table("parameters")
    ]


def test_statuses_are_those_of_the_table() -> None:
    """The code has the table's statuses, in its order, with their codes and marks."""
    assert [
        (status.value, str(status.code), status.retryable, status.notified) for status in Status
    ] == [
        (
            row["name"],
            row["code"] or row["settled_code"],
            row["settled_retryable"] == "yes",
            row["settled_notified"] == "yes",
        )
        for row in table("statuses")
    ]


@pytest.mark.parametrize(("name", "column"), [("parameters", "values"), ("statuses", "code")])
def test_nothing_is_settled_against_the_document(name: str, column: str) -> None:
    """What the specification settles stands only where the document is silent."""
    assert not [row for row in table(name) if row[column] and row[f"settled_{column}"]]


def test_parameters_are_those_of_the_document(document: list[str]) -> None:
    """The table holds the document's parameters, in its order, with all that it says of them."""
    listed: list[list[str]] = []
    for line in document:
        if found := _PARAMETER.fullmatch(line):
            name, type_, position, required = found.groups(default="")
            listed.append([position, name, type_, required, ""])
        elif found := _POSSIBLE_VALUE.fullmatch(line):
            listed[-1][-1] = f"{listed[-1][-1]} {found[1]}".strip()
    columns = ("position", "name", "type", "required", "values")
    assert listed == [[row[column] for column in columns] for row in table("parameters")]


def test_statuses_are_those_of_the_document(document: list[str]) -> None:
    """The table holds the document's statuses, in its order, with the codes that it gives."""
    listed = [found.groups(default="") for line in document if (found := _STATUS.fullmatch(line))]
    assert listed == [(row["name"], row["code"]) for row in table("statuses")]
