"""A model of Mandrill: one function that takes a call and responds as Mandrill does."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

_SEARCHED: Final = re.compile(r'u_appointment_uuid:"([^"]+)"')


@dataclass
class Mandrill:
    """What Mandrill has: each message for each recipient, with its state."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, path: str, call: dict[str, Any]) -> tuple[int, Any]:
        """Respond to a call: HTTP status and JSON."""
        if path == "messages/search":
            asked = set(_SEARCHED.findall(call["query"]))
            assert len(asked) == call["query"].count(" OR ") + 1, call["query"]
            found = [one for one in self.found if one["metadata"]["appointment_uuid"] in asked]
            return 200, found[: call["limit"]]
        assert path == "messages/send-template", path
        message = call["message"]
        results = []
        for to in message["to"]:
            bad = to["email"].endswith("@rejected.test")
            state = "rejected" if bad else "sent"
            reason = "hard-bounce" if bad else None
            result = {"email": to["email"], "_id": f"{len(self.found):032x}"}
            self.found.append({**result, "state": state, "metadata": message["metadata"]})
            results.append({**result, "status": state, "reject_reason": reason})
        return 200, results

    def mailed(self, uuid: str) -> Counter[str]:
        """Return how often each address got the email of an appointment."""
        return Counter(
            one["email"]
            for one in self.found
            if one["state"] == "sent" and one["metadata"]["appointment_uuid"] == uuid
        )
