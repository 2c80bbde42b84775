"""The stack's processes and their ports: MiniStack, the sandbox, the two pages, a forwarder."""

import sys
from pathlib import Path
from typing import Final

import urllib3

from tools.environment import CREDENTIALS, LOG_GROUP, REGION, STACK_NAME, bare_environment
from tools.errors import ToolError
from tools.local_stack import local_invoke, processes, seeds
from tools.paths import EMULATOR, MINISTACK
from tools.terminal import step

# The emulator, the sandbox, the console and the page for callers.
PORTS: Final = 4
MAX_PORT: Final = 65_536 - PORTS
START_SECONDS: Final = 60


def start_emulator(home: Path, port: int) -> None:
    """Start MiniStack, if it does not run."""
    record, log = emulator(home), home / "ministack.log"
    if processes.find(record) is not None:
        return
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
        AWS_LAMBDA_LOG_GROUP_NAME=LOG_GROUP,  # Lambda sets it, MiniStack does not
        TMPDIR=str(temporary),
    )
    health = f"http://127.0.0.1:{port}/_ministack/health"
    with step(f"Start MiniStack on port {port}"):
        processes.start([MINISTACK, EMULATOR], record, log, settings)
        processes.wait(lambda: _responds(health), "MiniStack", record, log, START_SECONDS)


def start_sandbox(home: Path, port: int) -> None:
    """Start the Mandrill sandbox, if it does not run."""
    record, log = _sandbox(home), home / "sandbox.log"
    if processes.find(record) is not None:
        return
    messages = f"http://127.0.0.1:{port}/_sandbox/messages"
    with step(f"Start the Mandrill sandbox on port {port}"):
        command = [sys.executable, "-m", "tools.mandrill_sandbox"]
        command += ["--port", str(port), "--key", seeds.MANDRILL_KEY]
        command += ["--mail", str(home / "mail.jsonl")]
        processes.start(command, record, log, bare_environment())
        processes.wait(lambda: _responds(messages), "The sandbox", record, log, START_SECONDS)


def start_forwarder(home: Path, port: int) -> None:
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
        processes.wait(lambda: _responds(health), "The forwarder", record, log, START_SECONDS)


def start_console(home: Path, port: int, endpoint_url: str) -> None:
    """Serve the operators' console, if it does not run. Its URL is in a file."""
    record, log, url = _console(home), home / "console.log", console_url(home)
    if processes.find(record) is not None:
        return
    url.unlink(missing_ok=True)
    with step(f"Serve the console on port {port}"):
        command = [sys.executable, "-m", "appointments_operator.admin", "--stack", STACK_NAME]
        command += ["console", "--port", str(port), "--no-browser", "--url-file", str(url)]
        settings = {"AWS_ENDPOINT_URL": endpoint_url, "AWS_DEFAULT_REGION": REGION, **CREDENTIALS}
        processes.start(command, record, log, bare_environment(**settings))
        processes.wait(lambda: _is_served(url), "The console", record, log, START_SECONDS)


def start_callers_page(home: Path, port: int, api_url: str) -> None:
    """Serve the page for callers, if none runs that calls this API."""
    record, log = _callers_page(home), home / "callers-page.log"
    running = processes.find(record)
    if running is not None and api_url in running.cmdline():
        return
    processes.stop(record)
    with step(f"Serve the page for callers on port {port}"):
        command = [sys.executable, "-m", "tools.callers_page.server"]
        command += ["--port", str(port), "--api-url", api_url]
        processes.start(command, record, log, bare_environment())
        url = callers_page_url(port)
        processes.wait(lambda: _responds(url), "The page for callers", record, log, START_SECONDS)


def callers_page_url(port: int) -> str:
    """Return the URL of the page for callers on its port."""
    return f"http://127.0.0.1:{port}/"


def _is_served(url: Path) -> bool:
    return url.is_file() and _responds(url.read_text())


def refuse_taken(home: Path, port: int) -> None:
    """Check all ports before anything is started, so that a refusal leaves nothing behind."""
    records = (emulator(home), _sandbox(home), _console(home), _callers_page(home))
    taken = [
        each
        for each, record in zip(range(port, port + PORTS), records, strict=True)
        if processes.find(record) is None and processes.is_taken(each)
    ]
    if taken:
        down = "make down, then " if any(map(processes.find, records)) else ""
        raise ToolError(
            f"Port {taken[0]} is taken by another program. The stack needs PORT to PORT+3. "
            f"Choose others: {down}make up PORT={processes.free_ports(PORTS)}"
        )


def _responds(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=5, retries=False).status < 400
    except urllib3.exceptions.HTTPError:
        return False


def records(home: Path) -> tuple[Path, ...]:
    """Return which processes were started, in the order in which they stop."""
    started = (_callers_page, _console, _forwarder, _sandbox, emulator)
    return tuple(record(home) for record in started)


def console_url(home: Path) -> Path:
    """Return the file with the URL of the console."""
    return home / "console.url"


def emulator(home: Path) -> Path:
    """Return the file that records the process of MiniStack."""
    return home / "ministack.pid"


def _sandbox(home: Path) -> Path:
    return home / "sandbox.pid"


def _console(home: Path) -> Path:
    return home / "console.pid"


def _callers_page(home: Path) -> Path:
    return home / "callers-page.pid"


def _forwarder(home: Path) -> Path:
    return home / "forwarder.pid"
