"""The contract's 51 parameters, each declared once: name, type, position, meaning."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, Final, get_args

from appointments import readers
from appointments.statuses import Warned

APPLICATIONS: Final = ("planoauth", "planoorder", "planox2")
SESSION_VIEWS: Final = ("default", "full")
# What a request says of itself rather than of its appointment (specification section 7).
NOT_STORED: Final = {"token", "session_view", "month_first"}
# A retry carries a new time of sending, and may carry the key it was told (section 4).
NOT_IN_FINGERPRINT: Final = {"uuid", "updated_at_mt", "updated_at"}


@dataclass
class Reading:
    """What one reading of a request knows beside the value at hand.

    `month_first` is None where the parameter itself is invalid, so that no date can be judged;
    `mask` takes the token out of a text; `warnings` collects remarks.
    """

    mask: Callable[[str], str]
    month_first: bool | None = False
    warnings: list[Warned] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """A type of the API document, with its possible values where the document lists them."""

    name: str
    values: tuple[str, ...] = ()


# Reads a value, given the parameter's name and the reading; None stands for *not passed*.
Reader = Callable[[Any, str, Reading], Any]


def _plain(read: Callable[[Any], Any]) -> Reader:
    return lambda value, _name, _reading: read(value)


def _text(value: Any, _name: str, reading: Reading) -> str:
    return reading.mask(readers.text(value))


def _uuid(value: Any, _name: str, reading: Reading) -> str:
    sent = readers.trimmed(value)
    # A mask is shorter than any token but one of three letters, which is no secret.
    if len(reading.mask(sent)) < len(sent):
        raise ValueError("Send a UUID of the appointment's own, not the token.")
    return readers.uuid(sent)


def _choice(kind: Kind) -> Reader:
    def read(value: Any, _name: str, _reading: Reading) -> str:
        chosen = readers.trimmed(value)
        if chosen not in kind.values:
            raise ValueError(f"Send one of {', '.join(kind.values)}.")
        return chosen

    return read


def _identifier(value: Any, name: str, reading: Reading) -> int | None:
    number = readers.integer(value)
    if number == 0:
        reading.warnings.append(Warned(name, "0 was read as not passed; leave the id out."))
    return number or None


def _dated(read: Callable[..., str]) -> Reader:
    def read_dated(value: Any, name: str, reading: Reading) -> str:
        if reading.month_first is None:
            return str(value)
        normal = read(value, month_first=reading.month_first)
        if reading.month_first and readers.is_iso_date(value):
            reading.warnings.append(
                Warned(
                    name,
                    f"Read as YYYY-MM-DD ({normal}) although month_first is true; send M/D/YYYY.",
                )
            )
        return normal

    return read_dated


_APPLICATION: Final = Kind("string", APPLICATIONS)
_SESSION_VIEW: Final = Kind("string", SESSION_VIEWS)

# Each with its type in the API document and its reader.
String = Annotated[str | None, Kind("string"), _text]
Token = Annotated[str, Kind("string"), _plain(readers.trimmed)]
RequiredString = Annotated[str, Kind("string"), _text]
Application = Annotated[str | None, _APPLICATION, _choice(_APPLICATION)]
SessionView = Annotated[str | None, _SESSION_VIEW, _choice(_SESSION_VIEW)]
Uuid = Annotated[str | None, Kind("string"), _uuid]
Boolean = Annotated[bool | None, Kind("boolean"), _plain(readers.boolean)]
Integer = Annotated[int | None, Kind("integer"), _plain(readers.integer)]
Identifier = Annotated[int | None, Kind("integer"), _identifier]
Date = Annotated[str | None, Kind("date"), _dated(readers.calendar_date)]
Time = Annotated[str | None, Kind("time"), _plain(readers.time_of_day)]
DateTime = Annotated[str | None, Kind("datetime"), _dated(readers.date_and_time)]


def _param(position: int, description: str, *, required: bool = False) -> Any:
    told = {"position": position, "description": description}
    return field(metadata=told) if required else field(default=None, metadata=told)


# Without comparison and repr, whose making takes longer at each cold start than all else here.
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Parameters:
    """A request's parameters in their normal forms; None where one was not passed.

    Dates, times and datetimes are texts in the normal form of specification section 3. The order,
    the names, the types and the positions are the API document's.
    """

    token: Token = _param(100, "The token of the session or application that asks.", required=True)
    application: Application = _param(200, "The application whose role the caller acts in.")
    session_view: SessionView = _param(300, "Ask for the session in the answer, in this view.")
    confirmed: Boolean = _param(1200, "Whether the appointment is confirmed.")
    cancelled: Boolean = _param(1300, "Whether the appointment is cancelled.")
    allday: Boolean = _param(1400, "Whether it takes the whole day.")
    appt_type: String = _param(1500, "The type of appointment.")
    confirmed_at: DateTime = _param(1600, "When it was confirmed.")
    confirmed_by: String = _param(1700, "Who confirmed it.")
    date_start_local: Date = _param(1800, "The day it starts, at the property.")
    date_start_office: Date = _param(1900, "The day it starts, at the office.")
    date_stop_local: Date = _param(2000, "The day it ends, at the property.")
    date_stop_office: Date = _param(2100, "The day it ends, at the office.")
    delivery_type: String = _param(2200, "How the result is delivered.")
    description: String = _param(2300, "What is to be done.")
    location: String = _param(2400, "Where it takes place.")
    notes: String = _param(2500, "Notes for those concerned.")
    on_site_cancel: Boolean = _param(2600, "Whether it was cancelled on site.")
    optional: Boolean = _param(2700, "Whether it is optional.")
    order_id: Identifier = _param(2800, "The order it belongs to; must exist.")
    order_request_appt_id: Identifier = _param(
        2900, "The order request's appointment that it answers; must exist."
    )
    photographer_name: String = _param(3000, "The photographer's name.")
    photographer_user_id: Identifier = _param(
        3100, "The photographer's user record; must exist, and its address gets the email."
    )
    requested_date: Date = _param(3200, "The day that was asked for.")
    requested_time: Time = _param(3300, "The time that was asked for.")
    same_day_cancel: Boolean = _param(3400, "Whether it was cancelled on its day.")
    time_start_local: Time = _param(3500, "The time it starts, at the property.")
    time_start_office: Time = _param(3600, "The time it starts, at the office.")
    time_stop_local: Time = _param(3700, "The time it ends, at the property.")
    time_stop_office: Time = _param(3800, "The time it ends, at the office.")
    summary: String = _param(3900, "The appointment in a line.")
    time_duration: String = _param(4000, "How long it takes, in words.")
    created_by: String = _param(4100, "Who created it.")
    created_in: String = _param(4200, "The application that created it.")
    updated_at_mt: RequiredString = _param(
        4300, "When the caller last changed it, in Mountain Time, as a text.", required=True
    )
    updated_by: String = _param(4400, "Who last changed it.")
    uuid: Uuid = _param(
        4500, "The appointment's key; send the same with every retry and it is created once."
    )
    created_at: DateTime = _param(4600, "When it was created; will be dropped at some point.")
    updated_at: DateTime = _param(4700, "When it was changed; will be dropped at some point.")
    month_first: Boolean = _param(4800, "Whether dates come as M/D/YYYY, as FileMaker sends them.")
    date_stop_utc: Date = _param(4900, "The day it ends, in UTC.")
    date_start_utc: Date = _param(5000, "The day it starts, in UTC.")
    time_start_utc: Time = _param(5100, "The time it starts, in UTC.")
    time_stop_utc: Time = _param(5200, "The time it ends, in UTC.")
    time_duration_s: Integer = _param(5300, "How long it takes, in seconds.")
    ready_to_schedule: Boolean = _param(5400, "Whether it can be scheduled.")
    window_date_start: Date = _param(5500, "The first day of the window it may be scheduled in.")
    window_date_end: Date = _param(5600, "The last day of that window.")
    window_time_start: Integer = _param(5700, "The start of the window within a day.")
    window_time_end: Integer = _param(5800, "The end of the window within a day.")
    order_request_id: Identifier = _param(5900, "The order request it belongs to; must exist.")

    def appointment(self) -> dict[str, str | int | bool]:
        """Return what is stored and returned: every parameter that was passed, normalised."""
        held = vars(self)
        return {name: held[name] for name in STORED if held[name] is not None}

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 (hex) that tells whether two requests ask for the same."""
        content = self.appointment()
        for name in NOT_IN_FINGERPRINT:
            content.pop(name, None)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


_DECLARED: Final = {declared.name: declared for declared in fields(Parameters)}
NAMES: Final = tuple(_DECLARED)
# What an item holds, in the contract's order.
STORED: Final = tuple(name for name in NAMES if name not in NOT_STORED)


def kind(name: str) -> Kind:
    """Return the type of the parameter `name`."""
    found: Kind = get_args(_DECLARED[name].type)[1]
    return found


def reader(name: str) -> Reader:
    """Return what reads the parameter's values."""
    found: Reader = get_args(_DECLARED[name].type)[2]
    return found


def position(name: str) -> int:
    """Return the position that the API document gives the parameter."""
    return int(_DECLARED[name].metadata["position"])


def meaning(name: str) -> str:
    """Return what the parameter is."""
    return str(_DECLARED[name].metadata["description"])


def is_required(name: str) -> bool:
    """Whether a request must have the parameter."""
    return _DECLARED[name].default is MISSING
