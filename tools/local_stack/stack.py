"""The local stack: MiniStack with the deployed template, and the Mandrill sandbox beside it.

`up` and `down` take a home for all of its state, so that tests have stacks of their own.
"""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import urllib3

from tools.bootstrap import LOCAL
from tools.console import step
from tools.environment import LOG_GROUP, REGION, bare_environment
from tools.errors import ToolError
from tools.local_stack import deployment, local_invoke, post_deploy, processes, seeds
from tools.local_stack.aws import session
from tools.paths import MINISTACK
from tools.release import build

HOME: Final = LOCAL
DEFAULT_PORT: Final = 4566
START_SECONDS: Final = 60
ANSWER_SECONDS: Final = 30
REQUEST_SECONDS: Final = 35


@dataclass(frozen=True)
class Stack:
    """A running stack: what `stack.json` tells."""

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
    def port(self) -> int:
        """The emulator's port."""
        return int(self.endpoint_url.rpartition(":")[2])

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request to the API, also where `*.localhost` does not resolve."""
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
    told = home / "stack.json"
    if processes.find(_emulator(home)) is None or not told.is_file():
        return None
    return Stack(**json.loads(told.read_text()))


def up(port: int | None = None, home: Path = HOME) -> Stack:
    """Start what does not run, deploy what has changed, seed anew; return when the API answers."""
    running = find(home)
    port = port or (running.port if running else DEFAULT_PORT)
    if running and running.port != port:
        raise ToolError(f"The stack already runs on port {running.port}: use that, or `make down`.")
    home.mkdir(parents=True, exist_ok=True)
    endpoint_url, mandrill_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    _start_emulator(home, port)
    _start_sandbox(home, port + 1)
    _start_forwarder(home, port)

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
    with step("Wait for the API's answer"):
        _await_answer(stack)
    told = home / "stack.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps(asdict(stack), indent=2) + "\n")
    local_invoke.write(stack, home)
    return stack


def down(home: Path = HOME) -> bool:
    """Stop all processes, so that the emulator saves its state; whether anything ran."""
    records = (_forwarder(home), _sandbox(home), _emulator(home))
    ran = [processes.stop(record) for record in records]
    (home / "stack.json").unlink(missing_ok=True)
    local_invoke.remove(home)
    shutil.rmtree(home / "tmp", ignore_errors=True)  # the emulator leaves each unpacked package
    return any(ran)


def _start_emulator(home: Path, port: int) -> None:
    record, log = _emulator(home), home / "ministack.log"
    if processes.find(record) is not None:
        return
    _refuse_taken(port)
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    settings = bare_environment(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        AUTH="true",  # IAM is enforced
        PERSIST_STATE="1",
        STATE_DIR=str(home / "state"),
        LAMBDA_ACCOUNT_CONCURRENCY="16",  # each worker is a process
        IOT_MTLS_ENABLED="0",  # or it opens a port for MQTT
        AWS_LAMBDA_LOG_GROUP_NAME=LOG_GROUP,  # Lambda tells the function, MiniStack does not
        TMPDIR=str(temporary),
    )
    health = f"http://127.0.0.1:{port}/_ministack/health"
    with step(f"Start MiniStack on port {port}"):
        processes.start([MINISTACK, "-m", "ministack"], record, log, settings)
        processes.wait(lambda: _answers(health), "MiniStack", record, log, START_SECONDS)


def _start_sandbox(home: Path, port: int) -> None:
    record, log = _sandbox(home), home / "sandbox.log"
    if processes.find(record) is not None:
        return
    _refuse_taken(port)
    messages = f"http://127.0.0.1:{port}/_sandbox/messages"
    with step(f"Start the Mandrill sandbox on port {port}"):
        command = [sys.executable, "-m", "tools.mandrill_sandbox"]
        command += ["--port", str(port), "--key", seeds.MANDRILL_KEY]
        processes.start(command, record, log, bare_environment())
        processes.wait(lambda: _answers(messages), "The sandbox", record, log, START_SECONDS)


def _start_forwarder(home: Path, port: int) -> None:
    """Let the containers of `sam local invoke` reach the stack, if Docker has a bridge here."""
    record, log = _forwarder(home), home / "forwarder.log"
    address = local_invoke.bridge_address()
    if address is None or processes.find(record) is not None:
        return
    health = f"http://{address}:{port}/_ministack/health"
    with step(f"Forward {address}, Docker's bridge, to the stack"):
        ports = [str(port), str(port + 1)]
        command = [sys.executable, "-m", "tools.local_stack.forwarder", address, *ports]
        processes.start(command, record, log, bare_environment())
        processes.wait(lambda: _answers(health), "The forwarder", record, log, START_SECONDS)


def _refuse_taken(port: int) -> None:
    if processes.is_taken(port):
        raise ToolError(
            f"Port {port} is taken by another program. Choose another (the sandbox takes the "
            "one above it): make up PORT=4600"
        )


def _await_answer(stack: Stack) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        answer = stack.request("GET", "/")
        # A page of the gateway has no request id of the function's.
        if "x-request-id" in answer.headers:
            return
        if time.monotonic() > deadline:
            raise ToolError(
                f"The API does not answer as it should: {answer.status} {answer.data!r}"
            )
        time.sleep(processes.LOOK_AGAIN_SECONDS)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=5, retries=False).status < 400
    except urllib3.exceptions.HTTPError:
        return False


def _emulator(home: Path) -> Path:
    return home / "ministack.pid"


def _sandbox(home: Path) -> Path:
    return home / "sandbox.pid"


def _forwarder(home: Path) -> Path:
    return home / "forwarder.pid"
