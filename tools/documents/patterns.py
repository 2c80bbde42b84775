r"""The texts that the parsers accept, and the stored forms, as patterns for the OpenAPI document.

The patterns are of the part of regular expressions that JavaScript, Python, Rust and Go read alike:
no lookahead. `\s` is any white space. Specification section 3 has the rules; a test compares each
pattern with its parser, in both directions. The one thing that the patterns leave out: a time may
have a longer fraction, and more white space within it, up to 100 characters in all.
"""

from typing import Final

from appointments.parsers import MAX_INTEGER

# With these, no text that matches is longer than the parsers read.
MAX_FRACTION: Final = 40
MAX_GAP: Final = 9

_YEAR: Final = "(?:19|20|21)[0-9]{2}"
_LEAP_YEAR: Final = "(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)"
# The months by their length, with the days that each has in every year.
_DAYS: Final = (
    ("(?:0?[13578]|1[02])", "(?:0?[1-9]|[12][0-9]|3[01])"),
    ("(?:0?[469]|11)", "(?:0?[1-9]|[12][0-9]|30)"),
    ("0?2", "(?:0?[1-9]|1[0-9]|2[0-8])"),
)


def _every_date(form: str) -> str:
    """Return the pattern of every date in a form with `{month}`, `{day}` and `{year}`."""
    days = [form.format(month=month, day=day, year=_YEAR) for month, day in _DAYS]
    return "|".join([*days, form.format(month="0?2", day="29", year=_LEAP_YEAR)])


def _integers(limit: int) -> str:
    """Return a pattern for the digits, without leading zeros, of 0 to `limit`."""
    digits = str(limit)
    smaller = [
        f"{digits[:place]}[{'1' if place == 0 else '0'}-{int(digit) - 1}]"
        f"[0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if int(digit) > (1 if place == 0 else 0)
    ]
    return "|".join([f"[0-9]{{1,{len(digits) - 1}}}", *smaller, digits])


def _any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


def _blank_or(accepted: str) -> str:
    """Return the pattern of a whole text: `accepted` between white space, or white space alone."""
    return rf"^\s*(?:{accepted})?\s*$"


_ISO_DATE: Final = _every_date("{year}-{month}-{day}")
_SLASH_DATE: Final = _every_date("{month}/{day}/{year}")
_SECONDS: Final = f"(?::[0-5][0-9](?:[.,][0-9]{{1,{MAX_FRACTION}}})?)?"
_TIME_24: Final = f"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]{_SECONDS}"
_HOUR_12: Final = f"(?:0?[1-9]|1[0-2]):[0-5][0-9]{_SECONDS}"
_HALF: Final = "[AaPp][Mm]"
_ZONE: Final = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
# White space, and within a datetime, which has no line break.
_SPACE: Final = rf"\s{{0,{MAX_GAP}}}"
_GAP: Final = rf"[^\S\n]{{0,{MAX_GAP}}}"
_JOINT: Final = f"(?:T| ){_GAP}"


_ISO_DATETIME: Final = (
    f"(?:{_ISO_DATE}){_JOINT}(?:{_TIME_24}(?:{_GAP}{_ZONE})?|{_HOUR_12}{_GAP}{_HALF})"
)
_SLASH_DATETIME: Final = f"(?:{_SLASH_DATE}){_JOINT}(?:{_TIME_24}|{_HOUR_12}{_GAP}{_HALF})"
_HEX: Final = "[0-9A-Fa-f]"
_UUID: Final = f"(?:{_HEX}{{32}}|{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}})"

_TRUE: Final = "|".join(map(_any_case, ("true", "1", "yes", "y", "t", "on")))
_FALSE: Final = "|".join(map(_any_case, ("false", "0", "no", "n", "f", "off")))

# What a request may have as a text. White space alone is *not passed*.
TEXT: Final = r"^[^\x00]*$"
FILLED_TEXT: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
BOOLEAN: Final = _blank_or(f"{_TRUE}|{_FALSE}")
TRUE: Final = rf"^\s*(?:{_TRUE})\s*$"
INTEGER: Final = _blank_or(f"0*(?:{_integers(MAX_INTEGER)})")
DATE: Final = _blank_or(_ISO_DATE)
MONTH_FIRST_DATE: Final = _blank_or(f"{_ISO_DATE}|{_SLASH_DATE}")
TIME: Final = _blank_or(f"{_TIME_24}|{_HOUR_12}{_SPACE}{_HALF}")
DATETIME: Final = _blank_or(_ISO_DATETIME)
MONTH_FIRST_DATETIME: Final = _blank_or(f"{_ISO_DATETIME}|{_SLASH_DATETIME}")
UUID: Final = _blank_or(rf"(?:{_any_case('urn:uuid:')})?{_UUID}|\{{{_UUID}\}}")
# Of a text that matches UUID.
NIL_OR_MAX_UUID: Final = "|".join(
    rf"{digit}{{8}}-?(?:{digit}{{4}}-?){{3}}{digit}{{12}}\}}?\s*$" for digit in ("0", "[Ff]")
)

# A header is ASCII. It may be blank or quoted.
IDEMPOTENCY_KEY: Final = '^(?:[ -~]{0,255}|"[ -~]{0,255}")$'

# What a response has: one form of each.
STORED_TIME: Final = r"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{6})?$"
STORED_DATETIME: Final = (
    r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{6})?"
    r"(Z|[+-][0-2][0-9]:[0-5][0-9])?$"
)
