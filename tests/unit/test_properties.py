"""What holds of every value that can be sent, searched for counterexamples."""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time
from functools import partial
from time import thread_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from appointments import parameters, parsers, validation
from appointments.errors import ApiError
from appointments.parameters import NAMES, NOT_IN_FINGERPRINT, Parameters, type_of
from tests.unit.reading import REQUIRED, mask, read

# --- what can be sent ----------------------------------------------------------------------------

# JSON's values as they arrive; 1e400 arrives as infinity.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**63 - 2, 2**63 + 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
# Texts that are nearly dates, times, numbers, booleans or UUIDs, more often than chance has it.
nearly = st.text("0123456789/-:., TZ+AaPpMm\n", max_size=30) | st.sampled_from(
    ["Yes", "oN", "{", "0" * 32, "2027-02-29", "24:00", "12:00 AM", "1/5/2027", "१२"]
)

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
clocks = st.times()
zones = st.sampled_from(["", "Z", "+00:00", "-07:00", "+05:30", "+23:59"])
padding = st.sampled_from(["", " ", "\n", "\t "])


@st.composite
def spelled_date(draw: st.DrawFn, day: date, *, month_first: bool) -> str:
    """Return one of the ways in which `day` may be sent."""
    month = draw(st.sampled_from([f"{day.month}", f"{day.month:02}"]))
    number = draw(st.sampled_from([f"{day.day}", f"{day.day:02}"]))
    iso = f"{day.year}-{month}-{number}"
    return draw(st.sampled_from([iso, f"{month}/{number}/{day.year}"])) if month_first else iso


@st.composite
def spelled_time(draw: st.DrawFn, clock: time) -> str:
    """Return one of the ways in which `clock` may be sent."""
    hour, half = clock.hour, ""
    if draw(st.booleans()):
        half = draw(st.sampled_from(["", " "])) + draw(
            st.sampled_from(["PM", "pm", "Pm"] if hour >= 12 else ["AM", "am", "aM"])
        )
        hour = hour % 12 or 12
    spelled = draw(st.sampled_from([f"{hour}", f"{hour:02}"])) + f":{clock.minute:02}"
    if clock.second or clock.microsecond or draw(st.booleans()):
        spelled += f":{clock.second:02}"
        if clock.microsecond or draw(st.booleans()):
            spelled += draw(st.sampled_from([".", ","])) + f"{clock.microsecond:06}"
            spelled += draw(st.text("0123456789", max_size=5))
    return spelled + half


accepted: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
    | st.integers()
    | st.floats(allow_infinity=False, allow_nan=False),
    "boolean": st.booleans() | st.sampled_from([0, 1, "yes", "NO", " t ", "off"]),
    "integer": st.integers(0, 2**63 - 1) | st.integers(0, 2**63 - 1).map(str),
    "date": days.flatmap(partial(spelled_date, month_first=False)),
    "time": clocks.flatmap(spelled_time),
    "datetime": st.builds(
        "{}T{}".format,
        days.flatmap(partial(spelled_date, month_first=False)),
        clocks.flatmap(spelled_time),
    ),
}
narrow: dict[str, st.SearchStrategy[Any]] = {
    "token": st.just(REQUIRED["token"]),
    "application": st.sampled_from(parameters.APPLICATIONS),
    "session_view": st.sampled_from(parameters.SESSION_VIEWS),
    "uuid": st.uuids(version=4).map(str),
    # With it true every SQL date is remarked on: sent where a test says so.
    "month_first": st.none(),
}


by_name = {name: accepted[type_of(name).name] for name in NAMES} | narrow
required = {name: st.just(value) for name, value in REQUIRED.items()}
good_requests: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    required, optional={name: by_name[name] for name in NAMES if name not in REQUIRED}
)
any_requests: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(NAMES), anything | nearly
) | st.fixed_dictionaries(
    required,
    optional={name: anything | nearly | by_name[name] for name in NAMES if name not in REQUIRED},
)

# --- the readers ---------------------------------------------------------------------------------

DATE = r"(19|20|21)[0-9]{2}-[01][0-9]-[0-3][0-9]"
TIME = r"[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{6})?"
MOMENT = rf"{DATE}T{TIME}(Z|[+-][0-2][0-9]:[0-5][0-9])?"

# Each reader with the one form of all that it accepts.
READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "string": (parsers.text, r"[^\r\0]*"),
    "trimmed": (parsers.trimmed, r"(\S|\S[^\r\0]*\S)?"),
    "boolean": (parsers.boolean, "true|false"),
    "integer": (parsers.integer, "0|[1-9][0-9]{0,18}"),
    "date": (partial(parsers.calendar_date, month_first=False), DATE),
    "date, month first": (partial(parsers.calendar_date, month_first=True), DATE),
    "time": (parsers.time_of_day, TIME),
    "datetime": (
        partial(parsers.date_and_time, month_first=False),
        MOMENT,
    ),
    "datetime, month first": (
        partial(parsers.date_and_time, month_first=True),
        MOMENT,
    ),
    "uuid": (parsers.uuid, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_parser_has_one_stored_form(name: str, data: st.DataObject) -> None:
    """Whatever is accepted becomes the normal form, which is read unchanged; else ValueError."""
    read, form = READERS[name]
    of_its_type = accepted.get(name.partition(",")[0], st.uuids().map(str))
    value = data.draw(anything | nearly | of_its_type)
    normal, refusal = None, ""
    try:
        normal = read(value)
    except ValueError as refused:
        refusal = str(refused)
    if refusal:
        assert re.search(r"\bSend ", refusal)
        return
    assert re.fullmatch(form, normal if isinstance(normal, str) else json.dumps(normal))
    again = read(normal)
    assert (again, type(again)) == (normal, type(normal))


@pytest.mark.parametrize("name", READERS)
@given(unit=st.sampled_from(list("0123456789/-:., {}fT")), value=nearly)
def test_a_reader_is_quick_whatever_is_sent(name: str, unit: str, value: str) -> None:
    """A text as long as a body is read or refused as any other: no pattern runs away."""
    read, _ = READERS[name]
    before = thread_time()  # this thread's own: what else the machine does takes none of it
    for long in (unit * 48_000 + value, value + unit * 48_000):
        with suppress(ValueError):
            read(long)
    assert thread_time() - before < 0.25, "a pattern tries again from every character"


@given(day=days, month_first=st.booleans(), around=padding, data=st.data())
def test_every_spelling_of_a_day(
    day: date, month_first: bool, around: str, data: st.DataObject
) -> None:
    """Every day of 1900 to 2199, however it is spelled, is read as that day."""
    sent = around + data.draw(spelled_date(day, month_first=month_first)) + around
    assert parsers.calendar_date(sent, month_first=month_first) == day.isoformat()


@given(clock=clocks, around=padding, data=st.data())
def test_every_spelling_of_a_time(clock: time, around: str, data: st.DataObject) -> None:
    """Every time of day, however it is spelled, is read as that time."""
    assert parsers.time_of_day(around + data.draw(spelled_time(clock))) == clock.isoformat()


@given(day=days, clock=clocks, zone=zones, joint=st.sampled_from(["T", " ", "   "]))
def test_every_moment_in_the_iso_form(day: date, clock: time, zone: str, joint: str) -> None:
    """Every moment in the ISO form is read as that moment, its zone kept."""
    read = parsers.date_and_time(f"{day}{joint}{clock.isoformat()}{zone}", month_first=False)
    assert read == f"{datetime.combine(day, clock).isoformat()}{zone}"


@given(day=days, clock=clocks, data=st.data())
def test_every_moment_as_filemaker_sends_it(day: date, clock: time, data: st.DataObject) -> None:
    """Every moment with its month first, in 12 or 24 hours, is read as that moment."""
    sent = f"{data.draw(spelled_date(day, month_first=True))} {data.draw(spelled_time(clock))}"
    read = parsers.date_and_time(sent, month_first=True)
    assert read == datetime.combine(day, clock).isoformat()


@given(number=st.integers(0, 2**63 - 1), zeros=st.integers(0, 5), around=padding)
def test_every_spelling_of_a_whole_number(number: int, zeros: int, around: str) -> None:
    """Every whole number up to 2^63-1 is read from its digits, and from a JSON number."""
    assert parsers.integer(f"{around}{'0' * zeros}{number}{around}") == number
    assert parsers.integer(number) == number


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_as_text(number: float) -> None:
    """The text of a number is the number again, in digits alone, and no shorter one is."""
    text = parsers.text(number)
    assert float(text) == number
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]*[1-9])?", text)


@given(number=st.uuids(), around=st.sampled_from(["{}", "{{{}}}", "urn:uuid:{}", " {} "]))
def test_every_spelling_of_a_uuid(number: UUID, around: str) -> None:
    """Every UUID but the nil and the max one is read in each of its spellings."""
    assume(0 < number.int < 2**128 - 1)
    for spelled in (str(number), number.hex, str(number).upper()):
        assert parsers.uuid(around.format(spelled)) == str(number)


# --- a request -----------------------------------------------------------------------------------


@given(values=any_requests, unknown=st.lists(st.text(max_size=50), max_size=30))
def test_no_request_raises_anything_but_failure(values: dict[str, Any], unknown: list[str]) -> None:
    """Any request is read or refused, and every fault says what to send and repeats little."""
    failure = None
    try:
        _, warnings = validation.read(values, unknown=unknown, redact=mask)
    except ApiError as refused:
        failure, warnings = refused, list(refused.warnings)
    if failure:
        assert failure.errors
        for fault in failure.errors:
            assert fault.param in NAMES
            assert re.search(r"\bSend ", fault.message)
            assert len(fault.received or "") <= 100
            assert fault.param != "token" or fault.received is None
    assert len([each for each in warnings if each.param not in NAMES]) <= 21


@given(sent=good_requests)
def test_what_is_stored_is_read_back_the_same(sent: dict[str, Any]) -> None:
    """What is stored, sent again as it is, is stored the same, as the same content."""
    first, _ = validation.read(sent, redact=mask)
    again = read_again(first)
    assert again.appointment() == first.appointment()
    assert again.fingerprint == first.fingerprint


@given(sent=good_requests)
def test_what_is_stored_is_read_back_with_month_first(sent: dict[str, Any]) -> None:
    """Sent with `month_first`, it is stored the same too, and each of its dates is remarked on."""
    first, _ = validation.read(sent, redact=mask)
    again = read_again(first, month_first=True)
    _, warnings = validation.read(first.model_dump() | {"month_first": True}, redact=mask)
    assert again.appointment() == first.appointment()
    dated = [name for name in first.appointment() if type_of(name).name in ("date", "datetime")]
    remarked = {each.param for each in warnings if "month_first" in each.message}
    assert remarked == set(dated)


def read_again(parameters: Parameters, **values: Any) -> Parameters:
    """Return what is read of the normal forms."""
    return validation.read(REQUIRED | parameters.appointment() | values, redact=mask)[0]


@given(sent=good_requests, data=st.data())
def test_order_does_not_matter(sent: dict[str, Any], data: st.DataObject) -> None:
    """The same parameters in another order are the same request."""
    shuffled = dict(data.draw(st.permutations(list(sent.items()))))
    assert validation.read(shuffled)[0].fingerprint == validation.read(sent)[0].fingerprint


@given(one=good_requests, other=good_requests)
def test_fingerprints_of_two_contents_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two requests have one fingerprint exactly if they ask for the same appointment."""
    read = [validation.read(sent)[0] for sent in (one, other)]
    contents = [
        {
            name: (value, type(value))
            for name, value in each.appointment().items()
            if name not in ("uuid", "updated_at_mt", "updated_at")
        }
        for each in read
    ]
    fingerprints = [each.fingerprint for each in read]
    assert (contents[0] == contents[1]) == (fingerprints[0] == fingerprints[1])


# Of characters that JSON escapes too; without a digit it is part of no date and no number.
tokens = st.text('abcXYZ"\\/{}<>\téあ', min_size=8, max_size=20).filter(
    lambda token: token == token.strip()
) | st.uuids(version=4).map(str)


@given(token=tokens, values=any_requests, data=st.data())
def test_the_token_is_in_nothing_that_is_given_back(
    token: str, values: dict[str, Any], data: st.DataObject
) -> None:
    """Wherever a request holds its token, nothing that is logged, stored or returned does."""
    around = st.builds("{}{}{}".format, st.text(max_size=120), st.just(token), st.text(max_size=9))
    holders = around | st.just(token) | st.lists(around) | st.dictionaries(around, around)
    planted = data.draw(st.dictionaries(st.sampled_from(NAMES), holders, min_size=1))
    unknown = data.draw(st.lists(around, max_size=3))
    sent = values | planted | {"token": token}
    try:
        parameters, warnings = validation.read(
            sent, unknown=unknown, redact=lambda text: text.replace(token, "***")
        )
        given_back: list[Any] = [*parameters.appointment().values()]
    except ApiError as failure:
        warnings = list(failure.warnings)
        given_back = [failure.message]
        for fault in failure.errors:
            given_back += [fault.param, fault.message, fault.received]
    for warning in warnings:
        given_back += [warning.param, warning.message]
    assert not [each for each in given_back if token in str(each)]


@given(accepted["string"])
@example("caf\u00e9 \U0001f4f7 \x7f \x01 \u2028 \\")
def test_the_fingerprint_is_that_of_pythons_json(notes: Any) -> None:
    """It is the SHA-256 of the sorted content as json.dumps writes it, whatever a text holds."""
    parameters = read(notes=notes)
    stored = parameters.appointment().items()
    content = {name: value for name, value in stored if name not in NOT_IN_FINGERPRINT}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert parameters.fingerprint == hashlib.sha256(canonical.encode()).hexdigest()
