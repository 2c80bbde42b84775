"""Step 7: what a request refers to must exist."""

from itertools import combinations
from typing import Any

import pytest

from tests.service.world import World

IDS = {
    "order_id": ("order", 1001),
    "order_request_id": ("order_request", 2001),
    "order_request_appt_id": ("order_request_appt", 3001),
    "photographer_user_id": ("user", 503),
}


@pytest.mark.parametrize(
    "wrong", [names for count in range(5) for names in combinations(IDS, count)], ids="+".join
)
def test_each_that_does_not_exist(world: World, wrong: tuple[str, ...]) -> None:
    """One error for each id whose record does not exist, and nothing is written."""
    ids = {name: 404 if name in wrong else number for name, (_, number) in IDS.items()}
    answer = world.post(**ids)
    assert answer.status == ("invalid-param" if wrong else "action-successful")
    assert answer.body["saved"] is not bool(wrong)
    assert len(world.items()) == (not wrong)
    for error in answer.body.get("errors", ()):
        assert error["received"] == "404"
        assert f"no {IDS[error['param']][0]} with" in error["message"]
    assert set(answer.param_errors() if wrong else ()) == set(wrong)


def test_each_kind_has_its_own_numbers(world: World) -> None:
    """An id of another kind of record is none."""
    answer = world.post(order_id=2001, order_request_id=1001, photographer_user_id=3001)
    assert set(answer.param_errors()) == {"order_id", "order_request_id", "photographer_user_id"}


def test_zero_is_not_passed(world: World) -> None:
    """0 for an id, FileMaker's empty number, is not passed and gives a warning."""
    answer = world.post(**dict.fromkeys(IDS, 0))
    assert answer.code == 200
    assert {warned["param"] for warned in answer.body["warnings"]} == set(IDS)


def test_the_largest_id(world: World) -> None:
    """An id as large as an integer may be is looked up exactly."""
    world.put_record(f"order#{2**63 - 1}")
    assert world.post(order_id=2**63 - 1).code == 200
    assert world.post(order_id=str(2**63 - 2)).param_errors() == {"order_id": "invalid-param"}
    assert world.item()["order_id"] == 2**63 - 1


@pytest.mark.parametrize("email", [..., "", "  "])
def test_a_photographer_without_an_address(world: World, email: Any) -> None:
    """The request is saved, with a warning that this photographer gets no email."""
    world.put_record("user#504", **({} if email is ... else {"email": email}))
    answer = world.post(photographer_user_id=504)
    assert answer.code == 200
    assert [warned["param"] for warned in answer.body["warnings"]] == ["photographer_user_id"]
