"""Section 3.7: a caller who asks for strict handling has unknown parameters refused."""

from typing import Any

import pytest

from tests.support.fake_aws import FakeAws, Response, event, rest

JSON = {"content-type": "application/json"}
STRICT = {**JSON, "Prefer": "handling=strict"}


def applied(answer: Response) -> str | None:
    """Return the preference that the response says was applied."""
    return answer.headers.get("Preference-Applied")


def test_an_unknown_parameter_is_refused(aws: FakeAws) -> None:
    """An unknown parameter is invalid, with the nearest known name; nothing is saved."""
    answer = aws.post(headers=STRICT, date_strat_local="2027-01-05", zzz=1)
    assert (answer.status, answer.body["saved"]) == ("invalid-param", False)
    first, second = answer.body["errors"]
    assert (first["param"], first["status"]) == ("date_strat_local", "invalid-param")
    assert "did you mean date_start_local?" in first["message"]
    assert "did you mean" not in second["message"]
    assert answer.body["warnings"] == []
    assert applied(answer) == "handling=strict"
    assert aws.items() == []


def test_an_unknown_parameter_without_a_value_is_still_unknown(aws: FakeAws) -> None:
    """A blank value does not make an unknown name known, strictly or not."""
    answer = aws.post(headers=STRICT, zzz="", yyy=None)
    assert answer.param_errors() == {"zzz": "invalid-param", "yyy": "invalid-param"}
    lenient = aws.post(zzz="")
    assert lenient.code == 200
    assert [warned["param"] for warned in lenient.body["warnings"]] == ["zzz"]


def test_all_errors_come_at_once(aws: FakeAws) -> None:
    """Errors of known and unknown parameters come together; a missing one decides the status."""
    answer = aws.post(headers=STRICT, zzz=1, updated_at_mt=..., confirmed="maybe")
    assert answer.status == "missing-param"
    assert answer.param_errors() == {
        "updated_at_mt": "missing-param",
        "confirmed": "invalid-param",
        "zzz": "invalid-param",
    }


def test_many_unknown_parameters(aws: FakeAws) -> None:
    """At most twenty are listed, then one error on `body` with the counts."""
    answer = aws.post(headers=STRICT, **{f"field {number}": 1 for number in range(23)})
    assert len(answer.body["errors"]) == 21
    last = answer.body["errors"][-1]
    assert (last["param"], last["status"]) == ("body", "invalid-param")
    assert "3 more" in last["message"]
    assert "23 in all" in last["message"]


@pytest.mark.parametrize(
    ("prefer", "is_strict"),
    [
        ("handling=strict", True),
        ('handling="strict"', True),
        ("Handling = Strict", True),
        ("respond-async, handling=strict; q=1, wait=10", True),
        ('note="a, handling=lenient", handling=strict', True),
        ("handling=strict, handling=lenient", True),
        ("handling=lenient, handling=strict", False),
        ("handling, handling=strict", False),
        ("handling=lenient", False),
        ("handling=stricter", False),
        ("xhandling=strict", False),
        ('note="handling=strict"', False),
        ("strict", False),
    ],
)
@pytest.mark.parametrize("shape", [dict, rest])
def test_the_first_handling_counts(aws: FakeAws, prefer: str, is_strict: bool, shape: Any) -> None:
    """The first `handling` counts, and any other preference is ignored."""
    answer = aws.send(
        shape(event(token="no-address-token", headers={**JSON, "PREFER": prefer}, zzz=1))
    )
    assert answer.code == (400 if is_strict else 200)
    assert applied(answer) == ("handling=strict" if is_strict else None)


def test_repeated_headers(aws: FakeAws) -> None:
    """Of several headers the first decides, in both payload formats."""
    sent = rest(event(headers={**JSON, "prefer": "handling=lenient"}, zzz=1))
    sent["multiValueHeaders"]["prefer"] = ["handling=strict", "handling=lenient"]
    assert aws.send(sent).code == 400


def test_every_response_from_step_three_on_says_so(aws: FakeAws) -> None:
    """The header stands in each response that comes after the route was found open."""
    assert applied(aws.post(headers=STRICT)) == "handling=strict"
    assert applied(aws.post(headers=STRICT, token="no-token")) == "handling=strict"
    assert applied(aws.send(event(headers={"prefer": "handling=strict"}))) == "handling=strict"
    assert applied(aws.send(event(headers=STRICT, raw="["))) == "handling=strict"
    other = {**event(headers=STRICT), "rawPath": "/"}
    assert applied(aws.send(other)) is None


def test_before_step_three_nothing_was_applied(aws: FakeAws) -> None:
    """A closed route answers before the preference is looked at."""
    aws.put_record("route#appointments/create", deployed=False)
    assert applied(aws.post(headers=STRICT)) is None


def test_a_replay_follows_the_log_entry(aws: FakeAws) -> None:
    """A strict request is logged as strict, and its replay refuses the same and says so."""
    aws.post(headers=STRICT, zzz="")
    entry = aws.line("request")
    assert entry["strict"] is True
    replayed = aws.send(entry)
    assert replayed.param_errors() == {"zzz": "invalid-param"}
    assert applied(replayed) == "handling=strict"
    lenient = {name: value for name, value in entry.items() if name != "strict"}
    assert aws.send(lenient).code == 200


def test_a_lenient_entry_has_no_mark(aws: FakeAws) -> None:
    """Only strict handling is logged."""
    aws.post(zzz=1)
    assert "strict" not in aws.line("request")


def test_it_changes_no_fingerprint(aws: FakeAws) -> None:
    """The same content is the same request, strictly or not."""
    uuid = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
    aws.post(uuid=uuid)
    assert aws.post(uuid=uuid, headers=STRICT).body["replayed"] is True
