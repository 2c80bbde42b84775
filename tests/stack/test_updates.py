"""The conditional updates of sessions and appointments on an engine as strict as DynamoDB's.

moto, on which the other tests run, takes updates that DynamoDB refuses. Here the function's own
code updates the deployed tables. Its clock is many years ahead, so that the stack's own schedule
finds nothing due.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import UpdateError

from appointments import appointments, clients, outbox
from appointments.appointments import Appointment
from appointments.outbox import LEASE_SECONDS
from appointments.sessions import MARK_EVERY, Session
from tests.stack.table import item as stored
from tools.project import CREDENTIALS
from tools.stack import Stack

NOW: Final = 4_000_000_000
OWED: Final = {"owed", "due"}
LEASED: Final = {"lease", "lease_until"}
MARK: Final[dict[str, Any]] = {
    "status": "failed",
    "recipients": [{"email": "a@planomatic.test", "id": None}],
    "reason": "GeneralError",
    "tries": 1,
    "due": NOW + 60,
    "suspect_until": None,
}
SENT: Final[dict[str, Any]] = {**MARK, "status": "sent", "reason": None, "due": None}

Write = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the function's tables be those of the stack."""
    client = clients._SESSION.create_client(
        "dynamodb",
        endpoint_url=stack.endpoint_url,
        region_name=stack.region,
        config=clients.BOUNDED,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    monkeypatch.setattr(clients, "client", lambda _: client)
    for table, name in (
        (Session, stack.sessions_table),
        (Appointment, stack.appointments_table),
    ):
        monkeypatch.setattr(table.Meta, "table_name", name)
        monkeypatch.setattr(table, "_connection", None)
        table.connect()
    return client


@pytest.fixture
def write(stack: Stack) -> Iterator[Write]:
    """Write an appointment whose email `one` is sending; it is deleted afterwards."""
    written = []

    def write(**values: Any) -> Appointment:
        item = Appointment.of(
            {
                "uuid": str(uuid4()),
                **dict.fromkeys(("request_id", "received_at", "role", "owner"), "x"),
                **dict.fromkeys(("fingerprint", "attempt"), "x"),
                "email_status": "pending",
                "email_tries": 1,
            }
        )
        outbox.lend(item, "one", NOW)
        item.attribute_values.update(values)
        written.append(appointments.write(item))
        return read(item.uuid)

    yield write
    for item in written:
        item.delete()
        assert stored(stack, item.uuid) is None


def read(uuid: str) -> Appointment:
    """Read an appointment as the function does."""
    item = appointments.find(uuid)
    assert item
    return item


def attributes(stack: Stack, item: Appointment) -> set[str]:
    """Return the names of the attributes that the stored item has."""
    found = stored(stack, item.uuid)
    assert found
    assert None not in found.values()
    return set(found)


def test_the_engine_is_strict(client: Any, stack: Stack, write: Write) -> None:
    """An update from an attribute that is not there is refused, as by DynamoDB."""
    item = write(lease=None, lease_until=None)
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_item(
            TableName=stack.appointments_table,
            Key={"uuid": {"S": item.uuid}},
            UpdateExpression="SET due = lease_until",
        )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lease": None, "lease_until": None},
        {"lease": None, "lease_until": None, "owed": None, "due": None},
        {"email_tries": None, "email_status": "failed"},
    ],
    ids=["leased", "free", "given up", "without tries"],
)
def test_of_two_who_read_the_same_one_gets_the_lease(write: Write, values: dict[str, Any]) -> None:
    """Whatever the item had of a lease, the first claim changes it, and the second sees that."""
    one = write(**values)
    other = read(one.uuid)
    assert outbox.claim(one, "two", NOW, counts=True)
    assert not outbox.claim(other, "three", NOW, counts=True)
    for item in (one, other, read(one.uuid)):
        assert (item.lease, item.lease_until, item.due) == ("two", NOW + 120, NOW + 120)
        assert (item.email_status, item.owed is None) == ("pending", False)
        assert item.email_tries == (values.get("email_tries", 1) or 0) + 1


def test_a_claim_that_was_sent_twice_is_ones_own(write: Write) -> None:
    """Where the SDK sent the claim again, its failure on itself is no loss."""
    one = write()
    again = read(one.uuid)
    assert outbox.claim(one, "two", NOW, counts=True)
    assert outbox.claim(again, "two", NOW, counts=True)
    assert again.email_tries == 2


def test_a_mark_gives_the_lease_back(stack: Stack, write: Write) -> None:
    """What failed stays owed until its time; what is sent has nothing left, not even a reason."""
    item = write()
    assert outbox.mark(item, "one", **MARK)
    assert attributes(stack, item) >= {*OWED, "email_reason", "email_recipients"}
    assert not attributes(stack, item) & LEASED
    assert read(item.uuid).due == NOW + 60

    assert outbox.claim(item, "two", NOW, counts=True)
    assert outbox.mark(item, "two", **SENT)
    assert not attributes(stack, item) & {*OWED, *LEASED, "email_reason"}
    assert read(item.uuid).email_status == "sent"


def test_a_mark_of_what_is_in_doubt_keeps_the_lease(write: Write) -> None:
    """The holder stays, until the moment from which Mandrill is asked."""
    item = write()
    assert outbox.mark(item, "one", **{**MARK, "suspect_until": NOW + LEASE_SECONDS})
    found = read(item.uuid)
    assert (found.lease, found.lease_until, found.due) == ("one", NOW + 120, NOW + 60)


@pytest.mark.parametrize("mark", [MARK, SENT], ids=["failed", "sent"])
def test_a_mark_without_the_lease_changes_nothing(write: Write, mark: dict[str, Any]) -> None:
    """Whose lease another has, or nobody, cannot undo what was done meanwhile."""
    item = write()
    before = read(item.uuid).attribute_values
    assert not outbox.mark(item, "two", **mark)
    assert read(item.uuid).attribute_values == before
    assert outbox.mark(item, "one", **MARK)
    assert not outbox.mark(item, "one", **mark)


def test_an_owed_notification_keeps_the_item_in_the_index(stack: Stack, write: Write) -> None:
    """A notification that became owed meanwhile outlives a sent email, until it is settled."""
    item = write()
    outbox.owe(item.uuid, "told", NOW)
    assert outbox.mark(item, "one", **SENT)
    assert attributes(stack, item) >= {*OWED, "notifications"}
    outbox.leave_index(item := read(item.uuid))
    assert attributes(stack, item) >= OWED
    outbox.settle(item, "told")
    assert "notifications" not in attributes(stack, item)
    outbox.leave_index(read(item.uuid))
    assert not attributes(stack, item) & OWED


def test_a_settled_item_can_owe_again(stack: Stack, write: Write) -> None:
    """An item out of the index comes back with its notification, due now; twice told is once."""
    item = write(email_status="sent", **dict.fromkeys((*LEASED, *OWED)))
    for _ in range(2):
        outbox.owe(item.uuid, "told", NOW)
    outbox.owe(item.uuid, "another", NOW + 9)
    found = read(item.uuid)
    assert (found.due, found.notifications) == (NOW, {"told", "another"})
    assert item.uuid in list(outbox.due(NOW, 100))
    assert item.uuid not in list(outbox.due(NOW - 1, 100))
    for notification in ("told", "told", "another"):
        outbox.settle(found, notification)
    assert "notifications" not in attributes(stack, item)


def test_the_notification_of_giving_up_comes_with_the_mark(write: Write) -> None:
    """One write marks the email and owes its notification."""
    item = write()
    assert outbox.mark(item, "one", **MARK, notification="given up")
    assert read(item.uuid).notifications == {"given up"}


def test_an_item_that_changed_stays_in_the_index(stack: Stack, write: Write) -> None:
    """What became owed since the item was read is not taken out of the index."""
    item = write(email_status="sent", lease=None, lease_until=None)
    stale = read(item.uuid)
    outbox.owe(item.uuid, "told", NOW)
    outbox.leave_index(stale)
    assert attributes(stack, item) >= OWED


def test_nothing_makes_an_item_anew(write: Write) -> None:
    """An update of an item that has gone fails, and leaves no stub."""
    item = write()
    item.delete()
    with pytest.raises(UpdateError):
        outbox.owe(item.uuid, "told", NOW)
    with pytest.raises(UpdateError):
        outbox.settle(item, "told")
    assert not outbox.mark(item, "one", **MARK)
    assert not outbox.mark(item, "one", **SENT)
    with pytest.raises(Appointment.DoesNotExist):
        outbox.claim(item, "two", NOW, counts=True)
    item.email_status = "sent"
    item.lease = None
    outbox.leave_index(item)
    assert appointments.find(item.uuid) is None


@pytest.fixture
def session() -> Iterator[Session]:
    """Write a session that was last used long ago; it is deleted afterwards."""
    session = Session(uuid4().hex, uuid=str(uuid4()), kind="session", user_id=1)
    session.created_at = session.last_used_at = NOW - 10 * MARK_EVERY
    session.save()
    yield session
    session.delete()


def test_a_session_is_marked_once_in_five_minutes(session: Session) -> None:
    """Of two marks at once the first counts, and none sets a newer one back."""
    other = Session.get(session.token_hash)
    session.mark(NOW)
    assert session.last_used_at == NOW
    for now in (NOW, NOW + MARK_EVERY - 1, NOW - 1):
        with pytest.raises(UpdateError):
            other.mark(now)
    other.mark(NOW + MARK_EVERY)
    assert Session.get(session.token_hash).last_used_at == NOW + MARK_EVERY


def test_a_session_that_has_gone_is_not_made_anew(session: Session) -> None:
    """Marking it fails, and leaves no stub."""
    session.delete()
    with pytest.raises(UpdateError):
        session.mark(NOW)
    with pytest.raises(Session.DoesNotExist):
        Session.get(session.token_hash)
