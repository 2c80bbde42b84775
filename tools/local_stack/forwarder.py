"""Forward connections from Docker's bridge to the local stack, which listens on 127.0.0.1 alone.

Runs beside the local stack: `python -m tools.local_stack.forwarder 172.17.0.1 4566 4567`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import click

CHUNK_BYTES = 65_536


async def serve(address: str, ports: Sequence[int]) -> None:
    """Listen on one address; forward each port to the same port of 127.0.0.1, until stopped."""
    async with AsyncExitStack() as servers:
        for port in ports:
            server = await asyncio.start_server(partial(_forward, port), address, port)
            await servers.enter_async_context(server)
        await asyncio.Event().wait()


async def _forward(
    port: int, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:  # the local stack is starting or has stopped
        client_writer.close()
        return
    await asyncio.gather(_copy(client_reader, writer), _copy(reader, client_writer))
    writer.close()
    client_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:  # one side has gone: closing the other one ends its copy too
        writer.close()


@click.command()
@click.argument("address")
@click.argument("ports", type=int, nargs=-1, required=True)
def main(address: str, ports: tuple[int, ...]) -> None:
    """Forward each of PORTS on ADDRESS to the same port of 127.0.0.1."""
    asyncio.run(serve(address, ports))


if __name__ == "__main__":
    main(prog_name="python -m tools.local_stack.forwarder")
