"""Step 7: what a request refers to must exist."""

from itertools import combinations
from typing import Any

import pytest

from tests.support.fake_aws import FakeAws

IDS = {
    "order_id": ("order", 1001),
    "order_request_id": ("order_request", 2001),
    "order_request_appt_id": ("order_request_appt", 3001),
    "photographer_user_id": ("user", 503),
}


@pytest.mark.parametrize(
    "wrong", [names for count in range(5) for names in combinations(IDS, count)], ids="+".join
)
def test_each_that_does_not_exist(aws: FakeAws, wrong: tuple[str, ...]) -> None:
    """One error for each id whose record does not exist, and nothing is written."""
    ids = {name: 404 if name in wrong else number for name, (_, number) in IDS.items()}
    answer = aws.post(**ids)
    assert answer.status == ("invalid-param" if wrong else "action-successful")
    assert answer.body["saved"] is not bool(wrong)
    assert len(aws.items()) == (not wrong)
    for error in answer.body.get("errors", ()):
        assert error["received"] == "404"
        assert f"no {IDS[error['param']][0]} with" in error["message"]
    assert set(answer.param_errors() if wrong else ()) == set(wrong)


def test_each_kind_has_its_own_numbers(aws: FakeAws) -> None:
    """An id of another kind of record is none."""
    answer = aws.post(order_id=2001, order_request_id=1001, photographer_user_id=3001)
    assert set(answer.param_errors()) == {"order_id", "order_request_id", "photographer_user_id"}


def test_zero_is_not_passed(aws: FakeAws) -> None:
    """0 for an id, FileMaker's empty number, is not passed and gives a warning."""
    answer = aws.post(**dict.fromkeys(IDS, 0))
    assert answer.code == 200
    assert {warned["param"] for warned in answer.body["warnings"]} == set(IDS)


def test_the_largest_id(aws: FakeAws) -> None:
    """An id as large as an integer may be is looked up exactly."""
    aws.put_record(f"order#{2**63 - 1}")
    assert aws.post(order_id=2**63 - 1).code == 200
    assert aws.post(order_id=str(2**63 - 2)).param_errors() == {"order_id": "invalid-param"}
    assert aws.item()["order_id"] == 2**63 - 1


@pytest.mark.parametrize("email", [..., "", "  "])
def test_a_photographer_without_an_address(aws: FakeAws, email: Any) -> None:
    """The request is saved, with a warning that this photographer gets no email."""
    aws.put_record("user#504", **({} if email is ... else {"email": email}))
    answer = aws.post(photographer_user_id=504)
    assert answer.code == 200
    assert [warned["param"] for warned in answer.body["warnings"]] == ["photographer_user_id"]
