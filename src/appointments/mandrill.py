"""Mandrill's API, typed: what was accepted, what surely was not, what nobody can tell.

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
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_PAUSES: Final = (0.2, 0.6)
_LARGEST_ANSWER: Final = 1_000_000
_LONGEST_NAME: Final = 100
# A connection that idles is closed by Mandrill, and a frozen function does not hear of it: sending
# on it would leave an email in doubt for two minutes.
_LONGEST_IDLE: Final = 15.0


@dataclass(frozen=True)
class Delivery:
    """What Mandrill says of one recipient; `status` is Mandrill's own word."""

    email: str
    status: str
    id: str | None = None
    reject_reason: str | None = None


class Refused(Exception):
    """Mandrill did not accept the message; the text is its error `name`, or what was in the way."""


class Unanswered(Exception):
    """No answer in time, or none that can be read: the message may have been accepted."""


class _Busy(Refused):
    """Mandrill or the way to it is busy: the same call may be made again at once."""


def send(
    *,
    to: Sequence[tuple[str, str | None]],
    variables: dict[str, Any],
    metadata: dict[str, str],
    until: float,
) -> list[Delivery]:
    """Send the template to `to`, pairs of address and name; return what became of each.

    `until` bounds the call (time.monotonic() seconds). Raises Refused or Unanswered.
    """
    answer = _call(
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
        until,
    )
    return _read_list(answer, "status")


def search(appointment_uuid: str, until: float) -> list[Delivery]:
    """Return what Mandrill has of an appointment's email, by the metadata it was sent with.

    Raises Refused or Unanswered.
    """
    query = f'u_appointment_uuid:"{appointment_uuid}"'
    return _read_list(_call("messages/search", {"query": query}, until), "state")


def _read_list(answer: Any, status: str) -> list[Delivery]:
    try:
        return [
            Delivery(
                str(each["email"]), str(each[status]), each.get("_id"), each.get("reject_reason")
            )
            for each in answer
        ]
    except (TypeError, KeyError, AttributeError):
        raise Unanswered("an answer of another form") from None


def _call(path: str, payload: dict[str, Any], until: float) -> Any:
    """Call Mandrill, again where it was busy, and once more where the key was changed."""
    until = min(until, time.monotonic() + CALL_SECONDS)
    pauses = iter(_PAUSES)
    key = _key()
    while True:
        try:
            return _post(path, {"key": key, **payload}, until)
        except _Busy:
            pause = next(pauses, None)
            if pause is None or time.monotonic() + pause >= until:
                raise
            time.sleep(pause)
        except Refused as refused:
            if str(refused) != "Invalid_Key":
                raise
            _key.cache_clear()
            if key == (key := _key()):
                raise


@cache
def _key() -> str:
    """Read the API key from Secrets Manager. Raises Refused where there is none to be had."""
    try:
        secret = clients.client("secretsmanager").get_secret_value(
            SecretId=SETTINGS.mandrill_secret
        )
    except (BotoCoreError, ClientError) as unread:
        raise Refused("no key") from unread
    key = str(secret.get("SecretString", "")).strip()
    if not key:
        raise Refused("no key")
    return key


_pool: Final = urllib3.PoolManager(num_pools=1, retries=False)
_used_at = 0.0


def forget() -> None:
    """Forget the API key and the connection, as a new execution environment would."""
    _key.cache_clear()
    _pool.clear()


def _post(path: str, body: dict[str, Any], until: float) -> Any:
    global _used_at  # noqa: PLW0603 - the pool's own, which keeps no such time
    now = time.monotonic()
    left = until - now
    if left <= 0:
        raise Refused("no time left")
    if now - _used_at > _LONGEST_IDLE:
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
        raise _Busy("connection refused") from None
    except ConnectTimeoutError:
        raise Refused("no connection") from None
    except HTTPError as failed:
        if isinstance(failed, SSLError) and isinstance(
            failed.args[0], ssl.SSLCertVerificationError
        ):
            raise Refused("no trusted connection") from None
        raise Unanswered("no answer in time") from None
    received = _read(response, until)
    try:
        answer = from_json(received)  # refuses what no answer of ours could repeat
    except ValueError:
        answer = None
    if response.status == HTTPStatus.OK and answer is not None:
        return answer
    name = str(answer.get("name") or "")[:_LONGEST_NAME] if isinstance(answer, dict) else ""
    if response.status in _BUSY:
        raise _Busy(name or f"HTTP {response.status}")
    if name:
        raise Refused(name)
    raise Unanswered(f"HTTP {response.status} without a readable answer")


def _read(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    received = b""
    try:
        while chunk := response.read1(65_536):  # what is there, so that a trickle is seen as such
            received += chunk
            if time.monotonic() > until or len(received) > _LARGEST_ANSWER:
                raise Unanswered("no answer in time")
    except HTTPError:
        raise Unanswered("no answer in time") from None
    finally:
        # Read to its end, the connection is back in the pool already; otherwise it is of no use.
        response.close()
    return received
