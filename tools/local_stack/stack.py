"""The local stack: MiniStack with the deployed template, and the Mandrill sandbox beside it.

`up` and `down` take a home for all of its state, so that tests have stacks of their own.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import urllib3

from appointments_operator import local_env
from tools.bootstrap import LOCAL
from tools.environment import DEFAULT_PORT, REGION
from tools.errors import ToolError
from tools.local_stack import deployment, local_invoke, post_deploy, processes, seeds, services
from tools.local_stack.aws import session
from tools.release import build
from tools.terminal import step

HOME: Final = LOCAL
RESPONSE_SECONDS: Final = 30
REQUEST_SECONDS: Final = 35


@dataclass(frozen=True)
class Stack:
    """A running stack: what `stack.json` has."""

    api_url: str
    host: str
    endpoint_url: str
    region: str
    function_name: str
    log_group: str
    sessions_table: str
    records_table: str
    appointments_table: str
    notifications_topic: str
    notifications_table: str
    mandrill_url: str
    tokens: Mapping[str, str]

    @property
    def base_url(self) -> str:
        """The base URL of the API that every client reaches."""
        return local_env.base_url(self.endpoint_url, self.host)

    @property
    def callers_page(self) -> str:
        """The URL of the page for callers."""
        return services.callers_page_url(self.port + 3)

    @property
    def port(self) -> int:
        """The emulator's port."""
        return int(self.endpoint_url.rpartition(":")[2])

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request to the API, also if `*.localhost` does not resolve."""
        return urllib3.request(
            method,
            self.endpoint_url + path,
            body=body,
            headers={"Host": self.host, **(headers or {})},
            timeout=REQUEST_SECONDS,
            retries=False,
        )


def find(home: Path = HOME) -> Stack | None:
    """Find the stack that runs in this home."""
    description = home / "stack.json"
    if processes.find(services.emulator(home)) is None or not description.is_file():
        return None
    try:
        return Stack(**json.loads(description.read_text()))
    except (TypeError, ValueError) as failed:
        raise ToolError(f"{description} is of another version: make down, then make up") from failed


def last_port(home: Path = HOME) -> int:
    """Return the port of the stack that was started last in this home."""
    try:
        return int((home / "port").read_text())
    except (OSError, ValueError):
        return DEFAULT_PORT


def up(port: int | None = None, home: Path = HOME) -> Stack:
    """Start what does not run, deploy what has changed, add seeds; return when the API responds.

    If it fails or is interrupted, what it started is stopped.
    """
    running = find(home)
    port = port or (running.port if running else DEFAULT_PORT)
    if running and running.port != port:
        raise ToolError(
            f"The local stack already runs on port {running.port}. To move it: make down, "
            f"then make up PORT={port}"
        )
    home.mkdir(parents=True, exist_ok=True)
    services.refuse_taken(home, port)
    started = [record for record in services.records(home) if processes.find(record) is None]
    try:
        return _start(port, home)
    except BaseException:
        for record in started:
            processes.stop(record)
        raise


def _start(port: int, home: Path) -> Stack:
    endpoint_url, mandrill_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    services.start_emulator(home, port)
    services.start_sandbox(home, port + 1)
    services.start_forwarder(home, port)

    cloudformation = session.client("cloudformation", endpoint_url=endpoint_url)
    outputs = deployment.outputs(cloudformation, mandrill_url)
    if outputs is None:
        with step("Build the package (sam build)"):
            build.build()
        with step("Deploy the template (sam deploy)"):
            deployment.deploy(endpoint_url, mandrill_url)
        outputs = deployment.outputs(cloudformation, mandrill_url)
        if outputs is None:
            raise ToolError("The stack was deployed, but is not there as it was deployed.")
    host = f"{outputs['ApiId']}.execute-api.localhost:{port}"
    stack = Stack(
        api_url=f"http://{host}",
        host=host,
        endpoint_url=endpoint_url,
        region=REGION,
        function_name=outputs["FunctionName"],
        log_group=outputs["LogGroup"],
        sessions_table=outputs["SessionsTable"],
        records_table=outputs["RecordsTable"],
        appointments_table=outputs["AppointmentsTable"],
        notifications_topic=outputs["NotificationsTopic"],
        notifications_table=outputs["NotificationsTable"],
        mandrill_url=mandrill_url,
        tokens=seeds.TOKENS,
    )
    with step("Seed sessions and records"):
        post_deploy.configure(endpoint_url, outputs)
    with step("Wait for the API's response"):
        _await_response(stack)
    services.start_console(home, port + 2, endpoint_url)
    services.start_callers_page(home, port + 3, stack.base_url)
    description = home / "stack.json"
    description.touch(mode=0o600)
    description.write_text(json.dumps(asdict(stack), indent=2) + "\n")
    (home / "port").write_text(str(port))
    local_invoke.write(stack, home)
    return stack


def down(home: Path = HOME) -> bool:
    """Stop all processes, so that the emulator saves its state; whether anything ran."""
    ran = [processes.stop(record) for record in services.records(home)]
    (home / "stack.json").unlink(missing_ok=True)
    services.console_url(home).unlink(missing_ok=True)
    local_invoke.remove(home)
    shutil.rmtree(home / "tmp", ignore_errors=True)  # the emulator leaves each unpacked package
    return any(ran)


def _await_response(stack: Stack) -> None:
    deadline = time.monotonic() + RESPONSE_SECONDS
    while True:
        response = stack.request("GET", "/")
        # A page of the gateway has no request id of the function's.
        if "x-request-id" in response.headers:
            return
        if time.monotonic() > deadline:
            raise ToolError(f"The API does not respond: {response.status} {response.data!r}")
        time.sleep(processes.LOOK_AGAIN_SECONDS)
