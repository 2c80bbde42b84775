"""What clients send for one parameter, with what the specification's section 3 makes of it."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as calendar
from datetime import timedelta
from typing import Any, Final


@dataclass(frozen=True)
class Sent:
    """A value as it is sent. `normal` is its stored form, or one of the marks below."""

    value: Any
    normal: Any


ABSENT: Final = "(not passed)"
BAD: Final = "(invalid)"
MASKED: Final = "(holds the token)"
BLANKS: Final = (None, "", " ", "\t \r\n")
# No type takes these, whatever the parameter.
NEVER: Final[tuple[Any, ...]] = (
    [],
    {},
    [1],
    {"a": "b"},
    ["x" * 3000],
    {"t": {"u": [None]}},
    "a\0b",
)
STRINGS: Final = (
    *(
        "x",
        "0",
        "false",
        " kept ",
        "línea",
        "日本語のメモ",
        "🏠" * 9,
        "<b>&amp;</b>",
        "a\x7fb",
        "a\u2028b",
        "Caf\ufffd",
    ),
    *("=1+1", "{{name}}", "*|NAME|*", '"quoted"', "back\\slash", "\x1b[31m", "null", "x" * 9000),
)
# A JSON number is read as its shortest decimal text.
NUMBERS: Final[tuple[tuple[Any, str], ...]] = (
    *((0, "0"), (12, "12"), (-7, "-7"), (1.5, "1.5"), (1.50, "1.5"), (0.1, "0.1"), (10.0, "10")),
    *((10**30, "1" + "0" * 30), (1e21, "1" + "0" * 21), (1e-7, "0.0000001"), (-2.5e-3, "-0.0025")),
)
TRUE: Final = (True, 1, 1.0, "1", "true", "TRUE", "Yes", "y", "T", "on", " 1 ", "oN")
FALSE: Final = (False, 0, "0", "false", "False", "NO", "n", "f", "Off", "off\n")
NO_BOOLEANS: Final = (2, -1, 0.5, "2", "maybe", "ja", "truee", "tru", "10", "yes no")
NO_INTEGERS: Final = (
    *(-1, 0.5, True, False, "1,200", "-1", "+1", "1.0", "1e3", "0x1", "1_000", "१२", "abc", "1 2"),
    *(2**63, 10**25, str(2**63), "9" * 40, 1e300),
)
NO_DATES: Final = (
    *("05-01-2027", "27-01-05", "2027/1/5", "2027-13-01", "2027-02-29", "2027-01-32", "2027-00-10"),
    *("1899-12-31", "2200-01-01", "20270105", 20270105, "2027-01-05T00:00:00", "2027-01-05 10:00"),
    *("tomorrow", "٢٠٢٧-01-05", "2027-01", "1/5/27", "0000-01-01", True, 1.5, "5. 1. 2027"),
)
NO_TIMES: Final = (
    *(
        "24:00:00",
        "24:00",
        "7 PM",
        "19:60",
        "19:30:60",
        "25:00",
        "13:00 PM",
        "0:30 AM",
        "1930",
        1930,
    ),
    *(
        "19:30Z",
        "19:30+01:00",
        "19:30 MST",
        "noon",
        "19.30",
        "7:3",
        "-1:00",
        True,
        "19:30:00.",
        ":30",
    ),
)
ZONES: Final = ("", "", "Z", "+00:00", "-07:00", "+05:30")


class Values:
    """The values of one request, drawn from one source of chance."""

    def __init__(self, chance: random.Random, *, month_first: bool, bad: float) -> None:
        self.chance, self.month_first, self._bad = chance, month_first, bad
        self._by_type: dict[str, Callable[[], Sent]] = {
            "string": self.text,
            "boolean": self.boolean,
            "integer": self.integer,
            "date": self.date,
            "time": self.time,
            "datetime": self.datetime,
        }

    def of(self, kind: str, name: str) -> Sent:
        """Return a value for a parameter of a type: good, blank, or bad now and then."""
        draw = self.chance.random()
        if draw < self._bad / 5 and name != "updated_at_mt":
            return Sent(self.chance.choice(NEVER), BAD)
        if draw < self._bad / 5 + 0.08:
            return Sent(self.chance.choice(BLANKS), ABSENT)
        return self._by_type[kind]()

    def text(self) -> Sent:
        """Return free text: it is never trimmed, only its line ends change."""
        draw = self.chance.random()
        if draw < self._bad / 3:
            return Sent(self.chance.choice((True, False)), BAD)
        if draw < 0.15:
            return Sent(*self.chance.choice(NUMBERS))
        if draw < 0.5:
            text = self.chance.choice(STRINGS)
            return Sent(text, text)
        ends = self.chance.choice(("\n", "\r", "\r\n"))
        words = ("".join(self.chance.choices(string.printable[:90], k=9)) for _ in range(3))
        joined = ends.join(words)
        return Sent(joined + "!", joined.replace("\r\n", "\n").replace("\r", "\n") + "!")

    def boolean(self) -> Sent:
        """Return a word or a digit, in any letter case."""
        if self._is_bad():
            return Sent(self.chance.choice(NO_BOOLEANS), BAD)
        word = self.chance.random() < 0.5
        return Sent(self.chance.choice(TRUE if word else FALSE), word)

    def integer(self, least: int = 0) -> Sent:
        """Return a whole number, or its text."""
        if self._is_bad():
            return Sent(self.chance.choice(NO_INTEGERS), BAD)
        number = self.chance.choice((least, 7, 1200, 2**53 + 1, 2**63 - 1))
        spelled = (number, str(number), f" {number} ", f"00{number}")
        if number < 2**53:
            spelled = (*spelled, float(number))  # type: ignore[assignment]
        return Sent(self.chance.choice(spelled), number)

    def date(self) -> Sent:
        """Return the SQL form, or FileMaker's with `month_first`."""
        if self._is_bad():
            return Sent(self.chance.choice(NO_DATES), BAD)
        day = calendar(1900, 1, 1) + timedelta(self.chance.randrange(109_572))
        return Sent(self._spell(day), day.isoformat())

    def time(self) -> Sent:
        """Return 24-hour or 12-hour time, with or without seconds and their fraction."""
        if self._is_bad():
            return Sent(self.chance.choice(NO_TIMES), BAD)
        hour, minute, second = (self.chance.randrange(most) for most in (24, 60, 60))
        fraction = "".join(self.chance.choices(string.digits, k=self.chance.randrange(9)))
        has_second, is_half = self.chance.random() < 0.7, self.chance.random() < 0.4
        shown = (hour % 12 or 12) if is_half else hour
        sent = f"{shown:{self.chance.choice(('', '02'))}}:{minute:02}"
        normal = f"{hour:02}:{minute:02}:{second if has_second else 0:02}"
        if has_second:
            sent += f":{second:02}"
            if fraction:
                sent += self.chance.choice(".,") + fraction
                micros = fraction[:6].ljust(6, "0")
                normal += f".{micros}" if int(micros) else ""
        if is_half:
            half = "PM" if hour >= 12 else "AM"
            sent += self.chance.choice(("", " ")) + self.chance.choice((half, half.lower()))
        return Sent(sent, normal)

    def datetime(self) -> Sent:
        """Return a date and a time; a zone may follow the ISO form."""
        day, clock = self.date(), self.time()
        if BAD in (day.normal, clock.normal):
            # A bad date with a time behind it, or the like, must not look good as a whole.
            return Sent(
                self.chance.choice(("2027-01-05", "19:30", 0, "now", "2027-01-05 7 PM")), BAD
            )
        is_iso = "/" not in day.value and clock.value[-1:] not in "Mm"
        zone = self.chance.choice(ZONES) if is_iso else ""
        joint = self.chance.choice(("T", " ", "  "))
        return Sent(f"{day.value}{joint}{clock.value}{zone}", f"{day.normal}T{clock.normal}{zone}")

    def uuid(self) -> Sent:
        """Return it bare, hyphenated, in braces or as a URN, in any letter case."""
        digits = f"{self.chance.getrandbits(128):032x}"
        normal = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        if self._is_bad():
            bad = ("0" * 32, "f" * 32, digits[:-1], digits + "0", f"({normal})", 7, "{" + normal)
            return Sent(self.chance.choice(bad), BAD)
        forms = (
            digits,
            normal,
            normal.upper(),
            f"{{{normal}}}",
            f"urn:uuid:{normal}",
            f" {normal} ",
        )
        return Sent(self.chance.choice(forms), normal)

    def _is_bad(self) -> bool:
        return self.chance.random() < self._bad

    def _spell(self, day: calendar) -> str:
        month, number = (
            self.chance.choice((f"{part}", f"{part:02}")) for part in (day.month, day.day)
        )
        if self.month_first and self.chance.random() < 0.8:
            return f"{month}/{number}/{day.year}"
        return f"{day.year}-{month}-{number}"
