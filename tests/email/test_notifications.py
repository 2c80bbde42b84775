"""The notification of a failure, for people and machines, and where it goes if SNS refuses it."""

import json
import re
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from appointments import clients, notifier
from appointments.notification import Notification
from appointments.reasons import Cause, Reason
from appointments.statuses import Status
from appointments.storms import Storms
from tests.support.email_harness import UUID, EmailHarness
from tests.support.fake_aws import event

DOWN = ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "Publish")


def sns_down() -> Any:
    """Let SNS refuse what is published."""
    return patch.object(clients.client("sns"), "publish", side_effect=DOWN)


def crash() -> Any:
    """Let the function break before it reads anything."""
    return patch("appointments.tables.base.read_batch", side_effect=RuntimeError("session-token"))


def test_a_failed_email_is_notified(harness: EmailHarness) -> None:
    """The one notification names what failed, what was saved, who, where to look, what to run."""
    answered = harness.create(photographer_user_id=502, notes="private words")
    [notification] = harness.published()
    reason = "rex@rejected.test rejected (hard-bounce)"
    assert notification.subject == f"[test] mandrill-email-failed: {reason}"
    text = notification.message["default"]
    for part in (
        f"mandrill-email-failed: {reason}",
        "It is saved",
        UUID,
        "user#45",
        "rex@rejected.test (photographer): rejected (hard-bounce)",
        "booker@planomatic.test (booker): sent",
        "admin record put 'user#502' --email ADDRESS",
        "The email is tried again at 2027-01-15T08:01Z, and further on until",
        "2027-01-15T09:20Z. Recipients who have it get no second one.",
        "docs/operations.md#mandrill-refuses-an-address",
        "req-1",
        "filter request_id = 'req-1'",
        notification.facts["replay"],
    ):
        assert part in text
    for private in ("private words", "session-token", "sandbox-key"):
        assert private not in json.dumps(notification.message)
    assert notification.facts["uuid"] == answered.body["uuid"]
    assert notification.facts["replay"].startswith("replay ")
    assert "--status mandrill-email-failed --request-id req-1 --yes" in notification.facts["replay"]


def test_machines_get_one_json_object(harness: EmailHarness) -> None:
    """Every machine's protocol gets the same JSON object, and attributes to filter by."""
    harness.create(photographer_user_id=502)
    [notification] = harness.published()
    assert set(notification.message) == {"default", "sqs", "lambda", "http", "https"}
    assert (
        len({notification.message[protocol] for protocol in ("sqs", "lambda", "http", "https")})
        == 1
    )
    assert notification.facts.keys() >= {
        "notification_id",
        "status",
        "reason",
        "request_id",
        "saved",
    }
    assert {name: value["Value"] for name, value in notification.attributes.items()} == {
        "status": "mandrill-email-failed",
        "stage": "test",
        "service": "appointments-create",
        "storm": "first",
    }


def test_each_notified_status_has_a_notification(harness: EmailHarness) -> None:
    """A crash, an unidentified request and a failed email are notified; no other response is."""
    with crash():
        assert harness.create().status == "application-crash"
    harness.handle({})
    harness.create(token="no")
    harness.create(date_start_local="never")
    harness.handle(event() | {"rawPath": "/elsewhere"})
    harness.aws.put_record("service#appointments", deployed=False)
    harness.wait(60)
    assert harness.create().status == "service-not-found"
    assert [notification.facts["status"] for notification in harness.published()] == [
        "application-crash",
        "identify-request-error",
    ]


def test_a_crash_reveals_no_secret(harness: EmailHarness) -> None:
    """The notification has the type of the exception, not its text, which could hold anything."""
    with crash():
        harness.create()
    [notification] = harness.published()
    assert notification.subject == "[test] application-crash: RuntimeError"
    assert "session-token" not in json.dumps(notification.message)
    assert "session-token" not in harness.written()


def test_a_crash_has_the_error_of_aws(harness: EmailHarness) -> None:
    """Where an AWS service refused, its own error code stands in the subject."""
    boto3.client("dynamodb").delete_table(TableName="appointments")
    assert harness.create().status == "application-crash"
    [notification] = harness.published()
    assert notification.subject == (
        "[test] application-crash: PutItem on appointments: ResourceNotFoundException"
    )


def make_notification(reason: str = "", request_id: str = "req-1") -> Notification:
    """Return the notification of a crash."""
    return notifier.make(
        Status.APPLICATION_CRASH,
        Reason(reason, "", Cause.DEFECT),
        id_seed="",
        request_id=request_id,
        received_at="2027-01-05T10:00:00.000Z",
        uuid=None,
        saved=True,
        owner=None,
    )


def test_a_subject_is_cut_at_a_hundred_characters() -> None:
    """A reason that does not fit is cut where the subject has 100 characters, not sooner."""
    notification = make_notification("r" * 300)
    assert notification.subject == "[test] application-crash: " + "r" * 74


@given(reason=st.text(max_size=300))
def test_a_subject_is_safe(reason: str) -> None:
    """Whatever the reason holds, the subject is at most 100 characters of one line of ASCII."""
    notification = make_notification(reason)
    subject = notification.subject
    assert re.fullmatch(r"\[test\] application-crash:[ -~]*", subject)
    assert len(subject) <= 100
    assert subject == subject.strip()


def test_a_request_id_cannot_leave_its_place() -> None:
    """The replay command stays one command, whatever a hand-made request id holds."""
    notification = make_notification(request_id="x';reboot;'")
    assert """--request-id 'x'"'"';reboot;'"'"''""" in str(notification.replay)


def test_the_id_is_stable(harness: EmailHarness) -> None:
    """Two failures have two ids; one failure keeps its id from the item to SNS."""
    with sns_down():
        harness.create(photographer_user_id=502)
    [owed] = harness.item()["notifications"]
    harness.wait(60)
    harness.schedule()
    [notification] = harness.published()
    assert notification.facts == json.loads(owed)
    harness.create(photographer_user_id=502)
    assert len({one.facts["notification_id"] for one in harness.published()}) == 2


def test_sns_down_changes_no_answer(harness: EmailHarness) -> None:
    """With SNS down the answer is the same; the notification is owed, then published, then gone."""
    with sns_down():
        answered = harness.create(token="no-address-token", photographer_user_id=502)
    assert (answered.status, answered.body["saved"]) == ("mandrill-email-failed", True)
    assert harness.count("NotificationFailed") == 0
    harness.aws.put_record("user#502", name="Rex", email="rex@planomatic.test")
    harness.wait(60)
    assert harness.schedule()["notifications"] == 1
    assert not {"owed", "due", "lease", "notifications"} & set(harness.item())
    harness.wait(60)
    assert harness.schedule()["notifications"] == 0
    assert len(harness.published()) == 1


def test_a_pending_notification_outlives_the_email(harness: EmailHarness) -> None:
    """An email that is settled by the caller meanwhile does not take the notification with it."""
    with sns_down():
        harness.create(photographer_user_id=502)
    harness.aws.put_record("user#502", name="Rex", email="rex@planomatic.test")
    assert harness.create(photographer_user_id=502).code == 200
    before = harness.item()
    assert "owed" in before
    harness.wait(121)
    assert harness.schedule() == {"emails": 0, "notifications": 1, "searches": 0, "failed": 0}
    pending = ("owed", "due", "notify_due", "notifications")
    left = {name: before[name] for name in before if name not in pending}
    assert harness.item() == left


def test_a_skipped_email_stays_skipped(harness: EmailHarness) -> None:
    """A pending notification does not make the schedule send an email that had no recipient."""
    with sns_down(), patch("appointments.create.Sender.send", side_effect=KeyError):
        harness.create(token="application-token", photographer_user_id=503)
    harness.aws.put_record("user#503", name="Sam", email="sam@planomatic.test")
    harness.wait(60)
    assert harness.schedule() == {"emails": 0, "notifications": 1, "searches": 0, "failed": 0}
    assert harness.item()["email_status"] == "skipped"
    assert harness.mailed() == []


@pytest.mark.parametrize("saved", [True, False])
def test_reporting_that_breaks_changes_no_response(harness: EmailHarness, *, saved: bool) -> None:
    """If reporting itself breaks, the response stays, the log has a line and an alarm counts it."""
    broken = patch.object(notifier, "make", side_effect=RuntimeError("no topic"))
    with broken:
        answered = harness.create(photographer_user_id=502) if saved else harness.handle({})
    status = "mandrill-email-failed" if saved else "identify-request-error"
    assert (answered.status, answered.code, answered.body["saved"]) == (status, 500, saved)
    [line] = harness.lines("broken")
    assert line["level"] == "ERROR"
    assert line["request_id"] == answered.body["request_id"]
    assert "RuntimeError: no topic" in line["exception"]
    [response] = harness.lines("response")
    assert (response["status"], response["saved"]) == (status, saved)
    assert harness.count("NotificationFailed") == 1
    assert harness.count("Answers") == 1


def test_giving_up_with_sns_down_is_notified_later(harness: EmailHarness) -> None:
    """The notification of an email given up is in the item before it is published."""
    harness.aws.put_record("user#501", name="Pat", email="a@rejected.test")
    harness.create()
    with sns_down():
        for wait in (60, 240, 900, 3600):
            harness.wait(wait)
            harness.schedule()
    assert len(harness.published()) == 1
    [owed] = harness.item()["notifications"]
    harness.wait(60)
    harness.schedule()
    assert harness.published()[1].facts == json.loads(owed)
    assert "given up" in harness.published()[1].subject
    assert "owed" not in harness.item()


def test_without_an_item_it_stands_in_the_log(harness: EmailHarness) -> None:
    """Where there is no item, an ERROR line with the whole and a metric take SNS's place."""
    with crash(), sns_down():
        assert harness.create().status == "application-crash"
    [line] = harness.lines("notification not published")
    assert line["level"] == "ERROR"
    assert line["notification"]["request_id"] == "req-1"
    assert line["notification"]["notification_id"]
    assert harness.count("NotificationFailed") == 1


def test_a_publish_that_breaks_stands_in_the_log(harness: EmailHarness) -> None:
    """If publishing ends in something that SNS never says, the log has the notification."""
    broken = patch.object(clients.client("sns"), "publish", side_effect=RuntimeError("no topic"))
    with broken:
        assert harness.create(photographer_user_id=502).status == "mandrill-email-failed"
    assert len(harness.lines("notification not published")) == 1
    assert harness.count("NotificationFailed") == 1


def test_where_the_item_cannot_be_reached_it_stands_in_the_log(harness: EmailHarness) -> None:
    """If the item does not take it either, the log does."""
    with sns_down(), patch("appointments.email.outbox.Appointment.update", side_effect=DOWN):
        harness.create(photographer_user_id=502)
    assert len(harness.lines("notification not published")) == 1
    assert harness.count("NotificationFailed") == 1


def test_every_failure_of_a_storm_is_published(harness: EmailHarness) -> None:
    """Each failure is published; the first of its kind in ten minutes is marked for people."""
    for _ in range(3):
        with crash():
            harness.create()
    harness.handle({})
    harness.create(uuid=UUID.replace("7", "8"), photographer_user_id=502)
    harness.wait(599)
    with crash():
        harness.create()
    harness.wait(1)
    with crash():
        harness.create()
    assert [
        (notification.facts["status"], notification.storm) for notification in harness.published()
    ] == [
        ("application-crash", "first"),
        ("application-crash", "more"),
        ("application-crash", "more"),
        ("identify-request-error", "first"),
        ("mandrill-email-failed", "first"),
        ("application-crash", "more"),
        ("application-crash", "first"),
    ]


def test_each_notification_of_a_storm_repairs_its_own_request(harness: EmailHarness) -> None:
    """The replay command of a notification names its one request."""
    for number in range(3):
        with crash():
            harness.handle(event(request_id=f"req-{number}"))
    commands = [notification.facts["replay"] for notification in harness.published()]
    for number, command in enumerate(commands):
        assert f"--request-id req-{number} --yes" in command


def test_a_kind_is_a_status_and_a_declared_code(harness: EmailHarness) -> None:
    """The address, the request and what stands in brackets make no kind of their own."""
    addresses = {601: "a@rejected.test", 602: "b@rejected.test", 603: "c@invalid.test"}
    for user, email in addresses.items():
        harness.aws.put_record(f"user#{user}", name="P", email=email)
        harness.create(uuid=UUID[:-3] + str(user), photographer_user_id=user)
    assert [notification.storm for notification in harness.published()] == [
        "first",
        "more",
        "first",
    ]


def test_a_hundred_kinds_and_one_more() -> None:
    """Beyond a hundred kinds, all others count as one more kind."""
    storms = Storms()
    assert {storms.classify(f"kind {number}", 0) for number in range(100)} == {"first"}
    assert [storms.classify(f"kind {number}", 1) for number in (99, 100, 101)] == [
        "more",
        "first",
        "more",
    ]
    assert storms.classify("kind 102", 601) == "first"


def test_the_storm_is_decided_when_the_notification_is_made(harness: EmailHarness) -> None:
    """A pending notification keeps its `storm`, however late it is published."""
    with sns_down():
        harness.create(photographer_user_id=502)
    harness.wait(1000)
    harness.schedule()
    assert [notification.storm for notification in harness.published()][:1] == ["first"]


def test_failed_emails_are_always_notified(harness: EmailHarness) -> None:
    """However many emails fail in a minute, each is notified."""
    for digit in range(4):
        uuid = f"{digit}1111111-1111-4111-8111-111111111111"
        harness.create(uuid=uuid, photographer_user_id=502)
    assert len(harness.published()) == 4


def test_a_request_that_left_no_line_names_no_replay(harness: EmailHarness) -> None:
    """Where no line is on record that could be replayed, the text says so."""
    harness.handle({})
    [notification] = harness.published()
    assert notification.facts["replay"] is None
    assert "the log has no request that could be replayed" in notification.message["default"]


def test_a_subscriber_gets_what_its_protocol_is_for(harness: EmailHarness) -> None:
    """A queue that subscribes with a filter policy gets the JSON object of its status."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName="failures")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    [topic] = sns.list_topics()["Topics"]
    sns.subscribe(
        TopicArn=topic["TopicArn"],
        Protocol="sqs",
        Endpoint=arn["QueueArn"],
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps({"status": ["mandrill-email-failed"]}),
        },
    )
    with crash():
        harness.create()
    harness.create(photographer_user_id=502)
    [received] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(received["Body"])["status"] == "mandrill-email-failed"


def test_after_a_failed_publish_nothing_is_published_for_thirty_seconds(
    harness: EmailHarness,
) -> None:
    """The notifications of appointments are pending at once, without a call to SNS."""
    with sns_down() as publish:
        for digit in range(3):
            harness.create(uuid=f"{digit}{UUID[1:]}", photographer_user_id=502)
        harness.wait(29)
        harness.create(uuid=f"4{UUID[1:]}", photographer_user_id=502)
        assert publish.call_count == 1
        harness.wait(1)
        harness.create(uuid=f"5{UUID[1:]}", photographer_user_id=502)
        assert publish.call_count == 2
    assert all(len(item["notifications"]) == 1 for item in harness.aws.items())
    assert harness.count("NotificationFailed") == 0


def test_the_pause_does_not_apply_without_an_item(harness: EmailHarness) -> None:
    """A failure that has no appointment item is published during the pause too."""
    with sns_down():
        harness.create(photographer_user_id=502)
    with crash():
        harness.create()
    assert [one.facts["status"] for one in harness.published()] == ["application-crash"]


def test_a_run_during_the_pause_publishes_nothing(harness: EmailHarness) -> None:
    """The run sends its emails; what is pending stays until the pause has passed."""
    harness.put_overdue(1)
    with sns_down():
        harness.create(photographer_user_id=502)
    assert harness.schedule() == {"emails": 1, "notifications": 0, "searches": 0, "failed": 0}
    harness.wait(30)
    assert harness.schedule()["notifications"] == 1


def test_the_pause_passes_while_the_environment_is_frozen(harness: EmailHarness) -> None:
    """Thirty seconds are over after thirty seconds, also if the monotonic clock stood still."""
    with sns_down():
        harness.create(photographer_user_id=502)
    harness.clock.freeze(30)
    assert harness.schedule()["notifications"] == 1
