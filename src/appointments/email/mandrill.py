"""Mandrill's API, typed: what was accepted, what was certainly not, and what is unknown.

The official client waits 300 s, keeps no connection and hides network errors; this adapter is the
two calls needed, on urllib3, each bounded (specification section 8).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic_core import from_json
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from appointments import clients
from appointments.email.state import Outcome
from appointments.reasons import MANDRILL_UNAVAILABLE as UNAVAILABLE
from appointments.settings import SETTINGS
from appointments.time_limit import OutOfTime, time_limit

CONNECT_SECONDS: Final = 2.0
CALL_SECONDS: Final = 8.0
SEARCH_LIMIT: Final = 1_000
_RETRY_BACKOFF: Final = (0.2, 0.6)
_MAX_RESPONSE_BYTES: Final = 1_000_000
_MAX_NAME_LENGTH: Final = 100
# A connection that idles is closed by Mandrill, and a frozen function does not hear of it: sending
# on it would leave an email in doubt for two minutes.
_MAX_IDLE_SECONDS: Final = 15.0


@dataclass(frozen=True)
class RecipientResult:
    """What Mandrill says of one recipient; `status` is Mandrill's own word."""

    email: str
    status: str
    id: str | None = None
    reject_reason: str | None = None


@dataclass(frozen=True)
class FoundRecipient:
    """A recipient of an appointment's email whom Mandrill's search lists."""

    uuid: str
    email: str
    state: str
    id: str | None = None


class CallFailed(Exception):
    """A call did not succeed; the text says what Mandrill said, `outcome` what follows.

    `is_repeatable` says that the same call may be made again at once.
    """

    def __init__(self, text: str, outcome: Outcome, *, is_repeatable: bool = False) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.is_repeatable = is_repeatable


def _unavailable(said: str, **more: bool) -> CallFailed:
    return CallFailed(f"{UNAVAILABLE} ({said})", Outcome.UNAVAILABLE, **more)


def _unknown(said: str) -> CallFailed:
    return CallFailed(f"{UNAVAILABLE} ({said})", Outcome.UNKNOWN)


def send(
    *,
    to: Sequence[tuple[str, str | None]],
    variables: dict[str, Any],
    metadata: dict[str, str],
    deadline: float,
    is_repeated: bool,
) -> list[RecipientResult]:
    """Send the template to `to`, pairs of address and name; return what became of each.

    `deadline` bounds the call (time.monotonic() seconds). `is_repeated` says whether the call is
    made again at once where Mandrill certainly did not accept it (section 8.4). Raises CallFailed.
    """
    response_body = _call(
        "messages/send-template",
        {
            "template_name": SETTINGS.mandrill_template,
            "template_content": [],
            "message": {
                "to": [{"email": email, "name": name or "", "type": "to"} for email, name in to],
                "preserve_recipients": False,
                "merge": True,
                # Handlebars escapes what it puts into the template, so that text stays text.
                "merge_language": "handlebars",
                "global_merge_vars": [
                    {"name": name, "content": content} for name, content in variables.items()
                ],
                "metadata": metadata,
            },
        },
        deadline,
        is_repeated=is_repeated,
    )
    try:
        return [
            RecipientResult(
                str(each["email"]), str(each["status"]), each.get("_id"), each.get("reject_reason")
            )
            for each in response_body
        ]
    except (TypeError, KeyError, AttributeError):
        raise _unknown("a response of another form") from None


def search(uuids: Sequence[str], since: date, deadline: float) -> list[FoundRecipient]:
    """Return what Mandrill has of the emails of these appointments that were sent from `since` on.

    As many as SEARCH_LIMIT prove nothing about appointments that are not among them. Raises
    CallFailed.
    """
    response_body = _call(
        "messages/search",
        {
            "query": " OR ".join(f'u_appointment_uuid:"{uuid}"' for uuid in uuids),
            "date_from": since.isoformat(),
            "limit": SEARCH_LIMIT,
        },
        deadline,
        is_repeated=False,
    )
    try:
        return [
            FoundRecipient(
                str(each["metadata"]["appointment_uuid"]),
                str(each["email"]),
                str(each["state"]),
                each.get("_id"),
            )
            for each in response_body
        ]
    except (TypeError, KeyError, AttributeError):
        raise _unknown("a response of another form") from None


def _call(path: str, payload: dict[str, Any], deadline: float, *, is_repeated: bool) -> Any:
    """Call Mandrill, again where that is safe, and once more where the key was changed."""
    deadline = min(deadline, time.monotonic() + CALL_SECONDS)
    pauses = iter(_RETRY_BACKOFF if is_repeated else ())
    key = _key()
    while True:
        try:
            return _post(path, {"key": key, **payload}, deadline)
        except CallFailed as failed:
            if failed.is_repeatable:
                pause = next(pauses, None)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)
            elif str(failed) == f"{UNAVAILABLE} (Invalid_Key)":
                _key.cache_clear()
                if key == (key := _key()):
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
        raise _unavailable("no API key") from unread
    key = str(secret.get("SecretString", "")).strip()
    if not key:
        raise _unavailable("no API key")
    return key


class _HttpsConnection(HTTPSConnection):
    """A connection that tells a failed TLS handshake from a failed request."""

    def connect(self) -> None:
        """Connect; raises CallFailed if TLS fails, so that nothing can have been accepted."""
        try:
            super().connect()
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except (HTTPError, OSError):
            raise _unavailable("no TLS") from None


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_pool: Final = urllib3.PoolManager(num_pools=1, retries=False)
_pool.pool_classes_by_scheme = {"http": urllib3.HTTPConnectionPool, "https": _HttpsPool}
_used_at = 0.0


def forget() -> None:
    """Forget the API key and the connection, as a new execution environment would."""
    _key.cache_clear()
    _pool.clear()


def _post(path: str, body: dict[str, Any], deadline: float) -> Any:
    global _used_at  # noqa: PLW0603 - the pool's own, which keeps no such time
    now = time.monotonic()
    left = deadline - now
    if left <= 0:
        raise CallFailed("no time left", Outcome.NOT_CALLED)
    if now - _used_at > _MAX_IDLE_SECONDS:
        _pool.clear()
    _used_at = now
    try:
        with time_limit(deadline):
            response = _pool.request(
                "POST",
                f"{SETTINGS.mandrill_url.rstrip('/')}/{path}",
                json=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), total=left),
                preload_content=False,
            )
            received = _read(response)
    except NewConnectionError:
        raise _unavailable("connection refused", is_repeatable=True) from None
    except ConnectTimeoutError:
        raise _unavailable("no connection") from None
    except (HTTPError, OutOfTime):
        _pool.clear()
        raise _unknown("no response in time") from None
    return _accepted(response.status, received)


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    received = b""
    try:
        while chunk := response.read1(65_536):
            received += chunk
            if len(received) > _MAX_RESPONSE_BYTES:
                raise _unknown("a response without an end")
    finally:
        # Read to its end, the connection is back in the pool already; otherwise it is of no use.
        response.close()
    return received


def _accepted(status: int, received: bytes) -> Any:
    """Return what Mandrill responded if it accepted the call (section 8.5)."""
    try:
        # Refuses what no response of ours could repeat. Its cache of texts would only grow.
        response_body = from_json(received, cache_strings="none")
    except ValueError:
        response_body = None
    name = ""
    if isinstance(response_body, dict):
        name = str(response_body.get("name") or "")[:_MAX_NAME_LENGTH]
    said = name or f"HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise CallFailed(f"{UNAVAILABLE} ({said})", Outcome.BUSY, is_repeatable=True)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise _unavailable(said, is_repeatable=True)
    if name == "ValidationError":
        raise CallFailed(name, Outcome.REFUSED)
    if name:
        raise _unavailable(name)
    if status == HTTPStatus.OK and response_body is not None:
        return response_body
    if status == HTTPStatus.OK or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _unknown(f"HTTP {status} without a readable response")
    raise _unavailable(said)
