"""One notification: its facts, and the SNS message for people and for machines (section 9.2).

It reads no environment variable: the function publishes it, and so does an operator's command.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

_MAX_SUBJECT: Final = 100
_NOT_ASCII: Final = re.compile(r"[^ -~]+")
_PROTOCOLS: Final = ("sqs", "lambda", "http", "https")
_ATTRIBUTES: Final = ("status", "stage", "service", "storm")
_SAVED: Final = {
    True: "It is saved",
    False: "Nothing was saved",
    None: "It is unknown whether it is saved",
}


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What people and machines learn of one failure.

    It holds no token, no key and no free text of the appointment. `recipients` are the objects of
    `data.email`. `repair` is what a person does before the `replay` command, which is None if the
    log has no request to replay. `recovery` says what recovers automatically, and until when.
    `storm` is `first` or `more` (section 9.4).
    """

    notification_id: str
    stage: str
    service: str
    status: str
    reason: str
    request_id: str
    received_at: str
    uuid: str | None
    saved: bool | None
    owner: str | None
    recipients: Sequence[Any]
    log_group: str
    log_query: str
    replay: str | None
    repair: str = "See the log."
    recovery: str = "Nothing recovers automatically."
    chapter: str = "docs/operations.md"
    storm: str = "first"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a pending notification, of this version of the code or of another one."""
        return cls.from_facts(json.loads(text))

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Return a notification from its facts, without those that this version does not know."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in facts.items() if name in names})

    def to_json(self) -> str:
        """Return the one JSON object that machines get, and that is stored while it is pending."""
        return json.dumps(asdict(self))

    @property
    def subject(self) -> str:
        """One line of ASCII with at most 100 characters."""
        line = f"[{self.stage}] {self.status}: {self.reason}"
        return _NOT_ASCII.sub(" ", line)[:_MAX_SUBJECT].strip()

    @property
    def text(self) -> str:
        """The text for people."""
        recipients = "\n              ".join(map(_recipient, self.recipients)) or "no recipient"
        return f"""\
What failed:  {self.status}: {self.reason}
Appointment:  {_SAVED[self.saved]} (uuid {self.uuid or "unknown"}).
Affected:     {self.owner or "unknown"}
Email to:     {recipients}
Automatic:    {self.recovery}
To repair:    {self.repair}
Then run:     {self.replay or "nothing: the log has no request that could be replayed"}
Read:         {self.chapter}
Request:      {self.request_id}, received at {self.received_at}
The log:      {self.log_group}, in Logs Insights:
              {self.log_query}

Replaying is safe: it creates at most one appointment and sends each email once.
Stage {self.stage}, service {self.service}
Notification {self.notification_id}
"""

    def to_sns(self, topic: str) -> dict[str, Any]:
        """Return the parameters with which SNS publishes it on a topic."""
        facts = asdict(self)
        message = {"default": self.text, **dict.fromkeys(_PROTOCOLS, self.to_json())}
        return {
            "TopicArn": topic,
            "Subject": self.subject,
            "MessageStructure": "json",
            "Message": json.dumps(message),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": facts[name]} for name in _ATTRIBUTES
            },
        }


def _recipient(recipient: Any) -> str:
    """Return a recipient with what Mandrill said, as a line; 0.1.0 stored only the address."""
    if not isinstance(recipient, Mapping):
        return str(recipient)
    roles = " and ".join(recipient.get("roles", ()))
    reject_reason = recipient.get("reject_reason")
    status = f"{recipient['status']} ({reject_reason})" if reject_reason else recipient["status"]
    return f"{recipient['email']} ({roles}): {status}"
