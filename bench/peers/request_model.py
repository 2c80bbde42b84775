"""The request as a pydantic model, as the pages on body validation write one.

https://docs.pydantic.dev/latest/concepts/models/ and, for how the peers use it,
https://docs.powertools.aws.dev/lambda/python/latest/core/event_handler/api_gateway/#data-validation
https://fastapi.tiangolo.com/tutorial/body/
"""

from datetime import date, datetime, time
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, NonNegativeInt


class AppointmentRequest(BaseModel):
    """The body of a request."""

    token: str
    application: Literal["planoauth", "planoorder", "planox2"] | None = None
    session_view: Literal["default", "full"] | None = None
    confirmed: bool | None = None
    cancelled: bool | None = None
    allday: bool | None = None
    appt_type: str | None = None
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    date_start_local: date | None = None
    date_start_office: date | None = None
    date_stop_local: date | None = None
    date_stop_office: date | None = None
    delivery_type: str | None = None
    description: str | None = None
    location: str | None = None
    notes: str | None = None
    on_site_cancel: bool | None = None
    optional: bool | None = None
    order_id: NonNegativeInt | None = None
    order_request_appt_id: NonNegativeInt | None = None
    photographer_name: str | None = None
    photographer_user_id: NonNegativeInt | None = None
    requested_date: date | None = None
    requested_time: time | None = None
    same_day_cancel: bool | None = None
    time_start_local: time | None = None
    time_start_office: time | None = None
    time_stop_local: time | None = None
    time_stop_office: time | None = None
    summary: str | None = None
    time_duration: str | None = None
    created_by: str | None = None
    created_in: str | None = None
    updated_at_mt: str
    updated_by: str | None = None
    uuid: UUID | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    month_first: bool | None = None
    date_stop_utc: date | None = None
    date_start_utc: date | None = None
    time_start_utc: time | None = None
    time_stop_utc: time | None = None
    time_duration_s: NonNegativeInt | None = None
    ready_to_schedule: bool | None = None
    window_date_start: date | None = None
    window_date_end: date | None = None
    window_time_start: NonNegativeInt | None = None
    window_time_end: NonNegativeInt | None = None
    order_request_id: NonNegativeInt | None = None

    def appointment(self) -> dict[str, Any]:
        """Return what is stored and returned, in the contract's own forms."""
        return self.model_dump(
            mode="json", exclude_none=True, exclude={"token", "session_view", "month_first"}
        )
