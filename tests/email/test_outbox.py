"""The outbox's updates on the mocks; tests/stack holds the local stack's engine to the same."""

import pytest

from tests.outbox_updates import CASES, WITHOUT_ITEM, Case, Operation, check_without_item
from tests.support.email_harness import EmailHarness


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_update(harness: EmailHarness, case: Case) -> None:
    """Each update changes what it says if its condition holds, and nothing otherwise."""
    case.check(harness.aws.dynamodb.Table("appointments"))


@pytest.mark.parametrize(("operation", "raises"), WITHOUT_ITEM)
def test_an_update_of_no_item(harness: EmailHarness, operation: Operation, *, raises: bool) -> None:
    """An update of an item that no longer exists makes none."""
    check_without_item(harness.aws.dynamodb.Table("appointments"), operation, raises=raises)
