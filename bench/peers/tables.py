"""The three tables as PynamoDB models, as its tutorial writes them.

https://pynamodb.readthedocs.io/en/stable/quickstart.html
"""

import os

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.models import Model


class Session(Model):
    """A row of the sessions table."""

    class Meta:
        table_name = os.environ["SESSIONS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    token_hash = UnicodeAttribute(hash_key=True)
    uuid = UnicodeAttribute()
    kind = UnicodeAttribute()
    user_id = NumberAttribute(null=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    roles: MapAttribute = MapAttribute(null=True)
    remember_me = BooleanAttribute(null=True)
    created_at = NumberAttribute(null=True)
    last_used_at = NumberAttribute(null=True)
    revoked = BooleanAttribute(null=True)


class Record(Model):
    """A row of the records table."""

    class Meta:
        table_name = os.environ["RECORDS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    record = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    deployed = BooleanAttribute(null=True)
    permissions: ListAttribute = ListAttribute(null=True)


class Appointment(Model):
    """A row of the appointments table."""

    class Meta:
        table_name = os.environ["APPOINTMENTS_TABLE"]
        region = os.environ["AWS_REGION"]
        host = os.environ.get("AWS_ENDPOINT_URL")

    uuid = UnicodeAttribute(hash_key=True)
    request_id = UnicodeAttribute()
    role = UnicodeAttribute()
    application = UnicodeAttribute(null=True)
    confirmed = BooleanAttribute(null=True)
    cancelled = BooleanAttribute(null=True)
    allday = BooleanAttribute(null=True)
    appt_type = UnicodeAttribute(null=True)
    confirmed_at = UnicodeAttribute(null=True)
    confirmed_by = UnicodeAttribute(null=True)
    date_start_local = UnicodeAttribute(null=True)
    date_start_office = UnicodeAttribute(null=True)
    date_stop_local = UnicodeAttribute(null=True)
    date_stop_office = UnicodeAttribute(null=True)
    delivery_type = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    location = UnicodeAttribute(null=True)
    notes = UnicodeAttribute(null=True)
    on_site_cancel = BooleanAttribute(null=True)
    optional = BooleanAttribute(null=True)
    order_id = NumberAttribute(null=True)
    order_request_appt_id = NumberAttribute(null=True)
    photographer_name = UnicodeAttribute(null=True)
    photographer_user_id = NumberAttribute(null=True)
    requested_date = UnicodeAttribute(null=True)
    requested_time = UnicodeAttribute(null=True)
    same_day_cancel = BooleanAttribute(null=True)
    time_start_local = UnicodeAttribute(null=True)
    time_start_office = UnicodeAttribute(null=True)
    time_stop_local = UnicodeAttribute(null=True)
    time_stop_office = UnicodeAttribute(null=True)
    summary = UnicodeAttribute(null=True)
    time_duration = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    created_in = UnicodeAttribute(null=True)
    updated_at_mt = UnicodeAttribute(null=True)
    updated_by = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    date_stop_utc = UnicodeAttribute(null=True)
    date_start_utc = UnicodeAttribute(null=True)
    time_start_utc = UnicodeAttribute(null=True)
    time_stop_utc = UnicodeAttribute(null=True)
    time_duration_s = NumberAttribute(null=True)
    ready_to_schedule = BooleanAttribute(null=True)
    window_date_start = UnicodeAttribute(null=True)
    window_date_end = UnicodeAttribute(null=True)
    window_time_start = NumberAttribute(null=True)
    window_time_end = NumberAttribute(null=True)
    order_request_id = NumberAttribute(null=True)
