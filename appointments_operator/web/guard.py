"""What the console refuses: another host or origin, a guessed address, a change by GET.

Any page in the operator's browser can send requests to 127.0.0.1, also under a host name of its own
that resolves to it. Only the operator, who started the command, knows the random key in the path.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READ: Final = frozenset({"GET", "HEAD"})
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The application behind its checks; everything that it serves has the same headers."""

    def __init__(self, app: App, key: str, port: int) -> None:
        self._app = app
        self._prefix = f"/{key}"
        self._hosts = hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it with one line of text."""
        if scope["type"] != "http":
            return

        send = with_headers(send)
        if refusal := self._refusal(scope):
            await refusal(scope, receive, send)
            return
        inner = dict(scope)
        inner["path"] = scope["path"][len(self._prefix) :]
        await self._app(inner, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        if refusal := refuse_foreign(scope, self._hosts):
            return refusal
        if scope["method"] not in READ and "origin" not in Headers(scope=scope):
            return PlainTextResponse("A change needs the console's own origin.", 403)
        prefix = scope["path"][: len(self._prefix)]
        rest = scope["path"][len(self._prefix) :]
        is_known = hmac.compare_digest(prefix.encode(), self._prefix.encode())
        if not is_known or not rest.startswith("/"):
            return PlainTextResponse("There is no such page.", 404)
        return None


def with_headers(send: Send) -> Send:
    """Return a `send` that gives each response the headers that it does not have itself."""

    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def hosts(port: int) -> set[str]:
    """Return the `Host` headers under which a page of this machine is reached."""
    return {f"127.0.0.1:{port}", f"localhost:{port}"}


def refuse_foreign(scope: Scope, known: set[str]) -> PlainTextResponse | None:
    """Return the refusal of a request under another host name, or from another origin or site."""
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    if host not in known:
        return PlainTextResponse("This host name is not the page's.", 421)
    if origin is not None and origin != f"http://{host}":
        return PlainTextResponse("Another origin may not use this page.", 403)
    if headers.get("sec-fetch-site") == "cross-site":
        return PlainTextResponse("Another site may not use this page.", 403)
    return None
