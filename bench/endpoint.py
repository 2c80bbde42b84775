"""The local AWS endpoint that all are measured against: MiniStack in a process of its own."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from tools.bootstrap import LOCAL
from tools.environment import CREDENTIALS, REGION, bare_environment
from tools.local_stack import seeds
from tools.local_stack.processes import LOOK_AGAIN_SECONDS, free_ports, is_taken
from tools.paths import MINISTACK

START_SECONDS: Final = 60
TABLES: Final = {"sessions": "token_hash", "records": "record", "appointments": "uuid"}
TOPIC: Final = f"arn:aws:sns:{REGION}:000000000000:notifications"


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint, and the environment of a function that uses it."""

    url: str
    certificate: Path | None = None

    def environment(self, trusted: Path | None = None) -> dict[str, str]:
        """Return what Lambda would set; `trusted` are the certificates of a TLS endpoint."""
        more = {"AWS_CA_BUNDLE": str(trusted)} if trusted else {}
        return bare_environment(
            **CREDENTIALS,
            **more,
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_ENDPOINT_URL=self.url,
            AWS_LAMBDA_FUNCTION_NAME="bench",
            SESSIONS_TABLE="sessions",
            RECORDS_TABLE="records",
            APPOINTMENTS_TABLE="appointments",
            NOTIFICATIONS_TOPIC=TOPIC,
            MANDRILL_URL="http://127.0.0.1:9/api/1.0",
            MANDRILL_SECRET="mandrill",  # noqa: S106 - its name
            STAGE="bench",
            POWERTOOLS_SERVICE_NAME="appointments-create",
            POWERTOOLS_METRICS_NAMESPACE="Bench",
        )

    def client(self, service: str) -> Any:
        """Return the harness's own client."""
        make: Any = boto3.client  # its stubs know no service by a variable
        return make(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - any will do
            verify=str(self.certificate) if self.certificate else None,
        )

    def empty_appointments(self) -> None:
        """Make the appointments table anew, so that no run carries another's items."""
        dynamodb = self.client("dynamodb")
        dynamodb.delete_table(TableName="appointments")
        _create(dynamodb, "appointments")


@contextmanager
def start(*, tls: bool = False) -> Iterator[Endpoint]:
    """Serve seeded tables on a free port, over TLS with a certificate of its own if asked to."""
    with tempfile.TemporaryDirectory(dir=LOCAL) as home:
        port = free_ports(1)
        settings = bare_environment(
            GATEWAY_PORT=str(port),
            BIND_HOST="127.0.0.1",
            IOT_MTLS_ENABLED="0",
            TMPDIR=home,
            LOG_LEVEL="ERROR",
            **({"USE_SSL": "1"} if tls else {}),
        )
        with (Path(home) / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [MINISTACK, "-m", "ministack"], env=settings, stdout=log, stderr=log, cwd=home
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_taken(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError("MiniStack did not come up")
                time.sleep(LOOK_AGAIN_SECONDS)
            certificate = Path(home) / "ministack-tls" / "server.crt"
            endpoint = Endpoint(
                f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}",
                certificate if tls else None,
            )
            _furnish(endpoint)
            yield endpoint
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _furnish(endpoint: Endpoint) -> None:
    dynamodb = endpoint.client("dynamodb")
    for table in TABLES:
        _create(dynamodb, table)
    seeds.write(dynamodb, "sessions", "records")
    endpoint.client("sns").create_topic(Name="notifications")
    endpoint.client("secretsmanager").create_secret(
        Name="mandrill", SecretString=seeds.MANDRILL_KEY
    )


def _create(dynamodb: Any, table: str) -> None:
    key = TABLES[table]
    attributes = [{"AttributeName": key, "AttributeType": "S"}]
    more: dict[str, Any] = {}
    if table == "appointments":
        attributes += [
            {"AttributeName": "owed", "AttributeType": "S"},
            {"AttributeName": "due", "AttributeType": "N"},
        ]
        index = [
            {"AttributeName": "owed", "KeyType": "HASH"},
            {"AttributeName": "due", "KeyType": "RANGE"},
        ]
        keys_only = {"ProjectionType": "KEYS_ONLY"}
        more["GlobalSecondaryIndexes"] = [
            {"IndexName": "owed", "KeySchema": index, "Projection": keys_only}
        ]
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=attributes,
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
