"""Marking a session on an engine as strict as DynamoDB's, which refuses what the mocks let pass."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import UpdateError

from appointments import clients
from appointments.tables.sessions import MARK_INTERVAL, Session
from tools.local_stack.stack import Stack

NOW: Final = 4_000_000_000


@pytest.fixture(autouse=True)
def use_sessions_of_the_stack(
    stack: Stack, dynamodb_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make the function's model use the sessions table of the stack."""
    monkeypatch.setattr(clients, "client", lambda _: dynamodb_client)
    monkeypatch.setattr(Session.Meta, "table_name", stack.sessions_table)
    monkeypatch.setattr(Session, "_connection", None)
    Session.connect()


@pytest.fixture
def session() -> Iterator[Session]:
    """Write a session that was last used long ago; it is deleted afterwards."""
    session = Session(uuid4().hex, uuid=str(uuid4()), kind="session", user_id=1)
    session.created_at = session.last_used_at = NOW - 10 * MARK_INTERVAL
    session.save()
    yield session
    session.delete()


def test_a_session_is_marked_once_in_five_minutes(session: Session) -> None:
    """Of two marks at once the first counts, and none sets a newer one back."""
    other = Session.get(session.token_hash)
    session.mark(NOW)
    assert session.last_used_at == NOW
    for now in (NOW, NOW + MARK_INTERVAL - 1, NOW - 1):
        with pytest.raises(UpdateError):
            other.mark(now)
    other.mark(NOW + MARK_INTERVAL)
    assert Session.get(session.token_hash).last_used_at == NOW + MARK_INTERVAL


def test_a_session_that_has_gone_is_not_made_anew(session: Session) -> None:
    """Marking it fails, and leaves no stub."""
    session.delete()
    with pytest.raises(UpdateError):
        session.mark(NOW)
    with pytest.raises(Session.DoesNotExist):
        Session.get(session.token_hash)


def test_a_session_that_was_never_used_is_marked(session: Session) -> None:
    """A session without `last_used_at` gets one."""
    Session(session.token_hash).update(actions=[Session.last_used_at.remove()])
    session.mark(NOW)
    assert Session.get(session.token_hash).last_used_at == NOW


def test_the_engine_is_strict(dynamodb_client: Any, stack: Stack, session: Session) -> None:
    """An update from an attribute that is not there is refused, as by DynamoDB."""
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb_client.update_item(
            TableName=stack.sessions_table,
            Key={"token_hash": {"S": session.token_hash}},
            UpdateExpression="SET created_at = absent",
        )
