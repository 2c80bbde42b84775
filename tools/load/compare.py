"""Compare the tables with the journal of the callers: nothing is lost, nothing is twice."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
Item = Mapping[str, Any]


def compare(
    journal: Sequence[Entry],
    items: Sequence[Item],
    mails: Sequence[Mapping[str, Any]],
    notified: set[str],
) -> dict[str, list[str]]:
    """Return the promises, each with what breaks it: nothing, if all is well.

    `journal` has each response as its caller recorded it. `items` are the appointments, `mails` is
    what Mandrill accepted, `notified` are the ids of the requests that have a notification.
    """
    by_uuid: dict[str, list[Entry]] = defaultdict(list)
    for entry in journal:
        by_uuid[entry["uuid"]].append(entry)
    stored = {item["uuid"]: item for item in items}
    return {
        "what a response calls saved is stored, as it was sent": [
            entry["uuid"]
            for entry in journal
            if entry["saved"] and _content(stored.get(entry["uuid"])) != entry["content"]
        ],
        "what a response calls saved is stored once": _repeated(_content(item) for item in items),
        "nothing is stored that a caller could not expect": [
            uuid for uuid in stored if not any(_may_be_saved(entry) for entry in by_uuid[uuid])
        ],
        "at most one response says that its request created it": [
            uuid
            for uuid, its_entries in by_uuid.items()
            if sum(entry["saved"] is True and entry["replayed"] is False for entry in its_entries)
            > 1
        ],
        "what is bad was refused": [
            entry["uuid"]
            for entry in journal
            if entry["kind"] == "bad" and entry["has_response"] and entry["saved"]
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
        "no notification is pending": [
            uuid for uuid, item in stored.items() if "notifications" in item
        ],
        "every email that failed has a notification": [
            entry["request_id"]
            for entry in journal
            if entry["status"] == "mandrill-email-failed" and entry["request_id"] not in notified
        ],
    }


def _content(item: Item | None) -> Any:
    return item and item["notes"]


def _may_be_saved(entry: Entry) -> bool:
    return entry["saved"] is not False or not entry["has_response"]


def _deliveries(mails: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{mail['metadata']['appointment_uuid']} {to['email']}"
        for mail in mails
        for to in mail["to"]
    ]


def _expected(items: Sequence[Item]) -> list[str]:
    return [
        f"{item['uuid']} {recipient['email']}"
        for item in items
        for recipient in item.get("email_recipients", ())
    ]


def _repeated(values: Any) -> list[str]:
    return [str(value) for value, count in Counter(values).items() if count > 1]
