"""Specification section 3, sentence by sentence: how a value is read."""

import time
from typing import Any

import pytest

from appointments import parameters, validation
from appointments.errors import ApiError, ParamError
from appointments.parameters import NAMES, type_of
from appointments.statuses import Status
from tests.unit.reading import REQUIRED, TOKEN, kept, mask, param_errors, read, refused, warned

BLANK = [None, "", " ", "\t\r\n", "\u00a0"]
# What no type takes.
STRUCTURES: list[Any] = [[], {}, ["1"], {"value": "1"}]
LARGEST = 2**63 - 1
UUID = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"

accepts = pytest.mark.parametrize
refuses = pytest.mark.parametrize


# --- every parameter -----------------------------------------------------------------------------

# A value that is not in the normal form, and its normal form, by type.
SPELLINGS: dict[str, tuple[Any, Any]] = {
    "string": (1.50, "1.5"),
    "boolean": ("Yes", True),
    "integer": (" 7 ", 7),
    "date": ("2027-1-5", "2027-01-05"),
    "time": ("7:30 pm", "19:30:00"),
    "datetime": ("2027-1-5 7:30 pm", "2027-01-05T19:30:00"),
}
NARROW = {
    "application": (" planox2 ", "planox2"),
    "session_view": (" full ", "full"),
    "uuid": (UUID.upper(), UUID),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_is_read_as_its_type(name: str) -> None:
    """Every parameter of a type is read by that type's rules."""
    sent, normal = NARROW.get(name) or SPELLINGS[type_of(name).name]
    assert kept(**{name: sent}) == normal


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", STRUCTURES)
def test_no_parameter_takes_an_array_or_an_object(name: str, value: Any) -> None:
    """An array or an object is invalid for every parameter, and for it alone."""
    assert list(param_errors(**{name: value})) == [name]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REQUIRED])
@pytest.mark.parametrize("value", BLANK)
def test_blank_is_not_passed(name: str, value: Any) -> None:
    """null, and "" or white space for anything, means not passed."""
    assert kept(**{name: value}) is None


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", BLANK)
def test_blank_is_missing_where_it_is_required(name: str, value: Any) -> None:
    """For `token` and `updated_at_mt` a blank is missing-param."""
    failure = refused(**{name: value})
    assert failure.status is Status.MISSING_PARAM
    assert [(fault.param, fault.status) for fault in failure.errors] == [
        (name, Status.MISSING_PARAM)
    ]


def test_all_faults_come_at_once() -> None:
    """All faults come at once, in the contract's order, missing and invalid ones in one list."""
    failure = refused(
        order_id="x", updated_at_mt=None, confirmed="maybe", date_start_local="13/45/2026"
    )
    assert failure.status is Status.MISSING_PARAM
    assert [(fault.param, fault.status.value, fault.received) for fault in failure.errors] == [
        ("confirmed", "invalid-param", "maybe"),
        ("date_start_local", "invalid-param", "13/45/2026"),
        ("order_id", "invalid-param", "x"),
        ("updated_at_mt", "missing-param", None),
    ]


def test_every_parameter_may_be_at_fault_at_once() -> None:
    """A request in which everything is wrong gets all errors; month_first is right here."""
    assert list(param_errors(**{name: [] for name in NAMES} | {"month_first": False})) == [
        name for name in NAMES if name != "month_first"
    ]


def test_errors_outside_the_parameters_are_listed_with_theirs() -> None:
    """An error in a header is listed together with those of the parameters."""
    beside = [ParamError("Idempotency-Key", Status.INVALID_PARAM, "Send less.")]
    with pytest.raises(ApiError) as alone:
        validation.read(REQUIRED, extra_errors=beside)
    with pytest.raises(ApiError) as together:
        validation.read({**REQUIRED, "confirmed": "maybe"}, extra_errors=beside)
    assert alone.value.errors == tuple(beside)
    assert [fault.param for fault in together.value.errors] == ["confirmed", "Idempotency-Key"]


def test_a_refused_request_gets_the_warnings_too() -> None:
    """Warnings stand in every answer, a refusal's too."""
    with pytest.raises(ApiError) as caught:
        validation.read({**REQUIRED, "order_id": 0, "confirmed": "maybe"}, unknown=["nots"])
    assert [warning.param for warning in caught.value.warnings] == ["nots", "order_id"]


# --- string --------------------------------------------------------------------------------------


@accepts(
    ("sent", "normal"),
    [
        ("as sent", "as sent"),
        ("  not trimmed \t", "  not trimmed \t"),
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("\r\r\n.", "\n\n."),
        ("Größe 😀", "Größe 😀"),
        ("null", "null"),
        (1.50, "1.5"),
        (12, "12"),
        (12.0, "12"),
        (-3, "-3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_string(sent: Any, normal: str) -> None:
    r"""Kept as sent, never trimmed, with `\n` for line ends; a number is its shortest decimal."""
    assert kept(notes=sent) == normal


@refuses("sent", [True, False, *STRUCTURES, "a\0b", float("inf")])
def test_not_a_string(sent: Any) -> None:
    """A boolean, array or object is invalid, and so is a NUL character."""
    assert "Send text" in param_errors(notes=sent)["notes"]


@accepts(
    ("name", "sent", "normal"),
    [
        ("token", f" {TOKEN}\n", TOKEN),
        ("application", "\tplanoorder ", "planoorder"),
        ("session_view", " full\r\n", "full"),
        ("uuid", f"  {UUID} ", UUID),
        ("confirmed", " true ", True),
        ("order_id", " 12\n", 12),
        ("requested_date", " 2027-01-05 ", "2027-01-05"),
        ("requested_time", "\t19:30 ", "19:30:00"),
        ("confirmed_at", " 2027-01-05 19:30 ", "2027-01-05T19:30:00"),
    ],
)
def test_what_is_no_free_text_is_trimmed(name: str, sent: str, normal: Any) -> None:
    """`token`, `application`, `session_view`, `uuid`, and other types are read after trimming."""
    assert kept(**{name: sent}) == normal


# --- boolean -------------------------------------------------------------------------------------


@accepts("sent", [True, 1, 1.0, "true", "1", "yes", "y", "t", "on", "TRUE", "Yes", "oN"])
def test_true(sent: Any) -> None:
    """true, 1, and in any case "true", "1", "yes", "y", "t", "on"."""
    assert kept(confirmed=sent) is True


@accepts("sent", [False, 0, 0.0, "false", "0", "no", "n", "f", "off", "FALSE", "No", "oFF"])
def test_false(sent: Any) -> None:
    """false, 0, and in any case "false", "0", "no", "n", "f", "off"; it is passed, not blank."""
    assert kept(confirmed=sent) is False


@refuses("sent", [2, -1, 0.5, "2", "1.0", "yess", "ja", "x", float("inf"), *STRUCTURES])
def test_not_a_boolean(sent: Any) -> None:
    """Any other value is invalid."""
    assert "Send true or false" in param_errors(confirmed=sent)["confirmed"]


# --- integer -------------------------------------------------------------------------------------


@accepts(
    ("sent", "normal"),
    [
        (0, 0),
        (12, 12),
        (12.0, 12),
        ("12", 12),
        ("0012", 12),
        ("0" * 50 + "1", 1),
        (LARGEST, LARGEST),
        (str(LARGEST), LARGEST),
    ],
)
def test_integer(sent: Any, normal: int) -> None:
    """A whole number, or the text of one; the JSON number 12.0 is 12."""
    number = kept(time_duration_s=sent)
    assert (number, type(number)) == (normal, int)


@refuses(
    "sent",
    [
        -1,
        -1.0,
        1.5,
        True,
        False,
        LARGEST + 1,
        float(2**63),
        1e300,
        float("inf"),
        *STRUCTURES,
        *("-1", "+1", "1.0", "1.5", "1,200", "1 200", "1_000", "1e3", "0x1", "true", "१२", "²"),
        str(LARGEST + 1),
        "9" * 5000,
    ],
)
def test_not_an_integer(sent: Any) -> None:
    """Negative, fractional, `true`, "1,200" or above 2^63-1, a sign, an exponent: invalid."""
    assert "Send a whole number from 0 to" in param_errors(time_duration_s=sent)["time_duration_s"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_id")])
@pytest.mark.parametrize("sent", [0, "0", "000", 0.0])
def test_an_id_of_0_is_not_passed(name: str, sent: Any) -> None:
    """`0` for an …_id means not passed and gives a warning."""
    assert kept(**{name: sent}) is None
    assert [param for param, _ in warned(**{name: sent})] == [name]


# --- date ----------------------------------------------------------------------------------------

ISO_DATES = [
    ("2027-01-05", "2027-01-05"),
    ("2027-1-5", "2027-01-05"),
    ("2027-12-5", "2027-12-05"),
    ("2028-02-29", "2028-02-29"),
    ("1900-01-01", "1900-01-01"),
    ("2199-12-31", "2199-12-31"),
]
NO_DATES = [
    "27-01-05",
    "20270105",
    20270105,
    1.5,
    True,
    "2027-01",
    "2027-001-05",
    "2027-01-05T00:00:00",
    "2027-01-05 00:00",
    "2027-01-05Z",
    "2027/01/05",
    "05.01.2027",
    "Jan 5 2027",
    "२०२७-०१-०५",
    "today",
    *STRUCTURES,
]
NO_DAYS = ["2027-02-29", "1900-02-29", "2027-13-05", "2027-00-05", "2027-01-00", "2027-04-31"]
TOO_FAR = ["1899-12-31", "2200-01-01", "0001-01-01", "9999-12-31", "0000-01-01"]


@accepts(("sent", "normal"), ISO_DATES)
def test_date(sent: str, normal: str) -> None:
    """YYYY-MM-DD, leading zeros optional, from 1900-01-01 to 2199-12-31."""
    assert kept(requested_date=sent) == normal
    assert warned(requested_date=sent) == []


@accepts(("sent", "normal"), ISO_DATES)
def test_date_in_the_sql_form_with_month_first(sent: str, normal: str) -> None:
    """With `month_first` true a YYYY-MM-DD date still passes, with a warning."""
    assert kept(requested_date=sent, month_first=True) == normal
    ((param, message),) = warned(requested_date=sent, month_first=True)
    assert param == "requested_date"
    assert normal in message


@accepts(
    ("sent", "normal"),
    [
        ("1/5/2027", "2027-01-05"),
        ("01/05/2027", "2027-01-05"),
        ("12/31/2199", "2199-12-31"),
        ("2/29/2028", "2028-02-29"),
    ],
)
@pytest.mark.parametrize("month_first", [True, 1, "1", "Yes", " true "])
def test_date_with_month_first(sent: str, normal: str, month_first: Any) -> None:
    """With `month_first` true, M/D/YYYY."""
    assert kept(requested_date=sent, month_first=month_first) == normal
    assert warned(requested_date=sent, month_first=month_first) == []


@refuses("sent", ["1/5/2027", "13/45/2026", "31/12/2027"])
@pytest.mark.parametrize("month_first", [None, "", False, "0", "no"])
def test_a_slash_date_needs_month_first(sent: str, month_first: Any) -> None:
    """A slash date without `month_first` is invalid, and the message names `month_first`."""
    assert (
        "month_first"
        in param_errors(requested_date=sent, month_first=month_first)["requested_date"]
    )


@refuses("sent", NO_DATES + NO_DAYS + TOO_FAR)
@pytest.mark.parametrize("month_first", [False, True])
def test_not_a_date(sent: Any, month_first: bool) -> None:
    """No real calendar date, a two-digit year, a bare number, or a date with a time is invalid."""
    errors = param_errors(requested_date=sent, month_first=month_first)
    assert list(errors) == ["requested_date"]


@refuses(
    "sent", ["13/1/2027", "31/12/2027", "1/5/27", "2027/1/5", "0/5/2027", "1-5-2027", "2/30/2027"]
)
def test_not_a_date_with_month_first(sent: str) -> None:
    """Month and day are never swapped by guess."""
    assert "M/D/YYYY" in param_errors(requested_date=sent, month_first=True)["requested_date"]


@pytest.mark.parametrize("sent", ["soon", "2027-02-30", "2/30/2027", "2027"])
@pytest.mark.parametrize("clock", ["", " 19:30"])
@pytest.mark.parametrize(
    ("month_first", "form", "other"),
    [(True, "M/D/YYYY", "YYYY-MM-DD"), (False, "YYYY-MM-DD", "M/D/YYYY")],
)
def test_the_message_names_the_form_of_a_date(
    sent: str, clock: str, form: str, other: str, *, month_first: bool
) -> None:
    """What is said of a date or a datetime names the form that `month_first` sets."""
    name = "confirmed_at" if clock else "requested_date"
    message = param_errors(**{name: sent + clock, "month_first": month_first})[name]
    assert form in message
    assert other not in message or "month_first" in message


@pytest.mark.parametrize("month_first", ["maybe", 2, [], "MM/DD/YYYY"])
@pytest.mark.parametrize("date", ["1/5/2027", "2027-01-05", "nonsense", 20270105])
def test_an_invalid_month_first_is_alone_at_fault(month_first: Any, date: Any) -> None:
    """If `month_first` itself is invalid, only it is at fault, not the dates that hang on it."""
    errors = param_errors(month_first=month_first, requested_date=date, confirmed_at=date)
    assert list(errors) == ["month_first"]


def test_an_invalid_month_first_hides_no_other_fault() -> None:
    """What does not hang on `month_first` is judged all the same."""
    assert list(param_errors(month_first="maybe", requested_time="7 PM")) == [
        "requested_time",
        "month_first",
    ]


# --- time ----------------------------------------------------------------------------------------

TIMES = [
    ("7:30", "07:30:00"),
    ("07:30", "07:30:00"),
    ("19:30:05", "19:30:05"),
    ("0:00", "00:00:00"),
    ("23:59:59", "23:59:59"),
    ("7:30:05.5", "07:30:05.500000"),
    ("7:30:05,25", "07:30:05.250000"),
    ("7:30:05.123456789", "07:30:05.123456"),
    ("7:30:05.0000009", "07:30:05"),
    ("7:30:05.000", "07:30:05"),
    ("7:30 PM", "19:30:00"),
    ("7:30 am", "07:30:00"),
    ("7:30pM", "19:30:00"),
    ("07:30:05.5 PM", "19:30:05.500000"),
    ("12:00 AM", "00:00:00"),
    ("12:59 PM", "12:59:00"),
    ("1:00 PM", "13:00:00"),
    ("11:59:59 PM", "23:59:59"),
]
NO_TIMES = [
    "24:00:00",
    "24:00",
    "23:60",
    "23:59:60",
    "7 PM",
    "7",
    "730",
    730,
    7.5,
    True,
    "7:5",
    "7:30:5",
    "007:30",
    "7:30.5",
    "7:30:05.",
    "7.30",
    "13:00 PM",
    "0:30 AM",
    "0:30 PM",
    "7:30 P",
    "7:30 P.M.",
    "7:30Z",
    "7:30+01:00",
    "7:30 EST",
    "7:30 UTC",
    "-7:30",
    "2027-01-05 7:30",
    "७:३०",
    "noon",
    *STRUCTURES,
]


@accepts(("sent", "normal"), TIMES)
def test_time(sent: str, normal: str) -> None:
    """H:MM or H:MM:SS, a fraction after . or , (cut off at six digits), 24-hour or with AM/PM."""
    assert kept(requested_time=sent) == normal


@refuses("sent", NO_TIMES)
def test_not_a_time(sent: Any) -> None:
    """24:00:00, 7 PM, a zone or an offset is invalid."""
    assert "Send" in param_errors(requested_time=sent)["requested_time"]


# --- datetime ------------------------------------------------------------------------------------


@accepts(
    ("sent", "normal"),
    [
        ("2027-01-05T19:30:00", "2027-01-05T19:30:00"),
        ("2027-1-5 7:30", "2027-01-05T07:30:00"),
        ("2027-1-5   7:30 PM", "2027-01-05T19:30:00"),
        ("2027-01-05T19:30:00.5", "2027-01-05T19:30:00.500000"),
        ("2027-01-05T19:30:00,1234567", "2027-01-05T19:30:00.123456"),
        ("2027-01-05T19:30:00Z", "2027-01-05T19:30:00Z"),
        ("2027-01-05T19:30Z", "2027-01-05T19:30:00Z"),
        ("2027-01-05 19:30:00-07:00", "2027-01-05T19:30:00-07:00"),
        ("2027-01-05T19:30:00.25+05:30", "2027-01-05T19:30:00.250000+05:30"),
    ],
)
def test_datetime(sent: str, normal: str) -> None:
    """A date and a time joined by `T` or spaces; ISO `Z` or ±HH:MM may follow and is kept."""
    assert kept(confirmed_at=sent) == normal
    assert warned(confirmed_at=sent) == []
    assert kept(confirmed_at=sent, month_first=True) == normal
    assert [param for param, _ in warned(confirmed_at=sent, month_first=True)] == ["confirmed_at"]


@accepts(
    ("sent", "normal"),
    [
        ("1/5/2027 7:30 PM", "2027-01-05T19:30:00"),
        ("01/05/2027 19:30:05", "2027-01-05T19:30:05"),
        ("1/5/2027T19:30", "2027-01-05T19:30:00"),
        ("1/5/2027 7:30:05,5", "2027-01-05T07:30:05.500000"),
    ],
)
def test_datetime_with_month_first(sent: str, normal: str) -> None:
    """The date comes in the format that `month_first` sets."""
    assert kept(confirmed_at=sent, month_first=True) == normal
    assert warned(confirmed_at=sent, month_first=True) == []
    assert "month_first" in param_errors(confirmed_at=sent)["confirmed_at"]


@refuses(
    "sent",
    [
        "2027-01-05",
        "19:30:00",
        "2027-01-0519:30:00",
        "2027-01-05_19:30:00",
        "2027-01-05T24:00:00",
        "2027-02-29T19:30:00",
        "2027-01-05T7 PM",
        "2027-01-05T19:30:00+07",
        "2027-01-05T19:30:00+0700",
        "2027-01-05T19:30:00+24:00",
        "2027-01-05T19:30:00+07:60",
        "2027-01-05T19:30:00 EST",
        "2027-01-05T19:30:00ZZ",
        "2027-01-05T7:30 PMZ",
        "2027-01-05 7:30 PM Z",
        "2027-01-05 7:30 PM +01:00",
        "1/5/2027 19:30:00Z",
        "1/5/2027 19:30:00-07:00",
        "1899-12-31T19:30:00",
        1799000000,
        1799000000.5,
        True,
        *STRUCTURES,
    ],
)
@pytest.mark.parametrize("month_first", [False, True])
def test_not_a_datetime(sent: Any, month_first: bool) -> None:
    """A date or a time alone, a zone that is not ISO or follows another form: invalid."""
    assert "Send" in param_errors(confirmed_at=sent, month_first=month_first)["confirmed_at"]


# --- application, session_view, uuid -------------------------------------------------------------


@pytest.mark.parametrize("application", ["planoauth", "planoorder", "planox2"])
def test_application(application: str) -> None:
    """`planoauth`, `planoorder` or `planox2`."""
    assert kept(application=application) == application


@pytest.mark.parametrize("view", ["default", "full"])
def test_session_view(view: str) -> None:
    """`default` or `full`."""
    assert kept(session_view=view) == view


@refuses("sent", ["PlanoOrder", "planox", "planoauth planoorder", 1, True, *STRUCTURES])
@pytest.mark.parametrize("name", ["application", "session_view"])
def test_not_a_possible_value(name: str, sent: Any) -> None:
    """Any other value is invalid, and where it was a text the message lists the possible ones."""
    message = param_errors(**{name: sent})[name]
    if isinstance(sent, str):
        assert all(value in message for value in type_of(name).values)


@accepts(
    "sent",
    [
        UUID,
        UUID.upper(),
        UUID.replace("-", ""),
        f"{{{UUID}}}",
        f"{{{UUID.replace('-', '')}}}",
        f"urn:uuid:{UUID}",
        f"URN:UUID:{UUID.upper()}",
    ],
)
def test_uuid(sent: str) -> None:
    """32 hex digits in any case, hyphens or none, bare, in braces or after `urn:uuid:`."""
    assert kept(uuid=sent) == UUID


@refuses(
    "sent",
    [
        UUID[:-1],
        UUID + "0",
        "g" + UUID[1:],
        UUID.replace("-", "_"),
        UUID.replace("-", "", 1),
        f"{{{UUID}",
        f"{UUID}}}",
        f"{{urn:uuid:{UUID}}}",
        f"uuid:{UUID}",
        f"({UUID})",
        "urn:uu\u0131d:" + UUID,
        "00000000-0000-0000-0000-000000000000",
        "0" * 32,
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        12,
        True,
        *STRUCTURES,
    ],
)
def test_not_a_uuid(sent: Any) -> None:
    """Anything else is invalid, and so are the nil and the max UUID."""
    assert "Send" in param_errors(uuid=sent)["uuid"]


def test_a_uuid_never_holds_the_token() -> None:
    """The key is stored, answered and logged, so a token sent as the key is refused, unrepeated."""
    with pytest.raises(ApiError) as caught:
        validation.read(
            {**REQUIRED, "token": UUID, "uuid": UUID}, redact=lambda text: text.replace(UUID, "***")
        )
    assert [(fault.param, fault.received) for fault in caught.value.errors] == [("uuid", "***")]


# --- what is repeated ----------------------------------------------------------------------------


def test_the_token_is_never_repeated() -> None:
    """`received` never repeats anything of `token`."""
    (fault,) = refused(token=[TOKEN]).errors
    assert (fault.param, fault.status, fault.received) == ("token", Status.INVALID_PARAM, None)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100),
        (["x" * 200], '["' + "x" * 98),
        (True, "true"),
        (1.5, "1.5"),
        ("ü" * 200, "ü" * 100),
        (["ü"], '["ü"]'),
        (TOKEN * 40, "***" * 33 + "*"),
        ("x" * 95 + TOKEN, "x" * 95 + "***"),
        ([TOKEN, {TOKEN: TOKEN}], '["***", {"***": "***"}]'),
    ],
)
def test_received_is_short_and_masked(sent: Any, received: str) -> None:
    """`received` repeats at most 100 characters of the offending value, without the token."""
    (fault,) = refused(requested_time=sent).errors
    assert fault.received == received


@pytest.mark.parametrize("token", ['to"ken', "to\\ken", "to\tken", "tökén"])
def test_a_token_is_masked_however_json_spells_it(token: str) -> None:
    """A token whose JSON text differs from itself is masked within arrays and objects too."""
    with pytest.raises(ApiError) as caught:
        validation.read(
            {"token": token, "updated_at_mt": "now", "notes": [token, {token: token}]},
            redact=lambda text: text.replace(token, "***"),
        )
    assert [fault.received for fault in caught.value.errors] == ['["***", {"***": "***"}]']


@pytest.mark.parametrize(
    ("sent", "received"),
    [([1234567890], "[***]"), (["x" * 90, 1234567890], f'["{"x" * 90}", ***]')],
)
def test_a_token_sent_as_a_number_is_masked(sent: Any, received: str) -> None:
    """A token may be a number: it is masked as one, before the text is cut short."""
    with pytest.raises(ApiError) as caught:
        validation.read(
            {"token": 1234567890, "updated_at_mt": "now", "notes": sent},
            redact=lambda text: text.replace("1234567890", "***"),
        )
    assert [fault.received for fault in caught.value.errors] == [received]


# --- unknown parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("date_strat_local", "date_start_local"),
        ("Notes", "notes"),
        ("orderId", "order_id"),
        ("photographer_id", "photographer_user_id"),
        ("UUID", "uuid"),
    ],
)
def test_an_unknown_name_that_is_near_a_known_one(name: str, near: str) -> None:
    """An unknown parameter is ignored with a warning that suggests the nearest known name."""
    ((param, message),) = warned(unknown=(name,))
    assert param == name
    assert message.endswith(f"; did you mean {near}?")


@pytest.mark.parametrize("name", ["colour", "", "x" * 41, "date_start_local" * 3, "名前"])
def test_an_unknown_name_that_is_near_none(name: str) -> None:
    """Where no name is near the warning suggests none."""
    ((param, message),) = warned(unknown=(name,))
    assert param == name
    assert "did you mean" not in message


def test_a_long_or_secret_unknown_name_is_shortened_and_redacted() -> None:
    """The warning repeats at most 100 characters of a name, without the token."""
    assert [param for param, _ in warned(unknown=("x" * 300, TOKEN))] == ["x" * 100, "***"]


@pytest.mark.parametrize(("number", "warnings"), [(1, 1), (20, 20), (21, 21), (500, 21)])
def test_twenty_unknown_names_are_listed(number: int, warnings: int) -> None:
    """At most twenty such warnings come, then one with the count."""
    listed = warned(unknown=tuple(f"field {at}" for at in range(number)))
    assert len(listed) == warnings
    if number > 20:
        param, message = listed[-1]
        assert param == "body"
        assert f"{number - 20} more" in message
        assert f"{number} in all" in message


@pytest.mark.parametrize("length", [1, 9, 40, 400, 48_000])
def test_unknown_names_cost_little(length: int) -> None:
    """A body full of unknown names takes no longer than a moment."""
    names = tuple(f"{at:x}".rjust(length, "_")[:length] for at in range(48_000 // length))
    started = time.process_time()
    warned(unknown=names)
    assert time.process_time() - started < 0.2


# --- what contradicts itself ---------------------------------------------------------------------

DAY = {"date_start_{}": "2027-01-05", "date_stop_{}": "2027-01-05"}
NINE_TO_TEN = {"time_start_{}": "9:00", "time_stop_{}": "10:00"}


def in_zone(zone: str, *parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of one zone."""
    return {name.format(zone): value for part in parts for name, value in part.items()}


@pytest.mark.parametrize("zone", ["local", "office", "utc"])
@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({**DAY, **NINE_TO_TEN}, None),
        ({**DAY, "time_start_{}": "10:00", "time_stop_{}": "10:00"}, None),
        ({**DAY, "time_start_{}": "10:00", "time_stop_{}": "9:59:59.9"}, "time_stop_{}"),
        ({"time_start_{}": "10:00", "time_stop_{}": "9:00"}, None),
        ({**DAY, "time_start_{}": "10:00"}, None),
        ({"date_start_{}": "2027-01-06", "date_stop_{}": "2027-01-05"}, "date_stop_{}"),
        (
            {**NINE_TO_TEN, "date_start_{}": "2027-01-06", "date_stop_{}": "2027-01-05"},
            "date_stop_{}",
        ),
        (
            {
                "date_start_{}": "2027-01-05",
                "time_start_{}": "23:00",
                "date_stop_{}": "2027-01-06",
                "time_stop_{}": "1:00",
            },
            None,
        ),
        ({"time_start_{}": "10:00"}, None),
        ({"date_stop_{}": "2027-01-05"}, None),
    ],
)
def test_a_stop_before_its_start(zone: str, sent: dict[str, Any], param: str | None) -> None:
    """Warnings name a stop that lies before its start within one zone; none blocks."""
    names = [name for name, _ in warned(**in_zone(zone, sent))]
    assert names == ([param.format(zone)] if param else [])


def test_zones_are_not_compared_with_each_other() -> None:
    """A stop of one zone may lie before the start of another."""
    assert warned(time_start_local="23:00", time_stop_utc="5:00") == []


@pytest.mark.parametrize("zone", ["local", "office", "utc"])
@pytest.mark.parametrize(
    ("seconds", "contrary"), [(3600, None), (3599, "3600 s"), (10, "3600 s"), ("3600", None)]
)
def test_a_duration_that_contradicts(zone: str, seconds: Any, contrary: str | None) -> None:
    """Warnings name a `time_duration_s` that contradicts a zone whose four values are all there."""
    warnings = warned(time_duration_s=seconds, **in_zone(zone, DAY, NINE_TO_TEN))
    assert [param for param, _ in warnings] == (["time_duration_s"] if contrary else [])
    assert all(str(contrary) in message and zone in message for _, message in warnings)


@pytest.mark.parametrize(("zone", "tolerated"), [("local", 1), ("office", 1), ("utc", 0)])
@pytest.mark.parametrize("hours", [0, 2])
def test_the_clocks_may_change_in_between(zone: str, tolerated: int, hours: int) -> None:
    """A difference of exactly one hour gives no warning in a zone where the clocks change."""
    warnings = warned(time_duration_s=hours * 3600, **in_zone(zone, DAY, NINE_TO_TEN))
    assert len(warnings) == 1 - tolerated
    for seconds in (hours * 3600 + 1, (hours - 2) * 3600 + 7201 + 3600):
        assert warned(time_duration_s=seconds, **in_zone(zone, DAY, NINE_TO_TEN))


@pytest.mark.parametrize("of", ["date", "time"])
def test_a_window_that_ends_before_it_starts(of: str) -> None:
    """The ends of a window give a warning if they lie before its start, days and times apart."""
    early, late = {"date": ("2027-01-05", "2027-01-06"), "time": (9, 10)}[of]
    names = f"window_{of}_start", f"window_{of}_end"
    window: dict[str, Any] = dict(zip(names, (late, early), strict=True))
    assert [name for name, _ in warned(**window)] == [names[1]]
    for values in ((early, late), (late, late), (None, early), (late, None)):
        window = dict(zip(names, values, strict=True))
        assert warned(**window) == []
    assert warned(window_date_start="2027-01-06", window_time_end=1) == []


@pytest.mark.parametrize("name", ["notes", "updated_at_mt"])
def test_a_text_that_was_damaged_on_the_way(name: str) -> None:
    """A text with U+FFFD was not sent as UTF-8: it is saved as it came, with a warning."""
    damaged = "Gr\ufffd\ufffde"
    sent: dict[str, Any] = {name: damaged}
    assert [param for param, _ in warned(**sent)] == [name]
    assert kept(**sent) == damaged


ZONED = ["19:30:00+0700", "19:30 MST", "19:30Z", "7:30 PM MST", "19:30+7", "19:30 -07:00"]


@pytest.mark.parametrize("sent", ZONED)
def test_a_time_zone_has_a_message_of_its_own(sent: str) -> None:
    """The error of a time with a zone says to leave it out; of a datetime, how to write it."""
    (time,) = refused(requested_time=sent).errors
    assert "without a zone" in time.message
    if sent not in ("19:30Z", "19:30 -07:00"):
        (moment,) = refused(confirmed_at=f"2027-01-05 {sent}").errors
        assert "-07:00" in moment.message
    for other in ("7 PM", "noon", "1930"):
        assert "zone" not in refused(requested_time=other).errors[0].message


@pytest.mark.parametrize("missing", [*DAY, *NINE_TO_TEN])
def test_a_duration_is_compared_with_a_whole_zone_only(missing: str) -> None:
    """Where one of the four values is missing, the duration contradicts nothing."""
    sent = in_zone("utc", DAY, NINE_TO_TEN)
    del sent[missing.format("utc")]
    assert warned(time_duration_s=1, **sent) == []


@pytest.mark.parametrize(
    ("stop", "seconds"), [("2027-01-19", "1213200 s"), ("2027-01-04", "-82800 s")]
)
def test_a_duration_is_in_plain_digits(stop: str, seconds: str) -> None:
    """The warning has the exact number of seconds between start and stop, however large."""
    sent = in_zone("local", DAY, NINE_TO_TEN) | {"date_stop_local": stop}
    assert seconds in dict(warned(time_duration_s=1, **sent))["time_duration_s"]


# --- the fingerprint (section 4) -----------------------------------------------------------------

CONTENT: dict[str, Any] = {
    "allday": False,
    "notes": "one\ntwo",
    "confirmed": True,
    "order_id": 12,
    "requested_date": "2027-01-05",
    "requested_time": "19:30:00",
    "confirmed_at": "2027-01-04T16:00:00",
}


@pytest.mark.parametrize(
    "other",
    [
        {"updated_at_mt": "2027-01-05 00:00:00"},
        {"updated_at": "2027-01-05 00:00:00"},
        {"uuid": UUID},
        {"token": "another"},
        {"session_view": "full"},
        {"month_first": True},
        {"description": ""},
        {"order_request_id": 0},
        {"notes": "one\r\ntwo", "confirmed": "Yes", "order_id": "0012"},
        {"requested_date": "1/5/2027", "confirmed_at": "1/4/2027 4:00 PM", "month_first": 1},
        {"requested_time": "7:30 PM"},
    ],
)
def test_the_fingerprint_is_of_what_is_asked_for(other: dict[str, Any]) -> None:
    """It is the same in another spelling, and without `uuid`, `updated_at_mt`, `updated_at`."""
    assert read(**CONTENT | other).fingerprint == read(**CONTENT).fingerprint


@pytest.mark.parametrize(
    "name",
    [name for name in parameters.STORED if name not in parameters.NOT_IN_FINGERPRINT],
)
def test_the_fingerprint_depends_on_every_field(name: str) -> None:
    """It differs as soon as one field of the appointment differs."""
    sent, _ = NARROW.get(name) or SPELLINGS[type_of(name).name]
    assert read(**{name: sent}).fingerprint != read().fingerprint


def test_the_fingerprint_does_not_depend_on_the_order() -> None:
    """It is the same whatever the order of the parameters."""
    backwards = dict(reversed(CONTENT.items()))
    assert read(**backwards).fingerprint == read(**CONTENT).fingerprint


def test_the_fingerprint_is_a_sha_256_that_lasts() -> None:
    """It is a SHA-256 in hex, and stays the same from one release to the next."""
    assert read(**CONTENT).fingerprint == (
        "86d5fb770c8e3dac78d4f446312d7e8e9dfc10cdf2d0a322dc8b6a4a1cad7f92"
    )


def test_what_is_stored() -> None:
    """Every parameter that was passed is stored, normalised, but token, view and month_first."""
    sent = {"session_view": "full", "month_first": "1", "requested_date": "1/5/2027", "notes": ""}
    assert read(**sent).appointment() == {
        "requested_date": "2027-01-05",
        "updated_at_mt": REQUIRED["updated_at_mt"],
    }


def test_the_token_is_masked_where_text_is_kept() -> None:
    """Any text that contains the token is masked; the token itself is kept to be checked."""
    parameters = read(notes=f"my token is {TOKEN}!", updated_at_mt=TOKEN)
    assert (parameters.notes, parameters.updated_at_mt) == ("my token is ***!", mask(TOKEN))
    assert parameters.token == TOKEN
