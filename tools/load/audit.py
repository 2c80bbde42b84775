"""Compare the tables with the responses that callers got: nothing is lost, nothing is twice."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Note = Mapping[str, Any]
Item = Mapping[str, Any]


def audit(
    notes: Sequence[Note],
    items: Sequence[Item],
    mails: Sequence[Mapping[str, Any]],
    notified: set[str],
) -> dict[str, list[str]]:
    """Return the promises, each with what breaks it: nothing, if all is well.

    `items` are the appointments, `mails` what Mandrill accepted, `notified` the request ids that
    have a notification.
    """
    by_uuid: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        by_uuid[note["uuid"]].append(note)
    stored = {item["uuid"]: item for item in items}
    return {
        "what a response calls saved is stored, as it was sent": [
            note["uuid"]
            for note in notes
            if note["saved"] and _content(stored.get(note["uuid"])) != note["content"]
        ],
        "what a response calls saved is stored once": _repeated(_content(item) for item in items),
        "nothing is stored that a caller could not expect": [
            uuid for uuid in stored if not any(_may_be_saved(note) for note in by_uuid[uuid])
        ],
        "at most one response says that its request created it": [
            uuid
            for uuid, its_notes in by_uuid.items()
            if sum(note["saved"] is True and note["replayed"] is False for note in its_notes) > 1
        ],
        "what is bad was refused": [
            note["uuid"]
            for note in notes
            if note["kind"] == "bad" and note["has_response"] and note["saved"]
        ],
        "every email is settled": [
            f"{uuid} {item['email_status']}"
            for uuid, item in stored.items()
            if "owed" in item or item["email_status"] not in {"sent", "skipped"}
        ],
        "each recipient of an appointment got one email": [
            *_repeated(_deliveries(mails)),
            *(set(_expected(items)) - set(_deliveries(mails))),
        ],
        "no notification is owed": [
            uuid for uuid, item in stored.items() if "notifications" in item
        ],
        "every email that failed has a notification": [
            note["request_id"]
            for note in notes
            if note["status"] == "mandrill-email-failed" and note["request_id"] not in notified
        ],
    }


def _content(item: Item | None) -> Any:
    return item and item["notes"]


def _may_be_saved(note: Note) -> bool:
    return note["saved"] is not False or not note["has_response"]


def _deliveries(mails: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{mail['metadata']['appointment_uuid']} {to['email']}"
        for mail in mails
        for to in mail["to"]
    ]


def _expected(items: Sequence[Item]) -> list[str]:
    return [
        f"{item['uuid']} {entry['email']}"
        for item in items
        for entry in item.get("email_recipients", ())
    ]


def _repeated(values: Any) -> list[str]:
    return [str(value) for value, count in Counter(values).items() if count > 1]
