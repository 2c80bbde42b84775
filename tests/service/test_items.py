"""Sections 3 and 7 as the table sees them: each parameter under its own name, in its own type."""

import json
from decimal import Decimal
from typing import Any

import pytest

from appointments import parameters
from tests.support.fake_aws import FakeAws, hash_of

# A value of each type as FileMaker may send it, and as it is stored.
SENT: dict[str, tuple[Any, str, Any]] = {
    "string": ("a\r\ntext ", "S", "a\ntext "),
    "boolean": ("No", "BOOL", False),
    "integer": ("0090", "N", "90"),
    "date": ("1/5/2027", "S", "2027-01-05"),
    "time": ("7:30 PM", "S", "19:30:00"),
    "datetime": ("1/5/2027 7:30:05,5 pm", "S", "2027-01-05T19:30:05.500000"),
}
OF_ITS_OWN: dict[str, tuple[Any, str, Any]] = {
    "application": (" planox2 ", "S", "planox2"),
    "uuid": ("{7F0C0F4E-6A57-4B38-9D3C-2F4A1F5D9C10}", "S", "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"),
    "order_id": (1001, "N", "1001"),
    "order_request_id": ("2001", "N", "2001"),
    "order_request_appt_id": (3001.0, "N", "3001"),
    "photographer_user_id": ("503", "N", "503"),
}
NOT_STORED = {"token": "no-address-token", "session_view": "full", "month_first": "1"}


def raw_item(aws: FakeAws) -> dict[str, dict[str, Any]]:
    """Return the last item as it went over the wire: DynamoDB's own JSON."""
    return [call for operation, call in aws.faults.calls if operation == "PutItem"][-1]["Item"]  # type: ignore[no-any-return]


def test_every_parameter_passed(aws: FakeAws) -> None:
    """All at once: each in its own attribute and type, but for those of the request itself."""
    expected = {
        name: OF_ITS_OWN.get(name) or SENT[parameters.type_of(name).name]
        for name in parameters.NAMES
        if name not in NOT_STORED
    }
    answer = aws.post(**NOT_STORED, **{name: sent for name, (sent, _, _) in expected.items()})
    assert answer.code == 200
    item = raw_item(aws)
    stored = {name: item.get(name) for name in parameters.NAMES}
    assert stored == {
        **dict.fromkeys(NOT_STORED),
        **{name: {kind: value} for name, (_, kind, value) in expected.items()},
    }
    answered = answer.body["data"]["appointment"]
    assert answered == {
        name: int(value) if kind == "N" else value for name, (_, kind, value) in expected.items()
    }


def test_an_item_is_serialised_as_by_pynamodb() -> None:
    """What is set is written as PynamoDB would; what must be set and is not is refused."""
    from appointments.tables.appointments import Appointment  # noqa: PLC0415 - moto first

    item = Appointment("key", notes="Ring.", confirmed=False, order_id=1001, notifications=set())
    item.email_recipients = [{"email": "a@planomatic.test", "id": None}]
    assert item.serialize(null_check=False) == item._container_serialize(null_check=False)
    with pytest.raises(ValueError, match="attempt, email_status, fingerprint, owner"):
        item.serialize()


def test_nothing_but_what_was_passed(aws: FakeAws) -> None:
    """What was not passed, or blank, has no attribute; nothing unknown gets one."""
    aws.post(notes="", summary=" ", location=None, confirmed="", order_id=0, unknown_name="x")
    assert set(raw_item(aws)) & set(parameters.NAMES) == {"updated_at_mt", "uuid", "application"}
    assert "unknown_name" not in raw_item(aws)


def test_beside_the_parameters(aws: FakeAws) -> None:
    """The item has who asked, when, in which role, and a fingerprint of the content."""
    aws.post(request_id="req-9")
    item = aws.item()
    assert item["request_id"] == "req-9"
    assert item["user_id"] == Decimal(45)
    assert (item["application"], item["role"]) == ("planoorder", "client")
    assert item["received_at"] == aws.line("request")["received_at"]
    assert len(item["fingerprint"]) == 64
    assert item["email_status"] == "skipped"
    assert "owed" not in item
    assert "due" not in item


def test_the_item_of_an_application(aws: FakeAws) -> None:
    """An application has no user."""
    aws.post(token="application-token")
    assert "user_id" not in aws.item()


def test_a_repeat_reads_back_what_was_answered(aws: FakeAws) -> None:
    """What is read from the table is what was answered when it was written, in the same types."""
    sent = {"time_duration_s": 2**63 - 1, "confirmed": 1, "allday": 0, "order_id": 1001}
    first = aws.post(**sent)
    assert aws.post(**sent).body["data"] == first.body["data"]
    assert first.body["data"]["appointment"]["time_duration_s"] == 2**63 - 1


@pytest.mark.parametrize("text", ["日本 😀", "\x7f", "a" * 40_000, "a\u2028b", "0", "null", "true"])
def test_free_text_is_kept(aws: FakeAws, text: str) -> None:
    """Free text is kept as it was sent."""
    answer = aws.post(notes=text)
    assert answer.body["data"]["appointment"]["notes"] == text
    assert aws.item()["notes"] == text


def test_a_filemaker_request(aws: FakeAws) -> None:
    """What FileMaker sends by itself is read: 1/0, empty texts, its dates and times."""
    answer = aws.post(
        month_first="1",
        confirmed="1",
        cancelled="0",
        date_start_local="1/5/2027",
        time_start_local="7:30 PM",
        date_stop_local="01/05/2027",
        time_stop_local="9:00 pm",
        time_duration_s="5400",
        confirmed_at="12/31/2026 11:59:59 PM",
        order_id="",
        photographer_user_id=0,
        notes="first\rsecond",
    )
    assert answer.body["data"]["appointment"] == {
        "application": "planoorder",
        "confirmed": True,
        "confirmed_at": "2026-12-31T23:59:59",
        "cancelled": False,
        "date_start_local": "2027-01-05",
        "date_stop_local": "2027-01-05",
        "notes": "first\nsecond",
        "time_duration_s": 5400,
        "time_start_local": "19:30:00",
        "time_stop_local": "21:00:00",
        "updated_at_mt": "2026-11-22 10:00:00",
        "uuid": answer.body["uuid"],
    }
    assert [warned["param"] for warned in answer.body["warnings"]] == ["photographer_user_id"]


def test_no_token_in_the_table(aws: FakeAws) -> None:
    """The item has neither the token nor its hash."""
    aws.post(session_view="full")
    assert hash_of("no-address-token") not in json.dumps(raw_item(aws))
