"""Serve the page for callers on 127.0.0.1: `python -m tools.callers_page.server --port …`.

It shows and reads; nothing that it serves changes anything. Its playground calls the API itself.
"""

from collections.abc import Callable
from typing import Any, Final

import click
import uvicorn
from pydantic_core import from_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from appointments_operator.web.guard import (
    App,
    Receive,
    Scope,
    Send,
    hosts,
    refuse_foreign,
    with_headers,
)
from tools.callers_page import page, values
from tools.local_stack import seeds

HOST: Final = "127.0.0.1"
_POLICY: Final = "Content-Security-Policy"
# What an example has beside its token.
_REQUEST: Final[dict[str, Any]] = {
    "updated_at_mt": "now",
    "order_id": 1001,
    "photographer_user_id": 501,
    "date_start_local": "2027-01-05",
    "time_start_local": "19:30",
}
_MORE: Final[dict[str, dict[str, Any]]] = {
    "As FileMaker sends it": {
        "updated_at_mt": "1/4/2027 4:05:00 PM",
        "month_first": "1",
        "order_id": "1001",
        "date_start_local": "1/5/2027",
        "time_start_local": "7:30 PM",
        "confirmed": "1",
        "allday": "",
    },
    "Two wrong values": {**_REQUEST, "date_start_local": "13/45/2026", "order_id": "1,200"},
    "Mandrill rejects the address": {**_REQUEST, "photographer_user_id": 502},
}


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--api-url", required=True, help="The base URL of the API.")
def main(port: int, api_url: str) -> None:
    """Serve the page until it is stopped."""
    uvicorn.run(
        create_app(api_url, port),
        host=HOST,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
    )


def create_app(api_url: str, port: int) -> App:
    """Return the application, which refuses another host and another origin."""
    playground = page.Playground(api_url, examples())
    routes = [
        Route("/", _show(playground)),
        Route("/openapi.json", lambda _: JSONResponse(page.describe(playground))),
        Route("/read", read),
    ]
    return _Guard(Starlette(routes=routes), port)


def examples() -> list[page.Example]:
    """Return a request for each seeded token, then some that show something else."""
    found = [
        page.Example(f"Token {token}: {seeds.KINDS[kind]}", {"token": token, **_REQUEST})
        for kind, token in seeds.TOKENS.items()
    ]
    token = {"token": seeds.TOKENS["session"]}
    return found + [page.Example(name, {**token, **value}) for name, value in _MORE.items()]


def _show(playground: page.Playground) -> Callable[[Request], Response]:
    def show(_: Request) -> Response:
        """Return the page, built from the documents as they are now."""
        built = page.build(playground)
        return HTMLResponse(
            built.html, headers={_POLICY: f"{built.policy}; frame-ancestors 'none'"}
        )

    return show


async def read(request: Request) -> Response:
    """Return how a value is read: `type`, the value as `json`, and `month_first` if it is set."""
    query = request.query_params
    kind, is_month_first = query.get("type", ""), bool(query.get("month_first"))
    try:
        value = from_json(query.get("json", ""), allow_inf_nan=False)
    except ValueError as wrong:
        return JSONResponse(
            {"stored": None, "error": f"This is not JSON: {wrong}.", "warning": None}
        )
    if kind not in values.TYPES:
        return JSONResponse({"error": "There is no such type."}, 400)
    reading = values.read(kind, value, month_first=is_month_first)
    return JSONResponse(
        {"stored": reading.stored, "error": reading.error, "warning": reading.warning}
    )


class _Guard:
    """The application behind the check of its host and its origin; everything has its headers."""

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = refuse_foreign(scope, self._hosts) or self._app
        await app(scope, receive, with_headers(send))


if __name__ == "__main__":
    main()
