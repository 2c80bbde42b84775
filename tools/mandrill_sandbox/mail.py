"""The messages of the sandbox, and the file that stores them."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tools.mandrill_sandbox.render import render

Struct = dict[str, Any]


@dataclass(frozen=True)
class Mail:
    """A message that was not refused, and its result for each recipient."""

    at: datetime
    template_name: str
    message: Struct
    results: list[Struct]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a message that was stored."""
        stored = json.loads(text)
        return cls(**{**stored, "at": datetime.fromisoformat(stored["at"])})

    def to_json(self) -> str:
        """Return it in one line, to be stored."""
        return json.dumps(vars(self) | {"at": self.at.isoformat()})

    def to_listing(self) -> Struct:
        """Return it as `/_sandbox/messages` shows it: only with the accepted recipients."""
        ids = {
            one["email"]: one["_id"] for one in self.results if one["status"] in {"sent", "queued"}
        }
        return {
            "to": [
                {"email": to["email"], "name": to.get("name")}
                for to in self.message["to"]
                if to["email"] in ids
            ],
            "template_name": self.template_name,
            "global_merge_vars": self.message["global_merge_vars"],
            "metadata": self.message["metadata"],
            "_ids": ids,
            "accepted_at": self.at.isoformat(timespec="milliseconds"),
            **render(self.message),
        }

    def to_search_results(self) -> list[Struct]:
        """Return it as `messages/search` shows it: once per recipient, the rejected ones too."""
        about_all = {
            "ts": int(self.at.timestamp()),
            "sender": self.message.get("from_email"),
            "subject": self.message.get("subject"),
            "template": self.template_name,
            "tags": self.message.get("tags", []),
            "metadata": self.message["metadata"],
        }
        return [
            about_all | {"_id": one["_id"], "email": one["email"], "state": one["status"]}
            for one in self.results
            if one["status"] != "invalid"
        ]


def read_mail(file: Path | None) -> list[Mail]:
    """Return the mail of a file; the last line may be torn if the process was killed."""
    found = []
    for line in file.read_text().splitlines() if file and file.exists() else []:
        with suppress(ValueError):
            found.append(Mail.from_json(line))
    return found
