"""One botocore session and one client per service, so that each is created only once.

boto3 would create the same clients and import much that the function does not use. Two private
hooks of libraries are used here, and a test of each fails if the library changes it.
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

# Each call is bounded: two attempts, each with at most 1 s to connect and 2 s for the response.
# botocore composes its own user agent twice per call: a fixed one saves 14 % of a warm request.
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
    """Return the one client of an AWS service; it is created when it is first needed."""
    created: Any = _SESSION.create_client(service, region_name=SETTINGS.region, config=BOUNDED)
    created._make_api_call = _with_call_notes(created._make_api_call)
    return created


def _with_call_notes(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, whose exceptions then have a note with the operation and its target.

    A time-out in botocore names neither, and PynamoDB wraps each exception. The method is private
    to botocore. PynamoDB calls it too, so each call goes through it.
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


def share_client_with(connection: "TableConnection") -> None:
    """Make a PynamoDB connection use our client; otherwise each model creates its own."""
    connection.connection._client = client("dynamodb")


# Created in INIT, and not in the first request.
client("dynamodb")
