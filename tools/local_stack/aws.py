"""The session that every call to the local stack is made with."""

from typing import Final

import boto3

from tools.environment import CREDENTIALS, REGION

session: Final = boto3.Session(
    aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
    aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    region_name=REGION,
)
