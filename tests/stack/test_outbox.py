"""The outbox's updates on the local stack's engine, which refuses what the mocks let pass."""

from collections.abc import Iterator
from typing import Any

import pytest

from appointments.tables.appointments import Appointment
from tests.outbox_updates import CASES, WITHOUT_ITEM, Case, Operation, check_without_item
from tests.support.fake_aws import make_table
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack


@pytest.fixture(scope="module")
def table(stack: Stack, dynamodb_client: Any) -> Iterator[Any]:
    """Create a separate table on the stack's engine, which the function's model then uses."""
    dynamodb = session.resource("dynamodb", endpoint_url=stack.endpoint_url)
    made = make_table(dynamodb, "appointments")
    Appointment._get_connection().connection._client = dynamodb_client
    yield made
    Appointment.connect()
    made.delete()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_update(table: Any, case: Case) -> None:
    """Each update changes what it says if its condition holds, and nothing otherwise."""
    case.check(table)


@pytest.mark.parametrize(("operation", "raises"), WITHOUT_ITEM)
def test_an_update_of_no_item(table: Any, operation: Operation, *, raises: bool) -> None:
    """An update of an item that no longer exists makes none."""
    check_without_item(table, operation, raises=raises)
