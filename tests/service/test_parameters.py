"""Step 5 through the handler: a handful of what the readers' own tests hold in full."""

from typing import Any

import pytest

from appointments import parameters
from tests.support.fake_aws import FakeAws


def test_all_faults_at_once(aws: FakeAws) -> None:
    """Every fault comes back at once, missing and invalid; missing decides the status."""
    wrong: dict[str, Any] = {
        name: {}
        for name in parameters.NAMES
        if name not in ("token", "updated_at_mt", "month_first")
    }
    answer = aws.post(token=None, updated_at_mt=" ", **wrong)
    assert answer.status == "missing-param"
    assert answer.param_errors() == {
        **dict.fromkeys(wrong, "invalid-param"),
        "token": "missing-param",
        "updated_at_mt": "missing-param",
    }
    assert [error["param"] for error in answer.body["errors"]] == [
        name for name in parameters.NAMES if name != "month_first"
    ]


@pytest.mark.parametrize("blank", [None, "", " ", "\t\r\n", ...])
@pytest.mark.parametrize("name", ["token", "updated_at_mt"])
def test_a_required_parameter(aws: FakeAws, name: str, blank: Any) -> None:
    """Null, an empty text and white space mean not passed."""
    given: dict[str, Any] = {name: blank}
    answer = aws.post(**given)
    assert (answer.status, answer.param_errors()) == ("missing-param", {name: "missing-param"})
    assert name in answer.body["message"]


def test_every_other_parameter_is_optional(aws: FakeAws) -> None:
    """Blank values of all others are no fault."""
    others = [name for name in parameters.NAMES if name not in ("token", "updated_at_mt")]
    answer = aws.post(**dict.fromkeys(others, " "))
    assert answer.code == 200
    assert answer.body["warnings"] == []


def test_names_are_case_sensitive(aws: FakeAws) -> None:
    """A name in another case is unknown, and the warning suggests the right one."""
    answer = aws.post(Notes="x", ORDER_ID=404)
    assert answer.code == 200
    messages = {warned["param"]: warned["message"] for warned in answer.body["warnings"]}
    assert set(messages) == {"Notes", "ORDER_ID"}
    assert "did you mean notes?" in messages["Notes"]
    assert "did you mean order_id?" in messages["ORDER_ID"]


def test_many_unknown_names(aws: FakeAws) -> None:
    """At most twenty unknown names are listed, then one warning with the count."""
    answer = aws.post(**{f"unknown_{number}": 1 for number in range(25)})
    warnings = answer.body["warnings"]
    assert len(warnings) == 21
    assert "25" in warnings[-1]["message"]


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"date_start_local": "1/5/2027"}, {"date_start_local"}),
        ({"date_start_local": "1/5/2027", "month_first": "maybe"}, {"month_first"}),
        ({"date_start_local": "5/13/2027", "month_first": True}, set()),
        ({"date_start_local": "13/5/2027", "month_first": True}, {"date_start_local"}),
        ({"date_start_local": "2027-02-29"}, {"date_start_local"}),
        ({"time_start_local": "7 PM"}, {"time_start_local"}),
        ({"time_duration_s": True}, {"time_duration_s"}),
        ({"notes": True}, {"notes"}),
        ({"notes": "a\0b"}, {"notes"}),
        ({"session_view": "all"}, {"session_view"}),
    ],
)
def test_readers_at_work(aws: FakeAws, given: dict[str, Any], faults: set[str]) -> None:
    """The readers' faults come through as the answer's errors."""
    answer = aws.post(**given)
    assert set(answer.param_errors() if faults else ()) == faults
    assert answer.body["saved"] is not bool(faults)


def test_a_slash_date_names_month_first(aws: FakeAws) -> None:
    """The message of a slash date names `month_first`."""
    (error,) = aws.post(date_start_local="1/5/2027").body["errors"]
    assert "month_first" in error["message"]


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({"date_start_local": "2027-01-05", "month_first": 1}, {"date_start_local"}),
        ({"date_start_utc": "2027-01-05", "date_stop_utc": "2027-01-04"}, {"date_stop_utc"}),
        (
            {
                "date_start_office": "2027-01-05",
                "date_stop_office": "2027-01-05",
                "time_start_office": "10:00",
                "time_stop_office": "11:00",
                "time_duration_s": 60,
            },
            {"time_duration_s"},
        ),
    ],
)
def test_a_remark_does_not_block(aws: FakeAws, given: dict[str, Any], warned: set[str]) -> None:
    """An appointment that is saved with a remark beats one that is lost."""
    answer = aws.post(**given)
    assert (answer.code, answer.body["saved"]) == (200, True)
    assert {each["param"] for each in answer.body["warnings"]} == warned
