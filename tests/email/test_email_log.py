"""Section 10.5: every try of an email leaves a log entry, and so does a search that settles it."""

from typing import Any

from tests.support.email_harness import UUID, EmailHarness

PAT, BO = "pat@planomatic.test", "booker@planomatic.test"


def entries(harness: EmailHarness) -> list[dict[str, Any]]:
    """Return the email log entries, without what every line has."""
    common = {"level", "timestamp", "service", "message"}
    return [
        {name: value for name, value in line.items() if name not in common}
        for line in harness.lines("email")
    ]


def triggers(harness: EmailHarness) -> list[tuple[str, str, int]]:
    """Return each entry's trigger, status and tries."""
    return [(line["trigger"], line["status"], line["tries"]) for line in entries(harness)]


def test_the_try_of_a_request(harness: EmailHarness) -> None:
    """It names the request, the appointment, each recipient with Mandrill's status, the reason."""
    answer = harness.create()
    assert entries(harness) == [
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


def test_the_tries_of_the_schedule(harness: EmailHarness) -> None:
    """A recovered email is logged as sent, under the id of the request that created it."""
    harness.create(photographer_user_id=502)
    harness.wait(60)
    harness.schedule()
    harness.aws.put_record("user#502", email="rex@planomatic.test")
    harness.wait(240)
    harness.schedule()
    assert triggers(harness) == [
        ("request", "partly-sent", 1),
        ("schedule", "partly-sent", 2),
        ("schedule", "sent", 3),
    ]
    assert {line["request_id"] for line in entries(harness)} == {"req-1"}
    assert entries(harness)[0]["reason"] == "rex@rejected.test rejected (hard-bounce)"


def test_a_retry_and_a_replay(harness: EmailHarness) -> None:
    """A caller's retry and a replay are distinguished."""
    harness.create(photographer_user_id=502)
    harness.create(photographer_user_id=502)
    [logged, *_] = harness.lines("request")
    harness.handle({"replay": logged})
    assert [line["trigger"] for line in entries(harness)] == ["request", "retry", "replay"]


def test_a_search_that_settles(harness: EmailHarness) -> None:
    """An email that Mandrill turns out to have is settled by the search, which is logged."""
    harness.aws.put_record("user#501", email="pat@slow.test")
    harness.create(seconds=7.5)
    assert triggers(harness)[0][1] == "unknown"
    harness.wait(121)
    harness.schedule()
    assert triggers(harness)[-1][:2] == ("search", "sent")


def test_what_was_not_tried_leaves_no_entry(harness: EmailHarness) -> None:
    """A repeat of what is sent, and an appointment without recipients, are no tries."""
    harness.create()
    harness.create()
    harness.create(token="no-address-token", uuid=None, photographer_user_id=None)
    assert len(entries(harness)) == 1
