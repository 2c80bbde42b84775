"""Whether Mandrill lists the emails that were sent: the function searches in the same way.

How soon Mandrill's search lists a message is documented nowhere, so a check tries for a minute.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import urllib3

from appointments_operator.verify.check import Check, CheckFailed
from appointments_operator.verify.verification import Verification

_SECONDS: Final = 60
_PAUSE: Final = 5
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=10)


def _find_one(verification: Verification) -> str:
    return _search(verification, _uuids_of_sent_emails(verification)[:1])


def _find_two(verification: Verification) -> str:
    if len(verification.creations) == 1:
        verification.creations.append(verification.create())
    uuids = _uuids_of_sent_emails(verification)
    if len(uuids) != 2:
        raise CheckFailed("there are no two emails")
    return _search(verification, uuids)


def _uuids_of_sent_emails(verification: Verification) -> list[str]:
    """Return the uuids of the appointments whose email was sent."""
    emails = [response.body for response in verification.creations if response.body.get("data")]
    sent = [body["uuid"] for body in emails if body["data"]["email"]["status"] == "sent"]
    if not sent:
        raise CheckFailed("no email was sent")
    return sent


def _search(verification: Verification, uuids: list[str]) -> str:
    """Search for the emails of these appointments until all are listed."""
    query = " OR ".join(f'u_appointment_uuid:"{uuid}"' for uuid in uuids)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    request = {"key": _key(verification), "query": query, "date_from": yesterday, "limit": 100}
    began = time.monotonic()
    while True:
        listed = _call(verification, request)
        if set(uuids) <= {each.get("metadata", {}).get("appointment_uuid") for each in listed}:
            if verification.is_local:
                return "listed; the local stack has no delay"
            return f"listed after {time.monotonic() - began:.0f} s"
        if time.monotonic() + _PAUSE > began + _SECONDS:
            raise CheckFailed(f"not listed after {_SECONDS} s")
        time.sleep(_PAUSE)


def _call(verification: Verification, request: dict[str, Any]) -> list[dict[str, Any]]:
    url = f"{verification.environment['MANDRILL_URL']}/messages/search"
    try:
        response = urllib3.request("POST", url, json=request, timeout=_TIMEOUT, retries=False)
        listed = response.json()
    except (urllib3.exceptions.HTTPError, ValueError) as failed:
        raise CheckFailed(f"no response of Mandrill: {type(failed).__name__}") from failed
    if not isinstance(listed, list):
        name = listed.get("name") if isinstance(listed, dict) else None
        raise CheckFailed(f"Mandrill refuses the search: {name}")
    return listed


def _key(verification: Verification) -> str:
    client = verification.deployment.client("secretsmanager")
    secret = client.get_secret_value(SecretId=verification.environment["MANDRILL_SECRET"])
    return str(secret["SecretString"]).strip()


MANDRILL_CHECKS: Final = (
    Check(
        "Mandrill's search finds the email",
        _find_one,
        "In Mandrill's account: Settings, Custom Metadata, add appointment_uuid.",
    ),
    Check(
        "one search finds two (OR)",
        _find_two,
        "Nothing is lost: the schedule searches for one at a time. Ask Mandrill's support.",
    ),
)
