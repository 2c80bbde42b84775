"""The requests that are measured: a usual one, and the ones that grow."""

import json
from typing import Any, Final

from bench.worker import KEY
from tools.local_stack import seeds
from tools.paths import EVENTS

_EVENT: Final = json.loads((EVENTS / "http-api.json").read_text())
# A usual request: four references, nobody with an address, so that no email outweighs the rest.
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
_LEAST: Final = {name: USUAL[name] for name in ("token", "updated_at_mt")}
# All other parameters, in no need of a record, so that every size makes the same calls.
_MORE: Final[dict[str, Any]] = {
    "application": "planox2",
    "session_view": "default",
    "cancelled": False,
    "confirmed": True,
    "allday": False,
    "appt_type": "photo",
    "confirmed_at": "2027-01-04T16:00:00",
    "confirmed_by": "Bea Booker",
    "date_start_local": "2027-01-05",
    "date_start_office": "2027-01-05",
    "date_stop_local": "2027-01-05",
    "date_stop_office": "2027-01-05",
    "delivery_type": "online",
    "description": "Photos at dusk",
    "location": "12 Elm Street, Denver",
    "notes": "The gate code is 12",
    "on_site_cancel": False,
    "optional": False,
    "photographer_name": "Nora Noaddress",
    "requested_date": "2027-01-05",
    "requested_time": "19:30:00",
    "same_day_cancel": False,
    "time_start_local": "19:30:00",
    "time_start_office": "19:30:00",
    "time_stop_local": "21:00:00",
    "time_stop_office": "21:00:00",
    "summary": "Twilight photos",
    "time_duration": "an hour and a half",
    "created_by": "Bea Booker",
    "created_in": "planox2",
    "updated_by": "Bea Booker",
    "created_at": "2027-01-04T16:05:00",
    "updated_at": "2027-01-04T16:05:00",
    "month_first": False,
    "date_stop_utc": "2027-01-06",
    "date_start_utc": "2027-01-06",
    "time_start_utc": "02:30:00",
    "time_stop_utc": "04:00:00",
    "time_duration_s": 5400,
    "ready_to_schedule": True,
    "window_date_start": "2027-01-04",
    "window_date_end": "2027-01-06",
    "window_time_start": 700,
    "window_time_end": 2100,
    # The four references: their records are read in the one batch.
    "order_id": 1001,
    "order_request_appt_id": 3001,
    "photographer_user_id": 503,
    "order_request_id": 2001,
    "uuid": KEY,
}
_ALL: Final = len(_LEAST | _MORE)
PARAMETERS: Final = (len(_LEAST), 16, 32, 46, _ALL)
SIZES: Final = (2, 8, 16, 32, 48)
FAULTS: Final = (1, 2, 5, 10, 20, 30, 40, _ALL)


def event(body: dict[str, Any]) -> dict[str, Any]:
    """Return the HTTP API's event for a body; the worker gives each one an id of its own."""
    return {**_EVENT, "body": json.dumps(body)}


def of_size(kilobytes: int) -> dict[str, Any]:
    """Return the usual request with notes that fill its body to so many KB."""
    room = kilobytes * 1024 - len(json.dumps(USUAL | {"notes": ""}))
    words = "Please ring twice, the dog is friendly. " * (room // 40 + 1)
    return event(USUAL | {"notes": words[:room]})


def with_parameters(count: int) -> dict[str, Any]:
    """Return a request that passes so many parameters."""
    more = list(_MORE.items())[: count - len(_LEAST)]
    return event(_LEAST | dict(more))


def with_faults(count: int) -> dict[str, Any]:
    """Return a request with all parameters, so many of them at fault."""
    passed = _LEAST | _MORE
    # `month_first` comes last: at fault, it would excuse the dates.
    names = [name for name in passed if name != "month_first"] + ["month_first"]
    return event(passed | {name: ["no parameter is an array"] for name in names[:count]})
