"""What the local stack's processes are given."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tools.local_stack import processes

HOST = "127.0.0.1"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Return the port of an outgoing connection, with the one below it free."""
    with socket.create_server((HOST, 0)) as server:
        own = (HOST, processes.free_ports(2) + 1)
        with socket.create_connection(server.getsockname(), source_address=own):
            yield own[1]


def test_a_port_that_a_connection_holds_is_not_offered(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of neighbouring ports each can be listened on: none is the far end of a connection."""
    offered = [taken_port - 1]

    class Steered(socket.socket):
        def bind(self, address: Any) -> None:
            super().bind((HOST, address[1] or (offered.pop() if offered else 0)))

    monkeypatch.setattr(socket, "socket", Steered)
    first = processes.free_ports(2)
    assert not offered
    assert taken_port not in (first, first + 1)
