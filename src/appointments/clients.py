"""One botocore session and one client a service, so that each is paid for once.

boto3 would make the same clients and import what nothing here uses; the private hook that hands
PynamoDB our client is here, and its test fails when PynamoDB changes it.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from appointments.reasons import CALL_NOTE
from appointments.settings import SETTINGS
from appointments.tables import dynamo_json

if TYPE_CHECKING:
    from pynamodb.connection import TableConnection

# Every wait is bounded: two attempts of at most 1 s to connect and 2 s to be answered. botocore
# composes its own user agent twice per call: a fixed one saves 14 % of a warm request.
BOUNDED: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
    user_agent="appointments-create",
)

_SESSION: Final = get_session()
dynamo_json.pass_through(_SESSION)


_TABLES: Final = {
    SETTINGS.sessions_table: "sessions",
    SETTINGS.records_table: "records",
    SETTINGS.appointments_table: "appointments",
}


@cache
def client(service: str) -> Any:
    """Return the one client of an AWS service, made when it is first needed."""
    made: Any = _SESSION.create_client(service, region_name=SETTINGS.region, config=BOUNDED)
    made._make_api_call = _noting_failures(made._make_api_call)
    return made


def _noting_failures(call: Callable[..., Any]) -> Callable[..., Any]:
    """Have each exception of a client's calls name the operation and what it was called on.

    A time-out of botocore's names neither, and PynamoDB wraps what it gets. The method is private
    to botocore, and PynamoDB calls it too: this is the one place that sees every call.
    """

    def make_api_call(operation: str, parameters: dict[str, Any]) -> Any:
        try:
            return call(operation, parameters)
        except (BotoCoreError, ClientError) as failed:
            failed.add_note(call_note(operation, parameters))
            raise

    return make_api_call


def call_note(operation: str, parameters: dict[str, Any]) -> str:
    """Return the note that names a call, such as `PutItem on appointments`."""
    return f"{CALL_NOTE}{operation}{_target(parameters)}"


def _target(parameters: dict[str, Any]) -> str:
    """Return the tables or the service that a call names, as a phrase."""
    names = [parameters["TableName"]] if "TableName" in parameters else []
    names += parameters.get("RequestItems", ())
    if "TopicArn" in parameters:
        return " on the notifications topic"
    if "SecretId" in parameters:
        return " on the Mandrill secret"
    return f" on {' and '.join(sorted(_TABLES.get(name, name) for name in names))}" if names else ""


def lend(connection: "TableConnection") -> None:
    """Have a PynamoDB connection use our client; by itself each model would make its own."""
    connection.connection._client = client("dynamodb")


client("dynamodb")
