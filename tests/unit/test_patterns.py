"""The OpenAPI document's patterns match what the parsers accept, and nothing else."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appointments import idempotency, parsers
from appointments.request import Request
from tests.unit.test_properties import accepted, days, nearly, spelled_date, spelled_time
from tools.documents import patterns

month_first = partial(spelled_date, month_first=True)
spelled_datetime = st.builds(
    "{}{}{}{}".format,
    days.flatmap(month_first),
    st.sampled_from(["T", " ", "  ", "T ", " \t", "\n", "t", ""]),
    st.times().flatmap(spelled_time),
    st.sampled_from(["", "Z", " Z", "+05:30", " -07:00", "+24:00", "z", "\n"]),
)
around = st.sampled_from(["{}", " {} ", "\n{}", "{}\t", "\u00a0{}\n"])
# The parser of each pattern, and texts that it accepts or nearly accepts.
PARSERS: dict[str, tuple[Callable[[Any], Any], st.SearchStrategy[str]]] = {
    "TEXT": (parsers.text, st.text(max_size=40)),
    "BOOLEAN": (parsers.boolean, st.sampled_from(["Yes", "oN", "F", "0", "no", "TRUE", "2", "yn"])),
    "INTEGER": (
        parsers.integer,
        st.integers(0, 2**64).map(str) | st.integers(2**63 - 9, 2**63 + 9).map("00{}".format),
    ),
    "DATE": (partial(parsers.calendar_date, month_first=False), days.flatmap(month_first)),
    "MONTH_FIRST_DATE": (
        partial(parsers.calendar_date, month_first=True),
        days.flatmap(month_first),
    ),
    "TIME": (parsers.time_of_day, st.times().flatmap(spelled_time)),
    "DATETIME": (partial(parsers.date_and_time, month_first=False), spelled_datetime),
    "MONTH_FIRST_DATETIME": (partial(parsers.date_and_time, month_first=True), spelled_datetime),
    "UUID": (
        parsers.uuid,
        st.builds(
            str.format,
            st.sampled_from(["{}", "{{{}}}", "urn:uuid:{}", "URN:uuid:{}", "{{{}", "urn:{}"]),
            st.uuids().map(str) | st.uuids().map(lambda each: each.hex.upper()),
        ),
    ),
}
TOO_LONG = re.compile(rf"\S\s{{{patterns.MAX_GAP},}}\S|[0-9]{{{patterns.MAX_FRACTION + 1}}}")
EVERY_DAY = [
    form.format(year=year, month=month, day=day)
    for form in ("{year}-{month:02}-{day:02}", "{month}/{day}/{year}")
    for year in (*range(1896, 1909), *range(1996, 2005), *range(2096, 2105), *range(2196, 2204))
    for month in range(14)
    for day in range(33)
]
EVERY_TIME = [
    f"{hour:{width}}:{minute}{half}"
    for width in ("", "02")
    for hour in range(26)
    for minute in ("00", "59", "60", "9")
    for half in ("", "AM", " pm")
]


def matches(name: str, text: str) -> bool:
    """Return whether the OpenAPI document says that a request may have this text."""
    matched = re.search(getattr(patterns, name), text) is not None
    return matched and not (name == "UUID" and re.search(patterns.NIL_OR_MAX_UUID, text))


def accepts(name: str, text: str) -> bool:
    """Return whether the function reads this text: as a value, or as *not passed*."""
    parse, _ = PARSERS[name]
    if parsers.is_blank(text):
        return True
    try:
        parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_text_that_matches_is_accepted(name: str, data: st.DataObject) -> None:
    """Each text that matches a pattern is accepted by its parser."""
    text = data.draw(st.from_regex(getattr(patterns, name)))
    assert accepts(name, text) == matches(name, text)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_text_that_is_accepted_matches(name: str, data: st.DataObject) -> None:
    """Each text that a parser accepts matches its pattern, unless its gaps are too long for it."""
    text = data.draw(around).format(data.draw(PARSERS[name][1] | nearly))
    assume("TIME" not in name or not TOO_LONG.search(text))
    assert matches(name, text) == accepts(name, text)


@pytest.mark.parametrize("name", ["DATE", "MONTH_FIRST_DATE", "DATETIME", "MONTH_FIRST_DATETIME"])
def test_every_day_of_the_calendar(name: str) -> None:
    """Leap years, the lengths of the months and the limits are those of the parser."""
    clock = " 7:30" if "TIME" in name else ""
    wrong = [day for day in EVERY_DAY if matches(name, day + clock) != accepts(name, day + clock)]
    assert not wrong


@pytest.mark.parametrize("name", ["TIME", "DATETIME", "MONTH_FIRST_DATETIME"])
def test_every_hour_of_the_clock(name: str) -> None:
    """The hours and minutes are those of the parser, with AM or PM and without."""
    day = "2027-01-05 " if "DATE" in name else ""
    wrong = [each for each in EVERY_TIME if matches(name, day + each) != accepts(name, day + each)]
    assert not wrong


@pytest.mark.parametrize("digit", ["0", "f", "F"])
@pytest.mark.parametrize("form", ["{}", "urn:uuid:{}", "{{{}}} "])
@pytest.mark.parametrize("hyphen", ["-", ""])
def test_the_nil_and_the_max_uuid(digit: str, form: str, hyphen: str) -> None:
    """They match neither pattern nor parser, in whatever spelling."""
    text = form.format(hyphen.join(digit * size for size in (8, 4, 4, 4, 12)))
    assert not matches("UUID", text)
    assert not accepts("UUID", text)


@given(text=st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["\0", " a\0"]))
def test_a_required_text_is_not_blank(text: str) -> None:
    """What a required text must match is what is neither *missing* nor *invalid*."""
    is_filled = not parsers.is_blank(text) and "\0" not in text
    assert (re.search(patterns.FILLED_TEXT, text) is not None) == is_filled


@given(text=accepted["boolean"].map(str) | nearly)
def test_month_first_is_what_is_read_as_true(text: str) -> None:
    """What selects M/D/YYYY in the document does so in the function."""
    is_true = not parsers.is_blank(text) and accepts("BOOLEAN", text) and parsers.boolean(text)
    assert (re.search(patterns.TRUE, text) is not None) == is_true


@given(
    key=st.from_regex(patterns.IDEMPOTENCY_KEY, fullmatch=True)
    | st.text(st.characters(codec="ascii"))
)
def test_an_idempotency_key_is_accepted_if_it_matches(key: str) -> None:
    """The function accepts an Idempotency-Key exactly if it matches, as far as it is ASCII."""
    request = Request(id="req-1", received_at=0, idempotency_key=key)
    matched = re.fullmatch(patterns.IDEMPOTENCY_KEY, key.strip()) is not None
    assert matched == (not idempotency.key_errors(request))
