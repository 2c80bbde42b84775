"""What Mandrill has of the emails that were sent: the function searches in the same way.

How soon Mandrill's search lists a message is documented nowhere, so it is asked for a minute.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import urllib3

from appointments_operator.verify.check import Check, CheckFailed
from appointments_operator.verify.trial import Trial

_SECONDS: Final = 60
_PAUSE: Final = 5
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=10)


def _one(trial: Trial) -> str:
    return _search(trial, _sent(trial)[:1])


def _two(trial: Trial) -> str:
    if len(trial.created) == 1:
        trial.created.append(trial.create())
    uuids = _sent(trial)
    if len(uuids) != 2:
        raise CheckFailed("there are no two emails")
    return _search(trial, uuids)


def _sent(trial: Trial) -> list[str]:
    """Return the appointments whose email was sent."""
    emails = [response.body for response in trial.created if response.body.get("data")]
    sent = [body["uuid"] for body in emails if body["data"]["email"]["status"] == "sent"]
    if not sent:
        raise CheckFailed("no email was sent")
    return sent


def _search(trial: Trial, uuids: list[str]) -> str:
    """Search for the emails of these appointments until all are listed."""
    query = " OR ".join(f'u_appointment_uuid:"{uuid}"' for uuid in uuids)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    request = {"key": _key(trial), "query": query, "date_from": yesterday, "limit": 100}
    began = time.monotonic()
    while True:
        listed = _call(trial, request)
        if set(uuids) <= {each.get("metadata", {}).get("appointment_uuid") for each in listed}:
            delay = f"after {time.monotonic() - began:.0f} s"
            return "listed; a delay is not shown here" if trial.is_local else f"listed {delay}"
        if time.monotonic() + _PAUSE > began + _SECONDS:
            raise CheckFailed(f"not listed after {_SECONDS} s")
        time.sleep(_PAUSE)


def _call(trial: Trial, request: dict[str, Any]) -> list[dict[str, Any]]:
    url = f"{trial.environment['MANDRILL_URL']}/messages/search"
    try:
        response = urllib3.request("POST", url, json=request, timeout=_TIMEOUT, retries=False)
        listed = response.json()
    except (urllib3.exceptions.HTTPError, ValueError) as failed:
        raise CheckFailed(f"no response of Mandrill: {type(failed).__name__}") from failed
    if not isinstance(listed, list):
        name = listed.get("name") if isinstance(listed, dict) else None
        raise CheckFailed(f"Mandrill refuses the search: {name}")
    return listed


def _key(trial: Trial) -> str:
    client = trial.deployment.client("secretsmanager")
    secret = client.get_secret_value(SecretId=trial.environment["MANDRILL_SECRET"])
    return str(secret["SecretString"]).strip()


MANDRILL_CHECKS: Final = (
    Check(
        "Mandrill's search finds the email",
        _one,
        "In Mandrill's account: Settings, Custom Metadata, add appointment_uuid.",
    ),
    Check(
        "one search finds two (OR)",
        _two,
        "Nothing is lost: the schedule searches for one at a time. Ask Mandrill's support.",
    ),
)
