"""What people and machines are told of a failure, and where it goes when SNS does not take it."""

import json
import re
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from appointments import clients, create, notifications
from appointments.statuses import Status
from tests.email.conftest import UUID, Office
from tests.service.world import event

DOWN = ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "Publish")


def sns_down() -> Any:
    """Have SNS refuse what is published."""
    return patch.object(clients.client("sns"), "publish", side_effect=DOWN)


def crash() -> Any:
    """Have the function break before it reads anything."""
    return patch.object(create, "_read_tables", side_effect=RuntimeError("session-token"))


def test_a_failed_email_is_told(office: Office) -> None:
    """The one notification names what failed, what was saved, who, where to look, what to run."""
    answered = office.create(photographer_user_id=502, notes="private words")
    [told] = office.published()
    reason = "rex@rejected.test rejected (hard-bounce)"
    assert told.subject == f"[test] mandrill-email-failed: {reason}"
    text = told.message["default"]
    for part in (
        f"mandrill-email-failed: {reason}",
        "It is saved",
        UUID,
        "user#45",
        "rex@rejected.test, booker@planomatic.test",
        "req-1",
        "filter request_id = 'req-1'",
        told.facts["replay"],
    ):
        assert part in text
    for private in ("private words", "session-token", "sandbox-key"):
        assert private not in json.dumps(told.message)
    assert told.facts["uuid"] == answered.body["uuid"]
    assert told.facts["replay"].startswith("replay ")
    assert "--status mandrill-email-failed --request-id req-1 --yes" in told.facts["replay"]


def test_machines_get_one_json_object(office: Office) -> None:
    """Every machine's protocol gets the same JSON object, and attributes to filter by."""
    office.create(photographer_user_id=502)
    [told] = office.published()
    assert set(told.message) == {"default", "sqs", "lambda", "http", "https"}
    assert len({told.message[protocol] for protocol in ("sqs", "lambda", "http", "https")}) == 1
    assert told.facts.keys() >= {"notification_id", "status", "reason", "request_id", "saved"}
    assert {name: value["Value"] for name, value in told.attributes.items()} == {
        "status": "mandrill-email-failed",
        "stage": "test",
        "service": "appointments-create",
    }


def test_each_notified_status_is_told(office: Office) -> None:
    """A crash, an unidentified request and a failed email are told; no other answer is."""
    with crash():
        assert office.create().status == "application-crash"
    office.handle({})
    office.create(token="no")
    office.create(date_start_local="never")
    office.handle(event() | {"rawPath": "/elsewhere"})
    office.world.put_record("service#appointments", deployed=False)
    office.wait(60)
    assert office.create().status == "service-not-found"
    assert [told.facts["status"] for told in office.published()] == [
        "application-crash",
        "identify-request-error",
    ]


def test_a_crash_tells_no_secret(office: Office) -> None:
    """The kind of what broke is told, not its text, which could hold anything."""
    with crash():
        office.create()
    [told] = office.published()
    assert told.subject == "[test] application-crash: RuntimeError"
    assert "session-token" not in json.dumps(told.message)
    assert "session-token" not in office.written()


def test_a_crash_tells_what_aws_said(office: Office) -> None:
    """Where an AWS service refused, its own error code stands in the subject."""
    boto3.client("dynamodb").delete_table(TableName="appointments")
    assert office.create().status == "application-crash"
    [told] = office.published()
    assert told.subject == "[test] application-crash: PutError: ResourceNotFoundException"


@given(reason=st.text(max_size=300))
def test_a_subject_is_safe(reason: str) -> None:
    """Whatever the reason holds, the subject is at most 100 characters of one line of ASCII."""
    subject = notifications._subject(
        {"stage": "test", "status": "application-crash", "reason": reason}
    )
    assert re.fullmatch(r"\[test\] application-crash:[ -~]*", subject)
    assert len(subject) <= 100
    assert subject == subject.strip()


def test_a_request_id_cannot_leave_its_place() -> None:
    """The replay command stays one command, whatever a hand-made request id holds."""
    told = notifications.facts(
        Status.MANDRILL_EMAIL_FAILED,
        "",
        source="",
        request_id="x';reboot;'",
        received_at="2027-01-05T10:00:00.000Z",
        uuid=None,
        saved=True,
        owner=None,
    )
    assert """--request-id 'x'"'"';reboot;'"'"''""" in told["replay"]


def test_the_id_is_stable(office: Office) -> None:
    """Two failures have two ids; one failure keeps its id from the item to SNS."""
    with sns_down():
        office.create(photographer_user_id=502)
    [owed] = office.item()["notifications"]
    office.wait(60)
    office.schedule()
    [told] = office.published()
    assert told.facts == json.loads(owed)
    office.create(photographer_user_id=502)
    assert len({one.facts["notification_id"] for one in office.published()}) == 2


def test_sns_down_changes_no_answer(office: Office) -> None:
    """With SNS down the answer is the same; the notification is owed, then published, then gone."""
    with sns_down():
        answered = office.create(token="silent-token", photographer_user_id=502)
    assert (answered.status, answered.body["saved"]) == ("mandrill-email-failed", True)
    assert office.count("NotificationFailed") == 0
    office.world.put_record("user#502", name="Rex", email="rex@planomatic.test")
    office.wait(60)
    assert office.schedule()["notifications"] == 1
    assert not {"owed", "due", "lease", "notifications"} & set(office.item())
    office.wait(60)
    assert office.schedule()["notifications"] == 0
    assert len(office.published()) == 1


def test_an_owed_notification_outlives_the_email(office: Office) -> None:
    """An email that is settled by the caller meanwhile does not take the notification with it."""
    with sns_down():
        office.create(photographer_user_id=502)
    office.world.put_record("user#502", name="Rex", email="rex@planomatic.test")
    assert office.create(photographer_user_id=502).code == 200
    assert "owed" in office.item()
    office.wait(121)
    assert office.schedule()["notifications"] == 1
    assert "owed" not in office.item()


def test_giving_up_with_sns_down_is_told_later(office: Office) -> None:
    """The notification of an email given up is in the item before it is published."""
    office.world.put_record("user#501", name="Pat", email="a@down.test")
    office.create()
    with sns_down():
        for wait in (60, 240, 900, 3600):
            office.wait(wait)
            office.schedule()
    assert len(office.published()) == 1
    [owed] = office.item()["notifications"]
    office.wait(60)
    office.schedule()
    assert office.published()[1].facts == json.loads(owed)
    assert "given up" in office.published()[1].subject
    assert "owed" not in office.item()


def test_without_an_item_it_stands_in_the_log(office: Office) -> None:
    """Where there is no item, an ERROR line with the whole and a metric take SNS's place."""
    with crash(), sns_down():
        assert office.create().status == "application-crash"
    [line] = office.lines("notification not published")
    assert line["level"] == "ERROR"
    assert line["notification"]["request_id"] == "req-1"
    assert line["notification"]["notification_id"]
    assert office.count("NotificationFailed") == 1


def test_where_the_item_cannot_be_reached_it_stands_in_the_log(office: Office) -> None:
    """If the item does not take it either, the log does."""
    with sns_down(), patch("appointments.outbox.Appointment.update", side_effect=DOWN):
        office.create(photographer_user_id=502)
    assert len(office.lines("notification not published")) == 1
    assert office.count("NotificationFailed") == 1


@pytest.mark.parametrize("shape", ["crash", "identify"])
def test_a_storm_is_told_once_a_minute(office: Office, shape: str) -> None:
    """Of a storm one a minute is published, and the next bears the count of those it stands for."""

    def fail() -> None:
        if shape == "crash":
            with crash():
                office.create()
        else:
            office.handle({})

    for _ in range(5):
        fail()
    office.wait(59)
    fail()
    office.wait(1)
    fail()
    assert [told.facts["count"] for told in office.published()] == [1, 6]
    assert "Stands for:  6 failures" in office.published()[1].message["default"]


def test_failed_emails_are_always_told(office: Office) -> None:
    """However many emails fail in a minute, each is told."""
    for digit in range(4):
        uuid = f"{digit}1111111-1111-4111-8111-111111111111"
        office.create(uuid=uuid, photographer_user_id=502)
    assert len(office.published()) == 4


def test_a_request_that_left_no_line_names_no_replay(office: Office) -> None:
    """Where no line is on record that could be replayed, the text says so."""
    office.handle({})
    [told] = office.published()
    assert told.facts["replay"] is None
    assert "there is no request on record" in told.message["default"]


def test_a_subscriber_gets_what_its_protocol_is_for(office: Office) -> None:
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
        office.create()
    office.create(photographer_user_id=502)
    [received] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(received["Body"])["status"] == "mandrill-email-failed"
