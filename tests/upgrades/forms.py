"""The forms that an appointment's item can have, each made by the function itself."""

from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import EndpointConnectionError

from tests.support.fake_aws import FakeAws, event

SCHEDULE: Final = {"schedule": "owed"}
MAX_TRIES: Final = 5  # the request's own and the schedule's (specification section 8)
# Users for whose addresses Mandrill has a response of its own.
ADDRESSES: Final = {
    "user#502": "rex@rejected.test",
    "user#601": "dee@down.test",
    "user#602": "gus@garbage.test",
}
_TIMES: Final = ("due", "email_due", "notify_due", "lease_until")
# Every parameter, as FileMaker sends it.
EVERYTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(("confirmed", "allday", "optional", "ready_to_schedule"), "1"),
    **dict.fromkeys(("cancelled", "on_site_cancel", "same_day_cancel"), "0"),
    **dict.fromkeys(("date_start_local", "date_stop_local", "requested_date"), "1/5/2027"),
    **dict.fromkeys(("date_start_office", "date_stop_office"), "1/5/2027"),
    **dict.fromkeys(("date_start_utc", "date_stop_utc"), "1/6/2027"),
    **dict.fromkeys(("window_date_start", "window_date_end"), "1/7/2027"),
    **dict.fromkeys(("time_start_local", "time_start_office", "requested_time"), "7:30 PM"),
    **dict.fromkeys(("time_stop_local", "time_stop_office"), "8:30:05,5 PM"),
    "time_start_utc": "2:30",
    "time_stop_utc": "3:30",
    "time_duration_s": "3600",
    **dict.fromkeys(("confirmed_at", "created_at", "updated_at"), "1/4/2027 4:05:00 PM"),
    **dict.fromkeys(("appt_type", "delivery_type", "summary", "time_duration"), "Twilight"),
    **dict.fromkeys(("description", "location", "notes"), "Gate code 1234\rRing twice"),
    **dict.fromkeys(("confirmed_by", "created_by", "created_in", "updated_by"), "bo"),
    "order_id": "1001",
    "order_request_id": "2001",
    "order_request_appt_id": "3001",
    "photographer_user_id": "501",
    "photographer_name": "Pat",
    "application": "planox2",
    "window_time_start": "8",
    "window_time_end": "17",
    "month_first": "1",
    "uuid": "7F0C0F4E6A574B389D3C2F4A1F5D9C10",
    "session_view": "full",
}


def bare(aws: FakeAws) -> None:
    """Send the fewest parameters, without a recipient."""
    aws.post()


def everything(aws: FakeAws) -> None:
    """Send every parameter, with an Idempotency-Key that a `uuid` overrides."""
    headers = {"content-type": "application/json", "idempotency-key": "fm-1"}
    aws.send(event(headers=headers, **EVERYTHING))


def keyed(aws: FakeAws) -> None:
    """Name the appointment by an Idempotency-Key alone."""
    headers = {"content-type": "application/json", "idempotency-key": '"fm-2"'}
    aws.send(event(token="no-address-token", headers=headers))


def partly_sent(aws: FakeAws) -> None:
    """Send an email to two recipients, of whom Mandrill rejects one."""
    aws.post(token="session-token", photographer_user_id=502)


def failed(aws: FakeAws) -> None:
    """Send an email while Mandrill is down."""
    aws.post(photographer_user_id=601)


def unanswered(aws: FakeAws) -> None:
    """Get a response from Mandrill that cannot be read: it may have the email."""
    aws.post(photographer_user_id=602)


def result_not_saved(aws: FakeAws) -> None:
    """Send the email, and fail to save the result."""
    aws.faults.inject["UpdateItem"] = ["refused"] * 2
    aws.post(photographer_user_id=501)


def unpublished(aws: FakeAws) -> None:
    """Fail to send the email, and to publish its notification."""
    from appointments import clients  # noqa: PLC0415 - moto first

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="sns")

    events = clients.client("sns").meta.events
    events.register_first("before-send.sns.Publish", refuse)
    try:
        aws.post(photographer_user_id=601)
    finally:
        events.unregister("before-send.sns.Publish", refuse)


def given_up(aws: FakeAws) -> None:
    """Try as often as the schedule does."""
    aws.post(photographer_user_id=502)
    for _ in range(MAX_TRIES):
        make_due(aws)
        aws.invoke(SCHEDULE)


FORMS: Final[dict[str, Callable[[FakeAws], None]]] = {
    form.__name__: form
    for form in (
        *(bare, everything, keyed, partly_sent, failed),
        *(unanswered, result_not_saved, unpublished, given_up),
    )
}


def make_due(aws: FakeAws) -> None:
    """Let the time pass that the schedule waits, and a lease lasts."""
    item = aws.item()
    overdue: dict[str, int] = {name: 0 for name in _TIMES if name in item}
    aws.dynamodb.Table("appointments").put_item(Item={**item, **overdue})
