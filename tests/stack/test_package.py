"""The package holds all that the function needs, though it holds little else."""

import json
import ssl
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.stack.results import outcome
from tools.bootstrap import NO_LINUX
from tools.local_stack import rie
from tools.local_stack.demo import invoke
from tools.local_stack.stack import Stack
from tools.paths import EVENTS
from tools.release import build, package

SECONDS = 60
UNCHECKED_HASH = 1
CLOSED = "http://127.0.0.1:9"  # nothing listens there

# The program processes the events of its input, then prints what it has imported from elsewhere.
ANSWER = """
import json, sys
bundle = sys.argv[1]
sys.path.insert(0, bundle)
from appointments.handler import lambda_handler
answers = [lambda_handler(event, None) for event in json.load(sys.stdin)]
paths = {getattr(module, "__file__", None) or bundle for module in list(sys.modules.values())}
print("ANSWERS", json.dumps(answers))
print("FOREIGN", json.dumps([p for p in paths if not p.startswith((bundle, sys.base_prefix))]))
"""
# The processors of Macs, as a Mach-O file names them.
MAC_PROCESSORS = {"arm64": 0x0100000C, "x86_64": 0x01000007}
# What a trimmed package would fail with, wherever it is caught and logged.
MISSING = ("ModuleNotFound", "ImportError", "FileNotFound", "DataNotFound", "UnknownService")


def bare(stack: Stack, events: list[Any], **variables: str) -> list[Any]:
    """Answer events on a bare interpreter, the package alone on its path."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-I", "-c", ANSWER, str(rie.BUNDLE)],
        env=rie.environment(stack) | variables,
        input=json.dumps(events),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [word for word in MISSING if word in done.stdout + done.stderr]
    printed = dict(line.split(" ", 1) for line in done.stdout.splitlines()[-2:])
    assert json.loads(printed["FOREIGN"]) == []
    answers: list[Any] = json.loads(printed["ANSWERS"])
    return answers


def fresh() -> Any:
    """Return a request for an appointment of its own, whose email is to be sent."""
    event = json.loads((EVENTS / "http-api.json").read_text())
    event["requestContext"]["requestId"] = str(uuid4())
    return event


def test_each_event_on_a_bare_interpreter(stack: Stack) -> None:
    """Each kind of event is answered with nothing but the package at hand."""
    names = [path.stem for path in rie.events()]
    answers = bare(stack, [json.loads(path.read_text()) for path in rie.events()])
    statuses = dict(zip(names, map(rie.status, answers), strict=True))
    assert None not in statuses.values()
    assert "application-crash" not in statuses.values()
    broken = [name for name, said in statuses.items() if said == "identify-request-error"]
    assert broken == ["identify-request-error"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "action-successful"),
        ({"MANDRILL_URL": CLOSED}, "mandrill-email-failed"),
        ({"MANDRILL_SECRET": "another"}, "mandrill-email-failed"),
        (
            {"NOTIFICATIONS_TOPIC": "arn:aws:sns:us-east-1:0:none", "MANDRILL_URL": CLOSED},
            "mandrill-email-failed",
        ),
        ({"AWS_ENDPOINT_URL": CLOSED}, "application-crash"),
    ],
    ids=["none", "mandrill", "secret", "topic", "everything"],
)
def test_each_failure_on_a_bare_interpreter(
    stack: Stack, variables: dict[str, str], expected: str
) -> None:
    """Whatever fails, what the answer then needs is in the package: email, key, topic, log."""
    assert list(map(rie.status, bare(stack, [fresh()], **variables))) == [expected]


@pytest.mark.usefixtures("stack")
def test_the_roots_are_amazons() -> None:
    """A call to AWS trusts Amazon's five roots and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(rie.BUNDLE / "botocore" / "cacert.pem")
    roots: list[Any] = context.get_ca_certs()
    names = [dict(part[0] for part in root["subject"])["commonName"] for root in roots]
    assert sorted(names) == sorted(package.ROOTS)


@pytest.mark.usefixtures("stack")
def test_every_module_is_compiled_for_the_runtime() -> None:
    """Python takes the .pyc files unchecked, whatever time the files bear."""
    sources = list(rie.BUNDLE.rglob("*.py"))
    assert len(sources) > 100
    for source in sources:
        compiled = Path(cache_from_source(str(source))).read_bytes()
        assert compiled[:4] == MAGIC_NUMBER
        assert int.from_bytes(compiled[4:8], "little") == UNCHECKED_HASH


@pytest.mark.skipif(sys.platform != "linux", reason=NO_LINUX)
def test_each_event_is_answered_as_on_the_stack(stack: Stack) -> None:
    """Under the real Runtime Interface Emulator, where MiniStack's own packages are not at hand."""
    events = rie.events()
    assert events
    with rie.start(stack) as runtime:
        for event in events:
            deployed = outcome(invoke(stack, event.read_bytes()))
            assert deployed, event.name
            assert outcome(runtime.invoke(event.read_bytes())) == deployed, event.name


@pytest.mark.parametrize("architecture", MAC_PROCESSORS)
def test_a_mac_builds_a_package_for_itself_and_one_for_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    """The local stack runs the machine's own Python, `sam local invoke` runs Linux."""
    monkeypatch.setattr(build, "ARCHITECTURE", architecture)
    monkeypatch.setattr(build, "BUILD", tmp_path / "own")
    monkeypatch.setattr(build, "CONTAINER_BUILD", tmp_path / "container")
    build.build()
    own, container = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).rglob("*.so")}
        for folder in ("own", "container")
    )
    assert own.keys()
    assert container.keys()
    assert [name for name, content in own.items() if not is_for_mac(content, architecture)] == []
    assert [name for name, content in container.items() if content[:4] != b"\x7fELF"] == []


def is_for_mac(content: bytes, architecture: str) -> bool:
    """Return whether a file is a Mach-O one for a processor, or for both of a Mac's."""
    processor = MAC_PROCESSORS[architecture]
    if content[:4] == b"\xca\xfe\xba\xbe":  # for several, each with its processor at the front
        count = int.from_bytes(content[4:8], "big")
        starts = (content[8 + 20 * number :][:4] for number in range(count))
        return processor in {int.from_bytes(each, "big") for each in starts}
    is_one = content[:4] == b"\xcf\xfa\xed\xfe"
    return is_one and int.from_bytes(content[4:8], "little") == processor
