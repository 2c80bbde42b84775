"""A storm in the console: one row, one preview and one repair of all members, however many."""

import time
from functools import partial
from html import unescape
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from appointments.email import mandrill
from appointments.tables.keys import NotificationState
from appointments_operator import notifications_table
from appointments_operator.deployment import Deployment
from appointments_operator.replay_run import replay_all
from appointments_operator.web import actions, jobs, listing, storms
from tests.support.console import path
from tests.support.fake_operator_aws import FakeOperatorAws
from tests.support.htmx import next_part

MEMBERS: Final = 250
SECONDS: Final = 60


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay as fast as it goes, one request after the other."""
    monkeypatch.setattr(actions, "replay_all", partial(replay_all, rate=10_000.0, at_once=1))


@pytest.fixture
def storm(operator_aws: FakeOperatorAws, deployment: Deployment, request: Any) -> list[str]:
    """Have emails fail alike; return the ids of their notifications, the newest first."""
    count = getattr(request, "param", 30)
    for number in range(count):
        operator_aws.post(f"req-{number}", token="session-token", notes=f"house {number}")
    operator_aws.invoked.clear()
    operator_aws.aws.hand_to_keeper(*operator_aws.aws.facts()[-count:])
    (row,) = listing.read(deployment, listing.Filter()).rows
    return [str(member["notification_id"]) for member in row.members]


def repair(console: TestClient, storm: list[str], action: str = "replay", **form: str) -> str:
    """Do it, and follow the progress to the end; return what it did."""
    headers = {"HX-Request": "true"}
    send = console.post(path(f"/storm/{storm[0]}/{action}"), data=form | {"run": "1"})
    assert send.status_code == 200, send.text
    shown = send.text
    deadline = time.monotonic() + SECONDS
    while following := next_part(shown.replace("load delay:1s", "load")):
        assert time.monotonic() < deadline
        shown = console.get(following, headers=headers).text
    return shown


def accept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have Mandrill accept emails again; return to whom they go."""
    accepted: list[Any] = []

    def send(*, to: list[tuple[str, str]], **_: Any) -> list[mandrill.RecipientResult]:
        accepted.append(to)
        return [mandrill.RecipientResult(email, "sent", "id", None) for email, _ in to]

    monkeypatch.setattr(mandrill, "send", send)
    return accepted


def histories(operator_aws: FakeOperatorAws) -> dict[str, list[dict[str, Any]]]:
    """Return the history of each notification."""
    items = operator_aws.aws.dynamodb.Table("notifications").scan()["Items"]
    return {item["notification_id"]: item["history"] for item in items}


@pytest.mark.parametrize("storm", [MEMBERS], indirect=True)
def test_all_members_are_replayed(
    operator_aws: FakeOperatorAws,
    console: TestClient,
    storm: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The row, the preview and the repair speak of all 250; each member keeps who did what."""
    shown = console.get(path("/")).text
    assert "Repair all 250" in shown
    assert "And 230 more." in shown
    page = console.get(path(f"/storm/{storm[0]}")).text
    assert "Replay all 250" in page
    assert "And 150 more." in page
    preview = console.post(path(f"/storm/{storm[0]}/replay")).text
    assert "Would replay 250 requests" in preview
    assert "250 mandrill-email-failed" in preview
    assert operator_aws.invoked == []
    accepted = accept(monkeypatch)
    assert "250 of 250 requests are good now" in repair(console, storm)
    assert len(accepted) == MEMBERS
    for history in histories(operator_aws).values():
        replayed, resolved = history
        assert replayed["by"].startswith("arn:aws:sts::")
        assert "mandrill-email-failed → action-successful" in unescape(replayed["done"])
        assert resolved["state"] == "resolved"
    assert "None of them is open any more" in console.get(path(f"/storm/{storm[0]}")).text
    assert "There is no such notification" in console.get(path("/")).text


def test_a_repair_that_was_stopped_goes_on(
    operator_aws: FakeOperatorAws,
    console: TestClient,
    storm: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When its time is up it says so; started again, it repairs the rest, and nothing twice."""
    accepted = accept(monkeypatch)
    with monkeypatch.context() as short:
        short.setattr(jobs, "MAX_SECONDS", -1)
        stopped = repair(console, storm)
    assert "it goes on with what is left" in stopped
    done = len(accepted)
    assert 1 <= done < len(storm)
    assert f"{done} of 30 requests" in stopped
    preview = console.post(path(f"/storm/{storm[0]}/replay")).text
    assert f"Would replay {30 - done} requests" in preview
    assert f"{30 - done} of {30 - done} requests are good now" in repair(console, storm)
    assert len(accepted) == len(storm)
    replayed = [
        [change["done"] for change in history if change["done"].startswith("replayed")]
        for history in histories(operator_aws).values()
    ]
    assert [len(each) for each in replayed] == [1] * len(storm)


def test_what_is_repaired_is_not_repaired_again(
    operator_aws: FakeOperatorAws,
    console: TestClient,
    storm: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A member whose email went out meanwhile is left out, though the keeper has not seen it."""
    accept(monkeypatch)
    operator_aws.send({"replay": operator_aws.aws.lines("request")[0]})
    preview = console.post(path(f"/storm/{storm[0]}/replay")).text
    assert "Would replay 29 requests" in preview
    assert "failed and has been repaired since" in preview


def test_what_was_not_reached_has_no_replay_in_its_history(
    operator_aws: FakeOperatorAws, console: TestClient, storm: list[str]
) -> None:
    """A replay that stops by itself is recorded for those that it reached, and for no others."""
    assert "20 replays in a row failed alike" in repair(console, storm)
    done = [history[0]["done"] for history in histories(operator_aws).values() if history]
    assert 20 <= len(done) < len(storm)
    assert all("→ mandrill-email-failed" in each for each in done)


def test_one_repair_at_a_time(
    console: TestClient, storm: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one runs, its page shows the progress and stops it; another one is refused."""
    accept(monkeypatch)
    slow = partial(replay_all, rate=20.0, at_once=1)
    monkeypatch.setattr(actions, "replay_all", slow)
    headers = {"HX-Request": "true"}
    shown = console.post(path(f"/storm/{storm[0]}/replay"), data={"run": "1"}, headers=headers).text
    assert "<progress" in shown
    other = console.post(path(f"/storm/{storm[0]}/replay"), data={"run": "1"}, headers=headers)
    assert (other.status_code, jobs.RUNNING in other.text) == (400, True)
    following = next_part(shown.replace("load delay:1s", "load")) or ""
    deadline = time.monotonic() + SECONDS
    while " of 30" not in console.get(following, headers=headers).text:
        assert time.monotonic() < deadline
    monkeypatch.setattr(actions, "_MAX_WAIT", 0)
    single = {"request_id": "req-0", "since": "2020-01-01", "run": "1"}
    other = console.post(path("/replay"), data=single, headers=headers)
    assert (other.status_code, jobs.RUNNING in other.text) == (400, True)
    console.post(f"{following}/stop", headers=headers)
    while "hx-get" in shown:
        assert time.monotonic() < deadline
        shown = console.get(following, headers=headers).text
    assert "You stopped it" in shown


def test_all_members_are_dismissed(
    operator_aws: FakeOperatorAws, console: TestClient, storm: list[str]
) -> None:
    """One note closes all open members, after a preview; those that are closed keep theirs."""
    console.post(path(f"/n/{storm[1]}/dismiss"), data={"note": "told by phone"})
    action, note = path(f"/storm/{storm[0]}/dismiss"), "the account was repaired"
    assert console.post(action, data={"note": " "}).status_code == 400
    assert "Would dismiss 29 notifications" in console.post(action, data={"note": note}).text
    assert storm[2] in console.get(path("/rows")).text
    assert "Dismissed 29 of 29 notifications" in repair(console, storm, "dismiss", note=note)
    notes = {key: history[-1]["done"] for key, history in histories(operator_aws).items()}
    assert notes == {**dict.fromkeys(storm, note), storm[1]: "told by phone"}
    assert "None of them is open" in console.post(action, data={"note": note}).text


def test_a_repair_keeps_to_what_the_row_showed(
    operator_aws: FakeOperatorAws, console: TestClient
) -> None:
    """What a search left out, another kind and an earlier storm are not repaired."""
    now = time.time()

    def keep(name: str, ago: float, address: str, status: str = "mandrill-email-failed") -> None:
        facts = {"notification_id": name, "status": status, "reason": f"{address} rejected"}
        operator_aws.aws.hand_to_keeper(facts, sent_at=now - ago)

    for number in range(3):
        keep(f"ada-{number}", number, "ada@planomatic.test")
    keep("bob", 4, "bob@planomatic.test")
    keep("crash", 5, "ada@planomatic.test", "application-crash")
    keep("earlier", 3_600, "ada@planomatic.test")
    assert "4 \N{MULTIPLICATION SIGN} " in console.get(path("/storm/ada-0")).text
    shown = console.get(path("/storm/ada-0?q=ada@")).text
    assert "3 \N{MULTIPLICATION SIGN} " in shown
    assert '<input type="hidden" name="q" value="ada@">' in shown
    repair(console, ["ada-0"], "dismiss", note="done", q="ada@")
    assert sorted(key for key, history in histories(operator_aws).items() if history) == [
        *("ada-0", "ada-1", "ada-2")
    ]


def test_a_storm_that_is_too_long(
    console: TestClient, storm: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of a storm says if there may be more than one repair takes."""
    assert "There may be more" not in console.get(path(f"/storm/{storm[0]}")).text
    monkeypatch.setattr(storms, "MAX_MEMBERS", 10)
    shown = console.get(path(f"/storm/{storm[0]}")).text
    assert "Replay all 10" in shown
    assert "There may be more" in shown


def test_a_row_that_is_cut_says_so(
    console: TestClient, storm: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose last members may be on the next page has no number of which one is not sure."""
    monkeypatch.setattr(listing, "MAX_READ", 10)
    monkeypatch.setattr(notifications_table, "_FIRST_PAGE", 10)
    shown = console.get(path("/")).text
    assert "10 or more" in shown
    assert "Repair all </a>" in shown
    assert len(storm) == 30


def test_a_member_that_someone_closed_meanwhile(
    console: TestClient, storm: list[str], monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    """If someone else is faster, the result says which ones were left."""
    close = notifications_table.close

    def close_faster(
        table: Any, notification_id: str, state: NotificationState, **why: str
    ) -> None:
        if notification_id == storm[3]:
            close(table, notification_id, state, by="another", done="was faster")
        close(table, notification_id, state, **why)

    monkeypatch.setattr(notifications_table, "close", close_faster)
    shown = repair(console, storm, "dismiss", note="done")
    assert "Dismissed 29 of 30 notifications" in shown
    assert f"{storm[3]} is not open any more" in shown
    item = notifications_table.get(notifications_table.table_of(deployment), storm[3])
    assert item["history"][-1]["by"] == "another"
