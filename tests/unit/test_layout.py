"""Lists of the commands: nothing that a person copies is cut or wrapped."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from appointments_operator.layout import Columns, print_list, relative

UUID = str(uuid4())
COLUMNS: Columns = {
    "Appointment": lambda item: item["uuid"],
    "Email": lambda item: item["email"],
    "Reason": lambda item: item["reason"],
}
ITEM = {"uuid": UUID, "email": "failed", "reason": "rex@rejected.test rejected (hard-bounce)"}


def printed(capsys: pytest.CaptureFixture[str], items: list[dict[str, Any]], **options: Any) -> str:
    """Print a list; return what was printed."""
    print_list(items, COLUMNS, empty="None yet.", **options)
    return capsys.readouterr().out


def test_a_list_that_fits_is_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each item has one line below the headings, without frames and colours."""
    monkeypatch.setenv("COLUMNS", "100")
    assert printed(capsys, [ITEM, ITEM]).splitlines() == [
        f"Appointment{' ' * 25}  Email   Reason",
        f"{UUID}  failed  rex@rejected.test rejected (hard-bounce)",
        f"{UUID}  failed  rex@rejected.test rejected (hard-bounce)",
    ]


@pytest.mark.parametrize("columns", [80, 50, 20])
def test_a_list_that_does_not_fit_is_one_block_per_item(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Each value has its own line, wrapped between words; no id is cut, however narrow it is."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = printed(capsys, [ITEM, ITEM]).splitlines()
    assert lines.count(f"Appointment  {UUID}") == 2
    assert lines.count("") == 1
    assert any("rex@rejected.test" in line for line in lines)
    if columns > 36 + 13:
        assert max(map(len, lines)) <= columns


def test_without_a_width_an_item_has_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe or a file gets a line per item, for grep."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert len(printed(capsys, [{**ITEM, "reason": "long " * 100}]).splitlines()) == 2


def test_a_column_without_a_value_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A heading with nothing below it says nothing."""
    assert "Reason" not in printed(capsys, [{**ITEM, "reason": ""}])


def test_an_empty_list_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """For people; programs get an empty list."""
    assert printed(capsys, []) == "None yet.\n"
    assert printed(capsys, [], as_json=True) == "[]\n"


def test_programs_get_the_items(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the items themselves; a number is a number."""
    item = {"n": Decimal(5), "part": Decimal("0.5"), "set": {"b", "a"}, "bytes": b"\x00"}
    assert json.loads(printed(capsys, [item], as_json=True)) == [
        {"n": 5, "part": 0.5, "set": ["a", "b"], "bytes": "AA=="}
    ]


def test_no_text_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and line breaks of a logged text are spaces."""
    assert "red[0m text" not in (out := printed(capsys, [{**ITEM, "reason": "a\x1b[31mred\nb"}]))
    assert "\x1b" not in out
    assert out.splitlines()[1].endswith("a [31mred b")


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(seconds=40), "in 40 s"),
        (timedelta(minutes=3), "in 3 min"),
        (timedelta(hours=-2), "2 h ago"),
        (timedelta(days=-3), "3 d ago"),
    ],
)
def test_a_time_is_relative(
    distance: timedelta, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People read how far away a moment is."""
    at = datetime(2027, 1, 5, tzinfo=UTC)

    class Fixed(datetime):
        @classmethod
        def now(cls, _: Any = None) -> Any:
            return at

    monkeypatch.setattr("appointments_operator.layout.datetime", Fixed)
    assert relative(at + distance) == text
