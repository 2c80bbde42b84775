"""Calls to Mandrill over HTTP, each bounded: what was accepted, and what certainly was not (8.5).

The official client waits 300 s, keeps no connection and hides network errors.
"""

import time
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Self

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic_core import from_json
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from appointments import clients
from appointments.elapsed import LONG_AGO, Moment
from appointments.email.state import Outcome
from appointments.reasons import MANDRILL_UNAVAILABLE as UNAVAILABLE
from appointments.settings import SETTINGS
from appointments.time_limit import OutOfTime, time_limit

CONNECT_SECONDS: Final = 2.0
CALL_SECONDS: Final = 8.0
_RETRY_BACKOFF: Final = (0.2, 0.6)
_MAX_RESPONSE_BYTES: Final = 1_000_000
_MAX_NAME_LENGTH: Final = 100
# A connection that idles is closed by Mandrill, and a frozen function does not hear of it: sending
# on it would leave an email in doubt for two minutes.
_MAX_IDLE_SECONDS: Final = 15.0
# The time limit strikes shortly after the sockets' own time-outs. These distinguish a connection
# that was not made in time from a response that did not come.
_GRACE_SECONDS: Final = 0.1


class CallFailed(Exception):
    """A call did not succeed; the text says what Mandrill said, `outcome` what follows.

    `is_retryable` says that the same call may be made again at once.
    """

    def __init__(self, text: str, outcome: Outcome, *, is_retryable: bool = False) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.is_retryable = is_retryable

    @classmethod
    def not_accepted(cls, said: str, *, is_retryable: bool = False) -> Self:
        """Return the failure of a call that Mandrill certainly did not accept."""
        return cls(f"{UNAVAILABLE} ({said})", Outcome.UNAVAILABLE, is_retryable=is_retryable)

    @classmethod
    def in_doubt(cls, said: str) -> Self:
        """Return the failure of a call that Mandrill may have accepted."""
        return cls(f"{UNAVAILABLE} ({said})", Outcome.UNKNOWN)


def call(path: str, payload: dict[str, Any], deadline: float, *, retry_at_once: bool) -> Any:
    """Call Mandrill; return its response, parsed. Raises CallFailed.

    `deadline` bounds the call (time.monotonic() seconds). If `retry_at_once`, a call that Mandrill
    certainly did not accept is made again at once. If the API key was changed, it is read anew.
    """
    deadline = min(deadline, time.monotonic() + CALL_SECONDS)
    pauses = iter(_RETRY_BACKOFF if retry_at_once else ())
    key = _key()
    while True:
        try:
            return _post(path, {"key": key, **payload}, deadline)
        except CallFailed as failed:
            if failed.is_retryable:
                pause = next(pauses, None)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)
            elif str(failed) == f"{UNAVAILABLE} (Invalid_Key)":
                _key.cache_clear()
                old_key, key = key, _key()
                if key == old_key:
                    raise
            else:
                raise


@cache
def _key() -> str:
    """Read the API key from Secrets Manager. Raises CallFailed if there is none."""
    try:
        secret = clients.client("secretsmanager").get_secret_value(
            SecretId=SETTINGS.mandrill_secret
        )
    except (BotoCoreError, ClientError) as unread:
        raise CallFailed.not_accepted("no API key") from unread
    key = str(secret.get("SecretString", "")).strip()
    if not key:
        raise CallFailed.not_accepted("no API key")
    return key


class _HttpsConnection(HTTPSConnection):
    """A connection that distinguishes a failed TLS handshake from a failed request."""

    def connect(self) -> None:
        """Connect; raises CallFailed if TLS fails, so that nothing can have been accepted."""
        try:
            super().connect()
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except (HTTPError, OSError):
            raise CallFailed.not_accepted("no TLS") from None


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_pool: Final = urllib3.PoolManager(num_pools=1, retries=False)
_pool.pool_classes_by_scheme = {"http": urllib3.HTTPConnectionPool, "https": _HttpsPool}
_last_used = LONG_AGO


def reset() -> None:
    """Have no API key and no connection, as in a new execution environment."""
    _key.cache_clear()
    _pool.clear()


def _post(path: str, body: dict[str, Any], deadline: float) -> Any:
    global _last_used  # noqa: PLW0603 - the pool has no such attribute
    left = deadline - time.monotonic()
    if left <= 0:
        raise CallFailed("no time left", Outcome.NOT_SENT)
    if _last_used.seconds_ago() > _MAX_IDLE_SECONDS:
        _pool.clear()
    _last_used = Moment.now()
    try:
        with time_limit(deadline + _GRACE_SECONDS):
            response = _pool.request(
                "POST",
                f"{SETTINGS.mandrill_url.rstrip('/')}/{path}",
                json=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), total=left),
                preload_content=False,
            )
            received = _read(response)
    except NewConnectionError:
        raise CallFailed.not_accepted("connection refused", is_retryable=True) from None
    except ConnectTimeoutError:
        raise CallFailed.not_accepted("no connection") from None
    except (HTTPError, OutOfTime):
        _pool.clear()
        raise CallFailed.in_doubt("no response in time") from None
    return _body_if_accepted(response.status, received)


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    received = b""
    try:
        while chunk := response.read1(65_536):
            received += chunk
            if len(received) > _MAX_RESPONSE_BYTES:
                raise CallFailed.in_doubt("a response without an end")
    finally:
        # If the response was read to its end, the connection is back in the pool already.
        response.close()
    return received


def _body_if_accepted(status: int, received: bytes) -> Any:
    """Return what Mandrill responded if it accepted the call (section 8.5)."""
    try:
        # pydantic's parser refuses text that our own JSON cannot have, such as a lone surrogate.
        # Its cache of strings would only grow.
        response_body = from_json(received, cache_strings="none")
    except ValueError:
        response_body = None
    name = ""
    if isinstance(response_body, dict):
        name = str(response_body.get("name") or "")[:_MAX_NAME_LENGTH]
    said = name or f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise CallFailed(f"{UNAVAILABLE} ({said})", Outcome.BUSY, is_retryable=True)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise CallFailed.not_accepted(said, is_retryable=True)
    if name == "ValidationError":
        raise CallFailed(name, Outcome.REFUSED)
    if name:
        raise CallFailed.not_accepted(name)
    if status == HTTPStatus.OK and response_body is not None:
        return response_body
    if status == HTTPStatus.OK or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise CallFailed.in_doubt(f"HTTP {status} without a readable response")
    raise CallFailed.not_accepted(said)
