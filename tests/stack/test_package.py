"""The package holds all that the function needs, though it holds little else."""

import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from tools import rie
from tools.demo import invoke
from tools.stack import Stack

SECONDS = 60
UNCHECKED_HASH = 1
VARIABLES = dict.fromkeys(
    (
        *("SESSIONS_TABLE", "RECORDS_TABLE", "APPOINTMENTS_TABLE", "NOTIFICATIONS_TOPIC"),
        *("MANDRILL_URL", "MANDRILL_SECRET", "STAGE"),
    ),
    "any",
)

IMPORTED = """
import sys
bundle = sys.argv[1]
sys.path.insert(0, bundle)
import appointments.handler
for name, module in sys.modules.items():
    path = getattr(module, "__file__", None)
    print(name, path if path and not path.startswith(sys.base_prefix) else "")
"""


@pytest.mark.usefixtures("stack")
def test_the_bundle_needs_nothing_else() -> None:
    """A bare interpreter imports the handler from the package alone."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-I", "-c", IMPORTED, str(rie.BUNDLE)],
        env=VARIABLES,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    foreign = [path for path in paths if path and not path.startswith(str(rie.BUNDLE))]
    assert not foreign


@pytest.mark.usefixtures("stack")
def test_every_module_is_compiled_for_the_runtime() -> None:
    """Python takes the .pyc files unchecked, whatever time the files bear."""
    sources = list(rie.BUNDLE.rglob("*.py"))
    assert len(sources) > 100
    for source in sources:
        compiled = Path(cache_from_source(str(source))).read_bytes()
        assert compiled[:4] == MAGIC_NUMBER
        assert int.from_bytes(compiled[4:8], "little") == UNCHECKED_HASH


def test_each_event_is_answered_as_on_the_stack(stack: Stack) -> None:
    """Under the real Runtime Interface Emulator, where MiniStack's own packages are not at hand."""
    with rie.start(stack) as runtime:
        for event in rie.events():
            deployed = rie.status(invoke(stack, event))
            assert deployed, event.name
            assert rie.status(runtime.invoke(event.read_bytes())) == deployed, event.name
