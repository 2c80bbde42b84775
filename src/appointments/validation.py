"""Validate the parameters of a request: all errors at once, and the warnings."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from appointments import parsers
from appointments.errors import ApiError, ParamError, ParamWarning
from appointments.parameters import NAMES, Parameters, ValidationContext
from appointments.request import redact_all
from appointments.statuses import Status

_MAX_RECEIVED: Final = 100
_MAX_UNKNOWN_LISTED: Final = 20
_HOUR: Final = 3600.0


def read(
    values: Mapping[str, Any],
    *,
    unknown: Iterable[str] = (),
    extra_errors: Sequence[ParamError] = (),
    redact: Callable[[str], str] = str,
    is_strict: bool = False,
) -> tuple[Parameters, list[ParamWarning]]:
    """Read the values of a request (specification section 3).

    `values` are the known parameters as received, `unknown` the names of the others.
    `extra_errors` are errors outside the parameters. `redact` takes the token out of a text.
    If `is_strict`, an unknown parameter is an error, otherwise a warning. Raises ApiError with
    all errors at once.
    """
    remarks = list(_unknown(list(unknown), redact, is_strict=is_strict))
    if is_strict:
        refused = [ParamError(name, Status.INVALID_PARAM, message) for name, message in remarks]
        extra_errors, remarks = [*extra_errors, *refused], []
    passed = {name: value for name, value in values.items() if not parsers.is_blank(value)}
    context = ValidationContext(
        redact, warnings=[ParamWarning(name, message) for name, message in remarks]
    )
    try:
        context.month_first = parsers.boolean(passed.get("month_first", False))
    except ValueError:
        context.month_first = None
    errors = list(extra_errors)
    try:
        parameters = Parameters.model_validate(passed, context=context)
    except ValidationError as invalid:
        errors = [*(_param_error(error, redact) for error in invalid.errors()), *extra_errors]
    # Raised outside `except`: as the `__context__` of ApiError, pydantic's error would form a cycle
    # through its tracebacks that the garbage collector cannot see. Each request would leak.
    if errors:
        raise ApiError.from_errors(errors, context.warnings)
    return parameters, [*context.warnings, *_contradictions(parameters)]


def _param_error(error: Any, redact: Callable[[str], str]) -> ParamError:
    name = str(error["loc"][0])
    if error["type"] == "missing":
        meaning = Parameters.model_fields[name].description
        message = f"Send it in the body; it is required. {meaning}"
        return ParamError(name, Status.MISSING_PARAM, message)
    received = None if name == "token" else redact_and_truncate(error["input"], redact)
    return ParamError(name, Status.INVALID_PARAM, str(error["ctx"]["error"]), received)


def redact_and_truncate(value: Any, redact: Callable[[str], str]) -> str:
    """Return at most 100 characters of what was received, without the token."""
    redacted = redact_all(value, redact)
    text = redacted if isinstance(redacted, str) else json.dumps(redacted, ensure_ascii=False)
    return redact(text)[:_MAX_RECEIVED]


def _unknown(
    names: list[str], redact: Callable[[str], str], *, is_strict: bool
) -> Iterable[tuple[str, str]]:
    """Yield the name of each unknown parameter, with the message about it."""
    treated = "not accepted" if is_strict else "ignored"
    for name in names[:_MAX_UNKNOWN_LISTED]:
        near = get_close_matches(name.lower(), NAMES, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else "."
        yield (
            redact_and_truncate(name, redact),
            f"There is no such parameter; it was {treated}{hint}",
        )
    if len(names) > _MAX_UNKNOWN_LISTED:
        more = f"{len(names) - _MAX_UNKNOWN_LISTED} more unknown parameters were {treated}"
        yield "body", f"{more} ({len(names)} in all)."


def _contradictions(parameters: Parameters) -> Iterable[ParamWarning]:
    """Yield a warning for each stop before its start, and for a duration that contradicts them."""
    passed = vars(parameters)
    for zone in ("local", "office", "utc"):
        days = passed[f"date_start_{zone}"], passed[f"date_stop_{zone}"]
        times = passed[f"time_start_{zone}"], passed[f"time_stop_{zone}"]
        if None in days:
            continue
        is_complete = None not in times
        if days[0] != days[1] or not is_complete:
            what, (start, stop) = "date", days
        else:
            what, (start, stop) = "time", times
        if stop < start:
            yield ParamWarning(f"{what}_stop_{zone}", f"It lies before {what}_start_{zone}.")
        seconds = passed["time_duration_s"]
        if seconds is not None and is_complete:
            begins = datetime.fromisoformat(f"{days[0]}T{times[0]}")
            ends = datetime.fromisoformat(f"{days[1]}T{times[1]}")
            lasts = (ends - begins).total_seconds()
            # Outside UTC, the clocks may change by an hour between start and stop.
            tolerated = {0.0} if zone == "utc" else {0.0, _HOUR, -_HOUR}
            if lasts - seconds not in tolerated:
                yield ParamWarning(
                    "time_duration_s",
                    f"{seconds} s were sent, but start and stop ({zone}) lie "
                    f"{parsers.text(lasts)} s apart.",
                )
    for what in ("date", "time"):
        start, end = passed[f"window_{what}_start"], passed[f"window_{what}_end"]
        if None not in (start, end) and end < start:
            yield ParamWarning(f"window_{what}_end", f"It lies before window_{what}_start.")
