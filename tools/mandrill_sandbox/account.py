"""What Mandrill decides about a call, apart from HTTP, so that the sandbox responds as it would."""

import json
import re
import threading
import time
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from tools.mandrill_sandbox.mail import Mail, Struct, read_mail

__all__ = ["ERRORS", "Account", "MandrillError", "Outage", "Struct"]

GENERAL = "An unknown error occurred processing your request. Please try again later."
UNPAID = "Email scheduling is only available for accounts with a positive balance."
# Mandrill's name for an error: HTTP status, code, message. Codes repeat: the name decides.
ERRORS = {
    "Invalid_Key": (500, -1, "Invalid API key"),
    "ValidationError": (500, -2, "{}"),
    "Unknown_Template": (500, 5, 'No such template "{}"'),
    "Unknown_Subaccount": (500, 12, "No subaccount exists with the id '{}'"),
    "PaymentRequired": (500, 10, UNPAID),
    "RequestLimitExceeded": (429, 429, "Too Many Requests attempted recently"),
    "GeneralError": (500, -1, GENERAL),
    "ServiceUnavailable": (503, -2, "Service Temporarily Unavailable"),
}
REFUSED_CALLS = {
    "down.test": "GeneralError",
    "unavailable.test": "ServiceUnavailable",
    "busy.test": "RequestLimitExceeded",
    "unpaid.test": "PaymentRequired",
    "empty.test": None,
}
OUTCOMES = {
    "rejected.test": ("rejected", "hard-bounce"),
    "invalid.test": ("invalid", None),
    "": ("invalid", None),
    "queued.test": ("queued", None),
}

TERM = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|([^\s"():*?]+))')
MAX_METADATA_BYTES = 250  # of JSON, as Mandrill's guide to metadata says


class MandrillError(Exception):
    """A response that refuses the whole call: an error by its name, or HTTP 500 and nothing."""

    def __init__(self, name: str | None, about: str = "") -> None:
        self.http_status, self.body = 500, None
        if name:
            self.http_status, code, message = ERRORS[name]
            message = message.format(about)
            self.body = {"status": "error", "code": code, "name": name, "message": message}


class Outage(StrEnum):
    """How the whole of Mandrill fails, whatever the addresses."""

    DOWN = "down"  # nothing is accepted, HTTP 500 GeneralError
    SLOW = "slow"  # accepted at once, the response comes after the time limit
    HANG = "hang"  # nothing is accepted, and no response comes
    INVALID_KEY = "invalid-key"  # no key is accepted


class Account:
    """One Mandrill account: its keys, its mail, its limits.

    Its mail is also written to a file, if one is given.

    `outage` is how it fails now, None if it works.
    """

    def __init__(
        self, keys: set[str], slow: float, search_limit: int, file: Path | None = None
    ) -> None:
        self.keys, self.slow, self.search_limit, self.file = keys, slow, search_limit, file
        self.outage: Outage | None = None
        self.mail: list[Mail] = read_mail(file)
        self.searches: list[float] = []
        self.lock = threading.Lock()

    def authorise(self, call: object) -> Struct:
        """Return the call if it has one of the keys."""
        if not isinstance(call, dict) or not isinstance(call.get("key"), str):
            raise MandrillError("ValidationError", "You must specify a key value")
        if call["key"] not in self.keys or self.outage is Outage.INVALID_KEY:
            raise MandrillError("Invalid_Key")
        if self.outage is Outage.DOWN:
            raise MandrillError("GeneralError")
        return call

    def accepted_mail(self) -> list[Struct]:
        """List the mail that a recipient gets, oldest first."""
        with self.lock:
            mails = [mail.to_listing() for mail in self.mail]
        return [mail for mail in mails if mail["to"]]

    def reset(self) -> None:
        """Empty the list, and with it what a search finds."""
        with self.lock:
            self.mail.clear()
            if self.file:
                self.file.unlink(missing_ok=True)

    def send_template(self, call: Struct) -> list[Struct] | str:
        """Accept a message or refuse the call; a text is a response that is not JSON."""
        name, message = call.get("template_name"), _read_message(call.get("message"))
        if not isinstance(name, str) or not name:
            raise _invalid(template_name="Please enter a value")
        if not _structs_with("name", call.get("template_content")):
            raise _invalid(template_content="Please enter an array")
        if name.startswith("unknown"):
            raise MandrillError("Unknown_Template", name)
        if str(message.get("subaccount")).startswith("unknown"):
            raise MandrillError("Unknown_Subaccount", message["subaccount"])
        domains = {to["email"]: to["email"].lower().partition("@")[2] for to in message["to"]}
        for domain in domains.values():
            if domain in REFUSED_CALLS:
                raise MandrillError(REFUSED_CALLS[domain])
        results = []
        for email, domain in domains.items():
            status, reason = OUTCOMES.get(domain, ("sent", None))
            result = {"email": email, "status": status, "_id": uuid4().hex, "reject_reason": reason}
            results.append(result)
        with self.lock:
            self.mail.append(Mail(datetime.now(UTC), name, message, results))
            if self.file:
                with self.file.open("a") as lines:
                    lines.write(f"{self.mail[-1].to_json()}\n")
        if "slow.test" in domains.values():
            time.sleep(self.slow)  # the wait is what slow.test is for
        return "<html>lost on the way</html>" if "garbage.test" in domains.values() else results

    def search(self, call: Struct) -> list[Struct]:
        """Find the newest first, of the last seven days unless the call says otherwise."""
        today, now = datetime.now(UTC).date(), time.monotonic()
        try:
            # A day in the newest documentation, a time in older ones: both begin with the day.
            first = date.fromisoformat(str(call.get("date_from") or today - timedelta(days=7))[:10])
            last = date.fromisoformat(str(call.get("date_to") or today)[:10])
            limit = min(max(int(call.get("limit") or 100), 1), 1000)
        except (TypeError, ValueError, OverflowError) as exc:
            raise _invalid(date_from="a date", date_to="a date", limit="a number") from exc
        with self.lock:
            self.searches = [at for at in self.searches if at > now - 60]
            if self.search_limit and len(self.searches) >= self.search_limit:
                raise MandrillError("RequestLimitExceeded")
            self.searches.append(now)
            within = [mail for mail in reversed(self.mail) if first <= mail.at.date() <= last]
        query = _parse(str(call.get("query") or "*").strip())
        return [one for mail in within for one in mail.to_search_results() if _matches(query, one)][
            :limit
        ]


def _invalid(**faults: object) -> MandrillError:
    return MandrillError("ValidationError", f"Validation error: {json.dumps(faults)}")


def _structs_with(name: str, value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get(name), str) for one in value
    )


def _read_message(value: object) -> Struct:
    """Refuse each shape that Mandrill does not document, so that a mistake is seen here."""
    message = {
        "global_merge_vars": [],
        "metadata": {},
        **(value if isinstance(value, dict) else {}),
    }
    metadata = message["metadata"]
    if not _structs_with("email", message.get("to")):
        raise _invalid(message={"to": "Please enter an array"})
    if not _structs_with("name", message["global_merge_vars"]):
        raise _invalid(message={"global_merge_vars": "Please enter an array"})
    if not isinstance(metadata, dict) or any(isinstance(v, dict | list) for v in metadata.values()):
        raise _invalid(message={"metadata": "Please enter values by name"})
    if len(json.dumps(metadata)) > MAX_METADATA_BYTES:
        raise _invalid(message={"metadata": f"Please enter at most {MAX_METADATA_BYTES} bytes"})
    return message


def _parse(query: str) -> list[list[tuple[str, str]]]:
    """Return alternatives of terms that must all match: the part of Mandrill's Lucene needed here.

    That is `*`, or `[field:]value` with AND and OR.
    """
    if query == "*":
        return [[]]
    alternatives = []
    for alternative in re.split(r"\s+OR\s+", query):
        terms = []
        for part in re.split(r"\s+AND\s+", alternative):
            term = TERM.fullmatch(part)
            if term is None:
                raise _invalid(query="The sandbox reads values with AND and OR, without wildcards")
            field, phrase, word = term.groups()
            terms.append((field or "", (phrase or word or "").lower()))
        alternatives.append(terms)
    return alternatives


def _matches(alternatives: list[list[tuple[str, str]]], found: Struct) -> bool:
    words = {name: {str(value).lower()} for name, value in found.items()}
    words |= {f"u_{name}": {str(value).lower()} for name, value in found["metadata"].items()}
    words["full_email"] = words["email"]
    words["email"] = words["email"].union(found["email"].lower().split("@"))
    return any(
        all(
            any(value in known for name, known in words.items() if field in ("", name))
            for field, value in terms
        )
        for terms in alternatives
    )
