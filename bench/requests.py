"""The requests that are measured: a usual one, and the ones that grow."""

import json
from typing import Any, Final

from bench.baselines import contract
from bench.worker import KEY
from tools.local_stack import seeds
from tools.paths import EVENTS

_EVENT: Final = json.loads((EVENTS / "http-api.json").read_text())
# A usual request: four references, no recipient with an address: an email would outweigh the rest.
USUAL: Final[dict[str, Any]] = {
    "token": seeds.TOKENS["application"],
    "updated_at_mt": "2027-01-04 16:05:00",
    "session_view": "default",
    "order_id": 1001,
    "order_request_id": 2001,
    "order_request_appt_id": 3001,
    "photographer_user_id": 503,
    "appt_type": "photo",
    "date_start_local": "2027-01-05",
    "time_start_local": "19:30:00",
    "date_stop_local": "2027-01-05",
    "time_stop_local": "21:00:00",
    "time_duration_s": 5400,
    "location": "12 Elm Street, Denver",
    "summary": "Twilight photos",
    "confirmed": True,
}
_LEAST: Final = {name: USUAL[name] for name in contract.REQUIRED}
# Every parameter; no stop is before its start, and the duration is the one sent: no warnings.
EVERYTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(contract.STRINGS, "Twilight photos"),
    **dict.fromkeys(contract.BOOLEANS, False),
    **dict.fromkeys(contract.INTEGERS, 900),
    **dict.fromkeys(contract.DATES, "2027-01-05"),
    **dict.fromkeys(contract.TIMES, "19:30:00"),
    **dict.fromkeys(contract.DATETIMES, "2027-01-04T16:00:00"),
    **dict.fromkeys(("time_stop_local", "time_stop_office", "time_stop_utc"), "21:00:00"),
    "application": "planox2",
    "uuid": KEY,
    **USUAL,
}
SIZES: Final = (2, 48)
PARAMETERS: Final = (len(_LEAST), len(EVERYTHING))
# One more between the first and the last shows whether growth is linear.
ERRORS: Final = (1, len(EVERYTHING) // 2, len(EVERYTHING))


def event(body: dict[str, Any]) -> dict[str, Any]:
    """Return the HTTP API's event for a body; the worker gives each one an id of its own."""
    return {**_EVENT, "body": json.dumps(body)}


def of_size(kilobytes: int) -> dict[str, Any]:
    """Return the usual request with notes that fill its body to so many KB."""
    room = kilobytes * 1024 - len(json.dumps(USUAL | {"notes": ""}))
    words = "Please ring twice, the dog is friendly. " * (room // 40 + 1)
    return event(USUAL | {"notes": words[:room]})


def with_parameters(count: int) -> dict[str, Any]:
    """Return a request with the fewest or with all parameters, with the same calls for both."""
    return event(EVERYTHING if count == len(EVERYTHING) else _LEAST)


def with_errors(count: int) -> dict[str, Any]:
    """Return a request with all parameters, so many of them invalid."""
    # An invalid `month_first` would excuse the dates, so it comes last.
    names = sorted(EVERYTHING, key=lambda name: name == "month_first")
    return event(EVERYTHING | {name: ["no parameter is an array"] for name in names[:count]})
