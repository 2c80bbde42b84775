"""The catalogue is complete, and each of its cases gives the response that it names."""

import pytest

from appointments.statuses import Status
from tests.service.test_answers import check
from tests.support.case_runner import CASES, run_case
from tests.support.events import HTTP, PATH, REPLAYS
from tests.support.fake_aws import FakeAws, read_response
from tests.unit.test_reference import violations

# A replay has no content type, no encoding and no path that could be wrong.
OF_HTTP_ALONE = {"invalid-content-type", "invalid-encoded-params", "route-non-existent"}
# From step 6 on the uuid is known (section 2.3). invalid-param and application-crash are both.
WITH_UUID = {
    *("action-successful", "mandrill-email-failed"),
    *("invalid-token", "session-expired", "client-required"),
}
WITHOUT_UUID = (
    {status.value for status in Status}
    - WITH_UUID
    - {
        *("invalid-param", "application-crash"),
    }
)
RESPONSE = f"paths/{PATH.replace('/', '~1')}/post/responses/{{}}/content/application~1json/schema"


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_its_statuses(aws: FakeAws, name: str) -> None:
    """Each case gives its statuses, in responses of the contract's form, and the log agrees."""
    case = CASES[name]
    payloads = run_case(aws, case)
    responses = [read_response(payload) for payload in payloads]
    assert tuple(response.status for response in responses) == case.statuses
    lines = aws.lines("response")[-len(responses) :] if responses else []
    for response, payload, line in zip(responses, payloads, lines, strict=True):
        check(response, payload)
        assert violations(RESPONSE.format(response.code), response.body) == []
        assert response.status not in (WITHOUT_UUID if "uuid" in response.body else WITH_UUID)
        for key in ("status", "code", "saved", "request_id", "uuid"):
            assert line[key] == response.body.get(key)


@pytest.mark.parametrize("way", [*HTTP, *REPLAYS])
def test_every_status_is_reached_through_every_way_in(way: str) -> None:
    """The catalogue has a case for each status of the contract and each way that can give it."""
    reached = {
        status
        for name, case in CASES.items()
        if name.endswith(f", {way}")
        for status in case.statuses
    }
    possible = {status.value for status in Status}
    assert reached == (possible if way in HTTP else possible - OF_HTTP_ALONE)
