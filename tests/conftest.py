"""What must be set before anything reads it: the environment, and how hypothesis searches."""

import os

import moto.core.models  # noqa: F401 - before botocore's first session, which it is to see
from hypothesis import HealthCheck, settings

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    SESSIONS_TABLE="sessions",
    RECORDS_TABLE="records",
    APPOINTMENTS_TABLE="appointments",
    NOTIFICATIONS_TOPIC="arn:aws:sns:us-east-1:123456789012:notifications",
    MANDRILL_URL="http://127.0.0.1:9/api/1.0",
    MANDRILL_SECRET="mandrill",
    STAGE="test",
    NOTIFICATIONS_TABLE="notifications",
)
os.environ.pop("AWS_ENDPOINT_URL", None)
os.environ.pop("AWS_PROFILE", None)

# No clock decides on a machine that others share.
settings.register_profile(
    "shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("shared")
