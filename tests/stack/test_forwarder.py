"""The forwarder passes on what either side sends, and ends when one side does."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest

from tools.bootstrap import ROOT
from tools.local_stack import processes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a second loopback address"
)
ADDRESS: Final = "127.0.0.2"
SECONDS: Final = 10
LONG: Final = b"x" * 1_000_000  # more than any buffer between the two sides


@pytest.fixture
def port() -> Iterator[int]:
    """Forward a free port."""
    port = processes.free_ports(1)
    command = [sys.executable, "-m", "tools.local_stack.forwarder", ADDRESS, str(port)]
    with subprocess.Popen(command, cwd=ROOT) as forwarder:  # noqa: S603 - our own module
        deadline = time.monotonic() + SECONDS
        while True:
            with suppress(OSError), socket.create_connection((ADDRESS, port)) as probe:
                read_all(probe)  # or it would be the first that a test's server accepts
                break
            assert time.monotonic() < deadline
            time.sleep(processes.LOOK_AGAIN_SECONDS)
        yield port
        forwarder.terminate()


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side ends."""
    connection.settimeout(SECONDS)
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_both_directions_arrive_whole(port: int) -> None:
    """A request that its client has ended still gets its whole response."""
    with (
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection((ADDRESS, port)) as client,
    ):
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        accepted, _ = server.accept()
        with accepted:
            assert read_all(accepted) == b"request"
            accepted.sendall(LONG)
        assert read_all(client) == LONG


def test_a_client_that_breaks_off_ends_the_connection(port: int) -> None:
    """The stack does not wait for a client that has gone."""
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection((ADDRESS, port))
        client.sendall(b"request")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(7) == b"request"
            reset = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, no time
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.close()
            assert read_all(accepted) == b""


def test_a_stopped_stack_closes_the_connection(port: int) -> None:
    """A client learns at once that nothing listens, and the forwarder goes on."""
    for _ in range(2):
        with socket.create_connection((ADDRESS, port)) as client:
            assert read_all(client) == b""
