"""What a caller writes with the client that openapi-python-client makes; writes what it read."""

import json
import sys

from appointments_client import Client
from appointments_client.api.appointments import create_appointment
from appointments_client.models import (
    ActionSuccessful,
    FileMakerParameters,
    InvalidToken,
    MissingParam,
    Parameters,
)

url, token, uuid = sys.argv[1:]
client = Client(base_url=url)

created = create_appointment.sync(
    client=client,
    idempotency_key=uuid,
    body=Parameters(
        token=token,
        updated_at_mt="2027-01-04 16:05:00",
        order_id=1001,
        date_start_local="2027-01-05",
        confirmed=True,
    ),
)
assert isinstance(created, ActionSuccessful)
date = created.data.appointment.date_start_local

by_filemaker = create_appointment.sync(
    client=client,
    body=FileMakerParameters(
        token=token,
        month_first="1",
        updated_at_mt="1/4/2027",
        order_id="1001",
        date_start_local="1/5/2027",
        confirmed="1",
    ),
)
assert isinstance(by_filemaker, ActionSuccessful)

failed = create_appointment.sync(
    client=client, body=Parameters(token=token, updated_at_mt="", date_start_local="13/45/2026")
)
assert isinstance(failed, MissingParam)
refused = create_appointment.sync(
    client=client, body=Parameters(token="unknown", updated_at_mt="now")
)
assert isinstance(refused, InvalidToken)
json.dump(
    {
        "uuid": str(created.uuid),
        "email": created.data.email.status.value,
        "date": str(date),
        "filemaker": by_filemaker.saved,
        "errors": sorted(error.param for error in failed.errors),
        "refused": refused.code.value,
    },
    sys.stdout,
)
