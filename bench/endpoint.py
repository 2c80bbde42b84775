"""The local AWS endpoint that all targets call: MiniStack in a process of its own."""

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
from tools.release import build

START_SECONDS: Final = 60
TABLES: Final = {
    "sessions": "SessionsTable",
    "records": "RecordsTable",
    "appointments": "AppointmentsTable",
}
_CREATED: Final = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


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
            NOTIFICATIONS_TOPIC=f"arn:aws:sns:{REGION}:000000000000:notifications",
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

    def seed(self) -> None:
        """Write the sessions and records."""
        seeds.write(self.client("dynamodb"), "sessions", "records")

    def empty_appointments(self) -> None:
        """Create the appointments table anew, so that no run slows the next by its items."""
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
            _set_up(endpoint)
            yield endpoint
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _set_up(endpoint: Endpoint) -> None:
    for table in TABLES:
        _create(endpoint.client("dynamodb"), table)
    endpoint.seed()
    endpoint.client("sns").create_topic(Name="notifications")
    endpoint.client("secretsmanager").create_secret(
        Name="mandrill", SecretString=seeds.MANDRILL_KEY
    )


def _create(dynamodb: Any, table: str) -> None:
    """Create a table as the template declares it."""
    declared = build.built_template()["Resources"][TABLES[table]]["Properties"]
    properties = {name: declared[name] for name in _CREATED if name in declared}
    dynamodb.create_table(TableName=table, **properties)
