"""The parsers, one pure function per type: what a caller sends becomes its stored form.

The rules are those of specification section 3. Each parser takes a JSON value that is not blank
(see `is_blank`) and returns the stored form. It returns a stored form unchanged. It raises
ValueError with a message that says what to send.
"""

import re
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import Any

MAX_INTEGER = 2**63 - 1
MIN_DATE = date(1900, 1, 1)
MAX_DATE = date(2199, 12, 31)

_TRUE = frozenset({"true", "1", "yes", "y", "t", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "f", "off"})
_WORDS = _TRUE | _FALSE
_NUMBER = (int, float)

_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_SLASH_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?:\s*([AaPp])[Mm])?")
_DATETIME = re.compile(r"([0-9/-]+)(?:T| +)(.+?)(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?")
# A time with a zone or an offset after it, in whatever spelling.
_ZONED_TIME = re.compile(r"[0-9:.,]+(?:\s*[AaPp][Mm])?\s*([+-][0-9:]+|[A-Za-z]{1,5})")
_HEX = re.compile(r"[0-9a-f]{32}")
_NIL_AND_MAX = frozenset(
    {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}
)
# Longer text is refused unread: this bounds the work of the patterns.
_MAX_LENGTH = 100


def is_blank(value: Any) -> bool:
    """Whether `value` means *not passed*: null, or a text of nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def _strip_or_empty(value: Any) -> str:
    """Return the text without the white space around it; empty if no pattern can match it."""
    sent = value.strip() if isinstance(value, str) else ""
    return sent if len(sent) <= _MAX_LENGTH else ""


def text(value: Any) -> str:
    r"""Read free text as it is, with `\r\n` and `\r` as `\n`; a number as its decimal text."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("Send text without NUL characters.")
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, bool) or not isinstance(value, _NUMBER) or not isfinite(value):
        raise ValueError("Send text, in quotes.")
    if value == 0:
        return "0"
    # repr() of a float is the shortest text that reads back the same; Decimal spells it out.
    spelled = format(Decimal(repr(value)), "f")
    return spelled.rstrip("0").rstrip(".") if "." in spelled else spelled


def trimmed(value: Any) -> str:
    """Read a name or a key: as `text`, without the white space around it."""
    return text(value).strip()


def boolean(value: Any) -> bool:
    """Read true/false, 1/0, or their usual words in any case."""
    if isinstance(value, str) and (word := value.strip().lower()) in _WORDS:
        return word in _TRUE
    if isinstance(value, _NUMBER) and value in (0, 1):
        return bool(value)
    raise ValueError('Send true or false (also 1/0, "yes"/"no", "y"/"n", "t"/"f", "on"/"off").')


def integer(value: Any) -> int:
    """Read a whole number from 0 to 2^63-1, or the text of one in ASCII digits."""
    number = -1
    if isinstance(value, str):
        digits = value.strip()
        if digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) <= 19:
            number = int(digits.lstrip("0") or "0")
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if not 0 <= number <= MAX_INTEGER:
        raise ValueError(
            f"Send a whole number from 0 to {MAX_INTEGER}, in digits only, such as 90."
        )
    return number


def calendar_date(value: Any, *, month_first: bool) -> str:
    """Read `YYYY-MM-DD`, or `M/D/YYYY` if `month_first` is true; return `YYYY-MM-DD`."""
    sent = _strip_or_empty(value)
    if iso := _ISO_DATE.fullmatch(sent):
        year, month, day = iso.groups()
    elif (slash := _SLASH_DATE.fullmatch(sent)) and month_first:
        month, day, year = slash.groups()
    elif slash:
        raise ValueError(
            "Send the date as YYYY-MM-DD, such as 2027-01-31; to send M/D/YYYY, set month_first "
            "to true."
        )
    else:
        raise ValueError(f"Send the date as {_date_form(month_first)}.")
    try:
        read = date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(
            f"There is no such day in the calendar. Send the date as {_date_form(month_first)}."
        ) from None
    if not MIN_DATE <= read <= MAX_DATE:
        raise ValueError(f"Send a date from {MIN_DATE} to {MAX_DATE}.")
    return read.isoformat()


def _date_form(month_first: bool) -> str:
    return "M/D/YYYY, such as 1/31/2027" if month_first else "YYYY-MM-DD, such as 2027-01-31"


def begins_with_iso_date(value: Any) -> bool:
    """Whether `value` begins with a date in the ISO form, whatever `month_first` says."""
    return _ISO_DATE.match(_strip_or_empty(value)) is not None


def time_of_day(value: Any) -> str:
    """Read a 24-hour or a 12-hour time; return `HH:MM:SS`, with `.ffffff` for a fraction."""
    sent = _strip_or_empty(value)
    match = _TIME.fullmatch(sent)
    if match is None:
        form = "Send the time as HH:MM or HH:MM:SS, such as 19:30, or as 7:30 PM"
        raise ValueError(f"{form}{', without a zone or an offset' if _has_zone(sent) else ''}.")
    hour, minute, second, fraction, half = match.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError("Send the hour of a time with AM or PM as 1 to 12, such as 7:30 PM.")
        hours = hours % 12 + (12 if half in "Pp" else 0)
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        return time(hours, int(minute), int(second or 0), micros).isoformat()
    except ValueError:
        raise ValueError(
            "There is no such time of day. Send 00:00 to 23:59:59, such as 19:30, or 7:30 PM."
        ) from None


def _has_zone(time: str) -> bool:
    """Whether a time that cannot be read ends in a zone or an offset, in whatever spelling."""
    match = _ZONED_TIME.fullmatch(time)
    return match is not None and match[1].lower() not in ("am", "pm")


def date_and_time(value: Any, *, month_first: bool) -> str:
    """Read a date and a time joined by `T` or spaces; an ISO `Z` or `±HH:MM` stays."""
    sent = _strip_or_empty(value)
    match = _DATETIME.fullmatch(sent)
    if match is None:
        raise ValueError(
            f"Send a date and a time, the date as {_date_form(month_first)}, "
            "the time after a space or T, such as 19:30:00."
        )
    day, clock, zone = match.groups()
    is_iso = "/" not in day and clock.rstrip()[-1:] not in ("M", "m")
    if (zone and not is_iso) or (not zone and _has_zone(clock)):
        raise ValueError(
            "Send a time zone as Z or as an offset such as -07:00, directly after the ISO form: "
            "2027-01-31T19:30:00-07:00. Or send no time zone."
        )
    return f"{calendar_date(day, month_first=month_first)}T{time_of_day(clock)}{zone or ''}"


def uuid(value: Any) -> str:
    """Read 32 hex digits, hyphenated or not, bare, in braces or as a URN; return lower case."""
    sent = _strip_or_empty(text(value)).lower()
    bare = sent[1:-1] if sent[:1] + sent[-1:] == "{}" else sent.removeprefix("urn:uuid:")
    digits = bare.replace("-", "")
    hyphenated = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    if not _HEX.fullmatch(digits) or bare not in (digits, hyphenated):
        raise ValueError(
            "Send a UUID of 32 hex digits, such as 7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10."
        )
    if hyphenated in _NIL_AND_MAX:
        raise ValueError(
            "Send a UUID that only this appointment has: the nil UUID and the max UUID are refused."
        )
    return hyphenated
