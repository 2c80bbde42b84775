"""Section 10.5: every try of an email leaves a log entry, and so does a search that settles it."""

from typing import Any

from tests.email.conftest import UUID, Office

PAT, BO = "pat@planomatic.test", "booker@planomatic.test"


def entries(office: Office) -> list[dict[str, Any]]:
    """Return the email log entries, without what every line has."""
    common = {"level", "timestamp", "service", "message"}
    return [
        {name: value for name, value in line.items() if name not in common}
        for line in office.lines("email")
    ]


def triggers(office: Office) -> list[tuple[str, str, int]]:
    """Return each entry's trigger, status and tries."""
    return [(line["trigger"], line["status"], line["tries"]) for line in entries(office)]


def test_the_try_of_a_request(office: Office) -> None:
    """It names the request, the appointment, each recipient with Mandrill's status, the reason."""
    answer = office.create()
    assert entries(office) == [
        {
            "request_id": "req-1",
            "uuid": UUID,
            "trigger": "request",
            "status": "sent",
            "tries": 1,
            "recipients": answer.body["data"]["email"]["recipients"],
            "reason": None,
        }
    ]


def test_the_tries_of_the_schedule(office: Office) -> None:
    """A recovered email is logged as sent, under the id of the request that created it."""
    office.create(photographer_user_id=502)
    office.wait(60)
    office.schedule()
    office.world.put_record("user#502", email="rex@planomatic.test")
    office.wait(240)
    office.schedule()
    assert triggers(office) == [
        ("request", "partly-sent", 1),
        ("schedule", "partly-sent", 2),
        ("schedule", "sent", 3),
    ]
    assert {line["request_id"] for line in entries(office)} == {"req-1"}
    assert entries(office)[0]["reason"] == "rex@rejected.test rejected (hard-bounce)"


def test_a_retry_and_a_replay(office: Office) -> None:
    """A caller's retry and a replay are told apart."""
    office.create(photographer_user_id=502)
    office.create(photographer_user_id=502)
    [logged, *_] = office.lines("request")
    office.handle({"replay": logged})
    assert [line["trigger"] for line in entries(office)] == ["request", "retry", "replay"]


def test_a_search_that_settles(office: Office) -> None:
    """An email that Mandrill turns out to have is settled by the search, which is logged."""
    office.world.put_record("user#501", email="pat@slow.test")
    office.create(seconds=7.5)
    assert triggers(office)[0][1] == "unknown"
    office.wait(121)
    office.schedule()
    assert triggers(office)[-1][:2] == ("search", "sent")


def test_what_was_not_tried_leaves_no_entry(office: Office) -> None:
    """A repeat of what is sent, and an appointment without recipients, are no tries."""
    office.create()
    office.create()
    office.create(token="silent-token", uuid=None, photographer_user_id=None)
    assert len(entries(office)) == 1
