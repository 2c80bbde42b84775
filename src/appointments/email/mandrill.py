"""Mandrill's API, typed: what was accepted, what was certainly not, and what is unknown.

The official client waits 300 s, keeps no connection and hides network errors; this adapter is the
two calls needed, on urllib3, each bounded (specification section 8).
"""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic_core import from_json
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from appointments import clients
from appointments.settings import SETTINGS

CONNECT_SECONDS: Final = 2.0
CALL_SECONDS: Final = 8.0
GOOD: Final = frozenset({"sent", "queued", "scheduled"})
# Mandrill surely did not accept the message: these are tried again inside the request.
_UNAVAILABLE: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
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


class MandrillRejected(Exception):
    """Mandrill did not accept the message; the text is its error `name`, or what was in the way."""


class DeliveryUnknown(Exception):
    """No answer in time, or none that can be read: the message may have been accepted."""


class MandrillUnavailable(MandrillRejected):
    """Mandrill or the way to it is busy: the same call may be made again at once."""


def send(
    *,
    to: Sequence[tuple[str, str | None]],
    variables: dict[str, Any],
    metadata: dict[str, str],
    deadline: float,
) -> list[RecipientResult]:
    """Send the template to `to`, pairs of address and name; return what became of each.

    `deadline` bounds the call (time.monotonic() seconds). Raises MandrillRejected or
    DeliveryUnknown.
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
                "global_merge_vars": [
                    {"name": name, "content": content} for name, content in variables.items()
                ],
                "metadata": metadata,
            },
        },
        deadline,
    )
    return _read_list(response_body, "status")


def search(appointment_uuid: str, deadline: float) -> list[RecipientResult]:
    """Return what Mandrill has of an appointment's email, by the metadata it was sent with.

    Raises MandrillRejected or DeliveryUnknown.
    """
    query = f'u_appointment_uuid:"{appointment_uuid}"'
    return _read_list(_call("messages/search", {"query": query}, deadline), "state")


def _read_list(response_body: Any, status: str) -> list[RecipientResult]:
    try:
        return [
            RecipientResult(
                str(each["email"]), str(each[status]), each.get("_id"), each.get("reject_reason")
            )
            for each in response_body
        ]
    except (TypeError, KeyError, AttributeError):
        raise DeliveryUnknown("an answer of another form") from None


def _call(path: str, payload: dict[str, Any], deadline: float) -> Any:
    """Call Mandrill, again where it was busy, and once more where the key was changed."""
    deadline = min(deadline, time.monotonic() + CALL_SECONDS)
    pauses = iter(_RETRY_BACKOFF)
    key = _key()
    while True:
        try:
            return _post(path, {"key": key, **payload}, deadline)
        except MandrillUnavailable:
            pause = next(pauses, None)
            if pause is None or time.monotonic() + pause >= deadline:
                raise
            time.sleep(pause)
        except MandrillRejected as refused:
            if str(refused) != "Invalid_Key":
                raise
            _key.cache_clear()
            if key == (key := _key()):
                raise


@cache
def _key() -> str:
    """Read the API key from Secrets Manager. Raises MandrillRejected if there is none."""
    try:
        secret = clients.client("secretsmanager").get_secret_value(
            SecretId=SETTINGS.mandrill_secret
        )
    except (BotoCoreError, ClientError) as unread:
        raise MandrillRejected("no key") from unread
    key = str(secret.get("SecretString", "")).strip()
    if not key:
        raise MandrillRejected("no key")
    return key


_pool: Final = urllib3.PoolManager(num_pools=1, retries=False)
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
        raise MandrillRejected("no time left")
    if now - _used_at > _MAX_IDLE_SECONDS:
        _pool.clear()
    _used_at = now
    try:
        response = _pool.request(
            "POST",
            f"{SETTINGS.mandrill_url.rstrip('/')}/{path}",
            json=body,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), total=left),
            preload_content=False,
        )
    except NewConnectionError:
        raise MandrillUnavailable("connection refused") from None
    except ConnectTimeoutError:
        raise MandrillRejected("no connection") from None
    except HTTPError as failed:
        if isinstance(failed, SSLError) and isinstance(
            failed.args[0], ssl.SSLCertVerificationError
        ):
            raise MandrillRejected("no trusted connection") from None
        raise DeliveryUnknown("no answer in time") from None
    received = _read(response, deadline)
    try:
        # Refuses what no response of ours could repeat. Its cache of texts would only grow.
        response_body = from_json(received, cache_strings="none")
    except ValueError:
        response_body = None
    if response.status == HTTPStatus.OK and response_body is not None:
        return response_body
    name = (
        str(response_body.get("name") or "")[:_MAX_NAME_LENGTH]
        if isinstance(response_body, dict)
        else ""
    )
    if response.status in _UNAVAILABLE:
        raise MandrillUnavailable(name or f"HTTP {response.status}")
    if name:
        raise MandrillRejected(name)
    raise DeliveryUnknown(f"HTTP {response.status} without a readable answer")


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    received = b""
    try:
        while chunk := response.read1(65_536):  # what is there, so that a trickle is seen as such
            received += chunk
            if time.monotonic() > deadline or len(received) > _MAX_RESPONSE_BYTES:
                raise DeliveryUnknown("no answer in time")
    except HTTPError:
        raise DeliveryUnknown("no answer in time") from None
    finally:
        # Read to its end, the connection is back in the pool already; otherwise it is of no use.
        response.close()
    return received
