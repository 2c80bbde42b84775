"""One botocore session and one client a service, so that each is paid for once.

boto3 would make the same clients and import what nothing here uses; the private hook that hands
PynamoDB our client is here, and its test fails when PynamoDB changes it.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.session import get_session

from appointments import wire
from appointments.settings import SETTINGS

if TYPE_CHECKING:
    from pynamodb.connection import TableConnection

# Every wait is bounded: two attempts of at most 1 s to connect and 2 s to be answered. The user
# agent is told so that botocore does not spell out its long one twice a call.
BOUNDED: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
    parameter_validation=False,
    user_agent="appointments-create",
)

_SESSION: Final = get_session()
wire.pass_through(_SESSION)


@cache
def client(service: str) -> Any:
    """Return the one client of an AWS service, made when it is first needed."""
    return _SESSION.create_client(service, region_name=SETTINGS.region, config=BOUNDED)


def lend(connection: "TableConnection") -> None:
    """Have a PynamoDB connection use our client; by itself each model would make its own."""
    connection.connection._client = client("dynamodb")


client("dynamodb")
