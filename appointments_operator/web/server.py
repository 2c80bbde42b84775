"""Serve the console on 127.0.0.1 until Ctrl-C."""

import secrets
import socket
from collections.abc import Callable
from typing import Final

import click
import uvicorn

from appointments_operator.deployment import Deployment
from appointments_operator.web.app import create_app
from appointments_operator.web.cached_deployment import CachedDeployment

HOST: Final = "127.0.0.1"
_KEY_BYTES: Final = 24


def serve(deployment: Deployment, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the console; call `on_ready` with its URL once the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as taken:
        raise click.ClickException(
            f"Port {port} is taken by another program. Choose another: --port."
        ) from taken
    listener.listen()
    port = listener.getsockname()[1]
    key = secrets.token_urlsafe(_KEY_BYTES)
    cached = CachedDeployment(
        deployment.stack, deployment.region, deployment.endpoint_url, deployment.given
    )
    config = uvicorn.Config(
        create_app(cached, key, port),
        log_level="warning",
        access_log=False,  # it would have the key
        server_header=False,
        lifespan="off",
    )
    on_ready(f"http://{HOST}:{port}/{key}/")
    uvicorn.Server(config).run(sockets=[listener])
