"""The contract's parameters, each declared once: name, type, position, meaning."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo
from pydantic_core import to_json

from appointments import parsers
from appointments.errors import ParamWarning

APPLICATIONS: Final = ("planoauth", "planoorder", "planox2")
SESSION_VIEWS: Final = ("default", "full")
# What a request says of itself rather than of its appointment (specification section 7).
NOT_STORED: Final = {"token", "session_view", "month_first"}
# A retry carries a new time of sending, and may carry the uuid of the first response (section 4).
NOT_IN_FINGERPRINT: Final = {"uuid", "updated_at_mt", "updated_at"}


@dataclass
class ValidationContext:
    """What the parsers of one request share.

    `month_first` is None if the parameter itself is invalid: then no date can be checked.
    `redact` takes the token out of a text. `warnings` collects the warnings.
    """

    redact: Callable[[str], str]
    month_first: bool | None = False
    warnings: list[ParamWarning] = field(default_factory=list)


@dataclass(frozen=True)
class ParamType:
    """A type of the API document, with its possible values where the document lists them."""

    name: str
    values: tuple[str, ...] = ()


def _text(value: Any, info: ValidationInfo[ValidationContext]) -> str:
    text = info.context.redact(parsers.text(value))
    if "\ufffd" in text:
        info.context.warnings.append(
            ParamWarning(
                str(info.field_name),
                "Some letters were lost: the text was not sent as UTF-8. It was saved as it came.",
            )
        )
    return text


def _uuid(value: Any, info: ValidationInfo[ValidationContext]) -> str:
    sent = parsers.trimmed(value)
    # The mask is shorter than the token, unless the token has three characters or fewer.
    if len(info.context.redact(sent)) < len(sent):
        raise ValueError("Send a UUID of the appointment's own, not the token.")
    return parsers.uuid(sent)


def _choice(of: ParamType) -> PlainValidator:
    def read(value: Any) -> str:
        chosen = parsers.trimmed(value)
        if chosen not in of.values:
            raise ValueError(f"Send one of {', '.join(of.values)}.")
        return chosen

    return PlainValidator(read)


def _identifier(value: Any, info: ValidationInfo[ValidationContext]) -> int | None:
    number = parsers.integer(value)
    if number == 0:
        info.context.warnings.append(
            ParamWarning(str(info.field_name), "0 was read as not passed; leave the id out.")
        )
    return number or None


def _dated(read: Callable[..., str]) -> PlainValidator:
    def read_dated(value: Any, info: ValidationInfo[ValidationContext]) -> str:
        context = info.context
        if context.month_first is None:
            return str(value)
        parsed = read(value, month_first=context.month_first)
        if context.month_first and parsers.begins_with_iso_date(value):
            context.warnings.append(
                ParamWarning(
                    str(info.field_name),
                    f"Read as YYYY-MM-DD ({parsed}) although month_first is true; send M/D/YYYY.",
                )
            )
        return parsed

    return PlainValidator(read_dated)


_APPLICATION: Final = ParamType("string", APPLICATIONS)
_SESSION_VIEW: Final = ParamType("string", SESSION_VIEWS)

String = Annotated[str | None, ParamType("string"), PlainValidator(_text)]
Token = Annotated[str, ParamType("string"), PlainValidator(parsers.trimmed)]
RequiredString = Annotated[str, ParamType("string"), PlainValidator(_text)]
Application = Annotated[str | None, _APPLICATION, _choice(_APPLICATION)]
SessionView = Annotated[str | None, _SESSION_VIEW, _choice(_SESSION_VIEW)]
Uuid = Annotated[str | None, ParamType("string"), PlainValidator(_uuid)]
Boolean = Annotated[bool | None, ParamType("boolean"), PlainValidator(parsers.boolean)]
Integer = Annotated[int | None, ParamType("integer"), PlainValidator(parsers.integer)]
Identifier = Annotated[int | None, ParamType("integer"), PlainValidator(_identifier)]
Date = Annotated[str | None, ParamType("date"), _dated(parsers.calendar_date)]
Time = Annotated[str | None, ParamType("time"), PlainValidator(parsers.time_of_day)]
DateTime = Annotated[str | None, ParamType("datetime"), _dated(parsers.date_and_time)]


def _param(position: int, description: str, *, required: bool = False) -> Any:
    return Field(
        default=... if required else None,
        description=description,
        json_schema_extra={"position": position},
    )


class Parameters(BaseModel):
    """The parameters of a request in their stored forms; None if one was not passed.

    Dates, times and datetimes are texts in the stored form of specification section 3. The order,
    the names, the types and the positions are those of the API document.
    """

    model_config = ConfigDict(frozen=True)

    token: Token = _param(100, "The token of the session or application that asks.", required=True)
    application: Application = _param(200, "The application whose role the caller acts in.")
    session_view: SessionView = _param(300, "Ask for the session in the response, in this view.")
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
        """Return what is stored and returned: the passed parameters in their stored forms."""
        return self._passed(STORED)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 (hex) of the content: two requests with the same one ask for the same."""
        content = self._passed(_IN_FINGERPRINT)
        return hashlib.sha256(to_json(content)).hexdigest()

    def _passed(self, names: Iterable[str]) -> dict[str, str | int | bool]:
        values = vars(self)
        return {name: value for name in names if (value := values[name]) is not None}


NAMES: Final = tuple(Parameters.model_fields)
# The parameters that an item holds, in the contract's order.
STORED: Final = tuple(name for name in NAMES if name not in NOT_STORED)
_IN_FINGERPRINT: Final = sorted(set(STORED) - NOT_IN_FINGERPRINT)


def type_of(name: str) -> ParamType:
    """Return the type of the parameter `name`."""
    metadata = Parameters.model_fields[name].metadata
    return next(entry for entry in metadata if isinstance(entry, ParamType))
