"""Section 7.2: `admin forget` erases an appointment, and what leads to it is refused."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

import pytest
from click.testing import Result
from pynamodb.exceptions import UpdateError

from appointments.email import outbox
from appointments.tables import appointments
from appointments.timestamps import iso
from appointments_operator import command, replay
from appointments_operator.admin import main
from tests.support.fake_aws import event
from tests.support.fake_operator_aws import LOG_GROUP, FakeOperatorAws

NAMES: Final = (
    *("--appointments-table", "appointments", "--notifications-table", "notifications"),
    *("--log-group", LOG_GROUP, "--function", "appointments:live"),
)
UUID: Final = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
OTHER: Final = "8f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
NOTES: Final = "ring at Ada Lovelace's"
STAYS: Final = {"uuid", "forgotten_at", "email_status", "fingerprint"}
Forget = Callable[..., Result]


@pytest.fixture
def forget(operator_aws: FakeOperatorAws) -> Forget:
    """Run the command against AWS on moto, as someone who is sure."""
    return lambda *arguments: operator_aws.run(main, *NAMES, "forget", *arguments, "--yes")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function retry the email at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def change(operator_aws: FakeOperatorAws, **attributes: Any) -> None:
    """Change attributes of the item; None removes one."""
    table = operator_aws.aws.dynamodb.Table("appointments")
    item = {**operator_aws.aws.item(), **attributes}
    table.put_item(Item={name: value for name, value in item.items() if value is not None})


def create(operator_aws: FakeOperatorAws, state: str = "skipped", **params: Any) -> None:
    """Create an appointment whose email is in a state in which it may be erased."""
    now = int(time.time())
    params = {"uuid": UUID, "notes": NOTES, **params}
    if state == "skipped":
        assert operator_aws.post(**params).status == "action-successful"
        return
    assert operator_aws.post(token="session-token", **params).status == "mandrill-email-failed"
    over: dict[str, Any] = dict.fromkeys(("owed", "due", "email_due", "lease", "lease_until"))
    ends: dict[str, dict[str, Any]] = {
        "sent": {"email_status": "sent"},
        "given up": {"email_tries": 5},
        "given up, maybe sent": {"email_tries": 5, "lease": "a", "lease_until": now},
    }
    change(operator_aws, **{**over, **ends[state]})


ERASABLE: Final = ("skipped", "sent", "given up", "given up, maybe sent")


@pytest.mark.parametrize("state", ERASABLE)
def test_what_stays(operator_aws: FakeOperatorAws, forget: Forget, state: str) -> None:
    """Of a settled or given up appointment stays that it was erased, and when, and no more."""
    create(operator_aws, state)
    assert NOTES in repr(operator_aws.aws.item())
    done = forget(UUID)
    assert done.exit_code == 0, done.output
    now = iso(datetime.now(UTC))
    stays = {"uuid": UUID, "forgotten_at": now, "email_status": "skipped", "fingerprint": "-"}
    assert operator_aws.aws.item() == stays


@pytest.mark.parametrize(
    "found",
    [[UUID.upper()], ["--order", "1001"], ["--photographer", "501"]],
    ids=["uuid", "order", "photographer"],
)
def test_how_it_is_found(operator_aws: FakeOperatorAws, forget: Forget, found: list[str]) -> None:
    """By uuid, order or photographer, whatever the log still has; no other one is touched."""
    create(operator_aws, "sent", order_id=1001, photographer_user_id=501)
    operator_aws.post("another", uuid=OTHER, order_id=None)
    operator_aws.logs.delete_log_group(logGroupName=LOG_GROUP)
    operator_aws.logs.create_log_group(logGroupName=LOG_GROUP)
    assert forget(*found).exit_code == 0
    items = {item["uuid"]: item for item in operator_aws.aws.items()}
    assert set(items[UUID]) == STAYS
    assert items[OTHER]["request_id"] == "another"


PENDING: Final = {"owed": "7", "due": 1, "email_due": 1, "email_status": "failed"}
NOTIFY: Final = {"notifications": {"{}"}, "owed": "7", "due": 1, "notify_due": 1}
REFUSALS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "the email is being sent": (
        {**PENDING, "email_status": "pending", "lease": "a", "lease_until": 60},
        "its email is being sent: try again in 6",
    ),
    "a retry of what was given up": (
        {"email_status": "pending", "email_tries": 5, "lease": "a", "lease_until": 60},
        "its email is being sent: try again in 6",
    ),
    "the email is pending": (PENDING, "its email is pending: `admin owed settle` sends it"),
    "maybe sent": (
        {**PENDING, "email_status": "unknown", "lease": "a", "lease_until": -60},
        "its email is pending",
    ),
    "settled, a notification is pending": (NOTIFY, "a notification about it is pending"),
    "given up, a notification is pending": (
        {**NOTIFY, "email_status": "failed", "email_tries": 5},
        "a notification about it is pending",
    ),
}


@pytest.mark.parametrize(("attributes", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_not_erased_yet(
    operator_aws: FakeOperatorAws, forget: Forget, attributes: dict[str, Any], reason: str
) -> None:
    """What is still to be done is done first: the command says what, and leaves the item."""
    create(operator_aws)
    if "lease_until" in attributes:
        attributes = attributes | {"lease_until": int(time.time()) + attributes["lease_until"]}
    change(operator_aws, **attributes)
    before = operator_aws.aws.item()
    refused = forget(UUID)
    assert refused.exit_code == 1
    assert reason in " ".join(refused.stdout.split())
    assert operator_aws.aws.item() == before


@pytest.mark.parametrize(("attributes", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_the_condition_of_the_write(
    operator_aws: FakeOperatorAws, forget: Forget, attributes: dict[str, Any], reason: str
) -> None:
    """What changes after the look is refused by the write itself, with the same reason."""
    create(operator_aws)
    if "lease_until" in attributes:
        attributes = attributes | {"lease_until": int(time.time()) + attributes["lease_until"]}
    hooks = operator_aws._hooks  # of the command's clients
    changes = [lambda: change(operator_aws, **attributes)]

    def change_first(**_: Any) -> None:
        if changes:
            changes.pop()()

    hooks.register("before-call.dynamodb.Scan", change_first)
    try:
        refused = forget(UUID)
    finally:
        hooks.unregister("before-call.dynamodb.Scan", change_first)
    assert not changes
    assert refused.exit_code == 1
    assert reason in " ".join(refused.stdout.split())
    assert NOTES in repr(operator_aws.aws.item())


def test_what_is_not_there(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """An unknown uuid is said to be none, and nothing is written; an order may have none."""
    unknown = forget(UUID)
    assert unknown.exit_code == 1
    assert "there is no such appointment" in " ".join(unknown.stdout.split())
    none = forget("--order", "1001")
    assert (none.exit_code, none.stdout) == (0, "There is no such appointment.\n")
    assert operator_aws.aws.items() == []


def test_twice(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """What was erased stays as it is."""
    create(operator_aws)
    forget(UUID)
    before = operator_aws.aws.item()
    again = forget(UUID)
    assert again.exit_code == 0
    assert operator_aws.aws.item() == before


LEADS: Final[dict[str, dict[str, Any]]] = {
    "the same uuid": {"uuid": UUID},
    "the same uuid, another content": {"uuid": UUID, "notes": "other"},
    "the same uuid, a record that is gone": {"uuid": UUID, "order_id": 404},
    "the same uuid, another owner": {"uuid": UUID, "token": "other-token"},
    "the same uuid, with a recipient": {"uuid": UUID, "photographer_user_id": 501},
}


@pytest.mark.parametrize("params", LEADS.values(), ids=LEADS)
def test_a_request_that_leads_to_it(
    operator_aws: FakeOperatorAws, forget: Forget, params: dict[str, Any]
) -> None:
    """Each request under its uuid gets the error that it was erased; nothing is written."""
    operator_aws.aws.put_session("other-token", user_id=46, remember_me=True, email=...)
    create(operator_aws)
    forget(UUID)
    assert_refused(operator_aws, lambda: operator_aws.post("later", **{"notes": NOTES, **params}))


def test_a_repeat_by_the_idempotency_key(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """The key leads to the erased uuid: the error is on `uuid`, and says which key to change."""
    keyed: dict[str, Any] = {
        "headers": {"content-type": "application/json", "Idempotency-Key": "my-key"}
    }
    create(operator_aws, uuid=None, **keyed)
    uuid = operator_aws.aws.item()["uuid"]
    forget(uuid)
    refused = assert_refused(
        operator_aws, lambda: operator_aws.post("later", notes=NOTES, **keyed), uuid
    )
    assert "Idempotency-Key" in refused.body["message"]


def test_a_repeat_of_the_same_event(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """An event that leads to its uuid by its request id and content is refused too."""
    create(operator_aws, uuid=None)
    uuid = operator_aws.aws.item()["uuid"]
    forget(uuid)
    assert_refused(operator_aws, lambda: operator_aws.post(notes=NOTES), uuid)


@pytest.mark.parametrize("is_named", [True, False], ids=["with its uuid", "without a uuid"])
def test_a_replay_of_its_log_entry(
    operator_aws: FakeOperatorAws, forget: Forget, *, is_named: bool
) -> None:
    """A replay of its request is refused, and the command `replay` says why."""
    create(operator_aws, uuid=UUID if is_named else None)
    uuid = operator_aws.aws.item()["uuid"]
    forget(uuid)
    entry = operator_aws.aws.lines("request")[0]
    assert_refused(operator_aws, lambda: operator_aws.send({"replay": entry}), uuid)
    replayed = operator_aws.run(
        replay.main, "--log-group", LOG_GROUP, "--request-id", entry["request_id"], "--yes"
    )
    assert replayed.exit_code == 1
    assert "was erased" in " ".join(replayed.stdout.split())


def assert_refused(operator_aws: FakeOperatorAws, send: Callable[[], Any], uuid: str = UUID) -> Any:
    """Send something, which is refused because the appointment was erased; return the response."""
    before = operator_aws.aws.items()
    refused = send()
    assert (refused.status, refused.body["saved"]) == ("invalid-param", False)
    assert refused.param_errors() == {"uuid": "invalid-param"}
    assert "was erased" in refused.body["errors"][0]["message"]
    assert refused.body["uuid"] == uuid
    assert NOTES not in json.dumps(refused.body)
    assert operator_aws.aws.items() == before
    return refused


def test_the_same_under_a_new_uuid(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """A caller who sends the same under a new uuid creates a new appointment, and it says so."""
    create(operator_aws)
    said = " ".join(forget(UUID).stdout.split())
    assert "sends the same under a new uuid creates a new appointment" in said
    assert operator_aws.post("later", uuid=OTHER, notes=NOTES).body["saved"] is True


def test_what_remains(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """It says what the log and the notifications table keep, and until when."""
    operator_aws.logs.put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=365)
    create(operator_aws, "given up")
    operator_aws.aws.hand_to_keeper(operator_aws.aws.facts()[-1])
    (kept,) = operator_aws.aws.items("notifications")
    said = " ".join(forget(UUID).stdout.split())
    until = datetime.now(UTC) + timedelta(days=365)
    assert f"The log {LOG_GROUP} keeps what was sent, with names, notes and addresses" in said
    assert f"for 365 days from each entry: until {until:%Y-%m-%d} at the latest." in said
    expires = datetime.fromtimestamp(int(kept["ttl"]), UTC)
    assert (
        "The notifications table keeps 1 notification about it, with addresses, "
        f"until {expires:%Y-%m-%d}."
    ) in said
    assert "Backups of the tables keep everything for 35 days." in said
    found = json.loads(forget(UUID, "--json").stdout)
    assert found["log_until"][:10] == f"{until:%Y-%m-%d}"
    assert found["appointments"][0]["notifications"] == 1
    assert found["appointments"][0]["notifications_until"] == expires.isoformat()


def test_a_log_without_a_retention(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """If the log has no retention, or there are no notifications, it says so."""
    create(operator_aws)
    said = " ".join(forget(UUID).stdout.split())
    assert "for ever: it has no retention" in said
    assert "The notifications table keeps nothing about it." in said


def test_a_notification_without_a_uuid(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """A notification of the first request that crashed before its uuid was known counts too."""
    create(operator_aws)
    facts = {"notification_id": "n-1", "request_id": "req-1", "status": "application-crash"}
    operator_aws.aws.hand_to_keeper(
        facts, facts | {"notification_id": "n-2", "request_id": "another"}
    )
    assert "keeps 1 notification about it" in " ".join(forget(UUID).stdout.split())


def test_a_look_changes_nothing(
    operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows first and asks: a no, --dry-run and a missing terminal change nothing."""
    create(operator_aws)
    before = operator_aws.aws.item()
    asked = (*NAMES, "forget", UUID)
    unattended = operator_aws.run(main, *asked)
    assert (unattended.exit_code, "--yes" in unattended.stderr) == (2, True)
    look = operator_aws.run(main, *asked, "--dry-run")
    assert (look.exit_code, "can be" in look.stdout) == (0, True)
    assert json.loads(operator_aws.run(main, *asked, "--dry-run", "--json").stdout)
    monkeypatch.setattr(command, "is_terminal", lambda: True)
    assert operator_aws.run(main, *asked, "--json").exit_code == 2
    refused = operator_aws.run(main, *asked, typed="n\n")
    assert refused.exit_code == 1
    assert "creates a new appointment" in " ".join(refused.stdout.split())
    assert "Erase 1 appointment for ever?" in refused.stderr
    assert operator_aws.aws.item() == before
    assert operator_aws.run(main, *asked, typed="y\n").exit_code == 0
    assert set(operator_aws.aws.item()) == STAYS


def test_several_are_erased_or_not(operator_aws: FakeOperatorAws, forget: Forget) -> None:
    """One that cannot be erased yet keeps no other."""
    create(operator_aws)
    change(operator_aws, **PENDING)
    operator_aws.post("another", uuid=OTHER)
    done = forget(UUID, OTHER, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)["appointments"]
    assert [(each["uuid"], each["erased"]) for each in found] == [(UUID, False), (OTHER, True)]


@pytest.mark.parametrize(
    "arguments", [[], [UUID, "--order", "1"], ["--order", "1", "--photographer", "1"]]
)
def test_one_way_to_find_it(forget: Forget, arguments: list[str]) -> None:
    """Exactly one of the three ways is given."""
    assert forget(*arguments).exit_code == 2


class TestARace:
    """Between `admin forget` and a caller's retry: one of them is first, and nothing is half."""

    def retry(self, operator_aws: FakeOperatorAws) -> Any:
        """Send the caller's request again."""
        return operator_aws.send(event(uuid=UUID, notes=NOTES, request_id="later"))

    def test_it_is_erased_before_the_lease_is_taken(
        self, operator_aws: FakeOperatorAws, forget: Forget
    ) -> None:
        """A retry that has read the item takes no lease: it is refused, and sends nothing."""
        create(operator_aws, "given up")
        operator_aws.aws.faults.inject["UpdateItem"] = [lambda: forget(UUID)]
        assert self.is_refused(operator_aws)

    def test_it_is_erased_before_it_is_read(
        self, operator_aws: FakeOperatorAws, forget: Forget
    ) -> None:
        """A retry that finds the key taken reads that the appointment was erased."""
        create(operator_aws, "given up")
        operator_aws.aws.faults.inject["GetItem"] = [lambda: forget(UUID)]
        assert self.is_refused(operator_aws)

    def is_refused(self, operator_aws: FakeOperatorAws) -> bool:
        """Whether a retry is refused, and the item is as it was erased."""
        with patch("appointments.email.recipients.deliver") as deliver:
            refused = self.retry(operator_aws)
        deliver.assert_not_called()
        assert (refused.status, refused.body["saved"]) == ("invalid-param", False)
        assert "replayed" not in refused.body
        assert NOTES not in json.dumps(refused.body)
        assert set(operator_aws.aws.item()) == STAYS
        return "was erased" in str(refused.body["errors"][0]["message"])

    def test_the_lease_is_taken_first(self, operator_aws: FakeOperatorAws, forget: Forget) -> None:
        """While a retry sends the email nothing is erased; afterwards it is."""
        create(operator_aws, "given up")
        results: list[Result] = []
        save = outbox.save_result

        def forget_first(*given: Any, **how: Any) -> bool:
            results.append(forget(UUID))
            return save(*given, **how)

        with patch.object(outbox, "save_result", forget_first):
            assert self.retry(operator_aws).status == "mandrill-email-failed"
        assert (results[0].exit_code, "being sent" in results[0].stdout) == (1, True)
        assert NOTES in repr(operator_aws.aws.item())
        assert forget(UUID).exit_code == 0

    def test_a_late_notification(self, operator_aws: FakeOperatorAws, forget: Forget) -> None:
        """A notification that could not be published is not left with what was erased."""
        create(operator_aws)
        forget(UUID)
        with pytest.raises(UpdateError):
            outbox.add_pending_notification(UUID, "{}", time.time())
        assert set(operator_aws.aws.item()) == STAYS


class TestAfterwards:
    """An erased appointment is read by all that reads appointments."""

    @pytest.fixture(autouse=True)
    def erased(self, operator_aws: FakeOperatorAws, forget: Forget) -> None:
        """Erase an appointment whose failure was notified."""
        create(operator_aws, "given up", order_id=1001)
        operator_aws.aws.hand_to_keeper(operator_aws.aws.facts()[-1])
        assert forget(UUID).exit_code == 0

    def test_the_schedule(self, operator_aws: FakeOperatorAws) -> None:
        """A run, and a worker that has it in its list, leave it alone."""
        before = operator_aws.aws.item()
        for more in ({}, {"uuids": [UUID]}):
            assert operator_aws.aws.invoke({"schedule": "owed", **more})["failed"] == 0
        assert operator_aws.aws.item() == before

    def test_an_index_entry_of_it(self, operator_aws: FakeOperatorAws) -> None:
        """If it is in the index after all, a run takes it out, and does nothing else."""
        change(operator_aws, owed="7", due=1)
        done = operator_aws.aws.invoke({"schedule": "owed"})
        assert (done["failed"], done["emails"]) == (0, 0)
        assert set(operator_aws.aws.item()) == STAYS

    def test_settle(self, operator_aws: FakeOperatorAws) -> None:
        """There is nothing to settle."""
        assert operator_aws.aws.invoke({"settle": [UUID]})[UUID]["status"] == "skipped"
        settled = operator_aws.run(main, *NAMES, "owed", "settle", UUID)
        assert settled.exit_code == 0
        assert "nothing is left to send" in settled.stdout
        assert operator_aws.run(main, *NAMES, "owed", "list").stdout == "Nothing is owed.\n"

    def test_the_keeper(self, operator_aws: FakeOperatorAws) -> None:
        """Its open notification is resolved: nothing is left to do."""
        assert operator_aws.aws.invoke_keeper({"check": "open"})["resolved"] == 1

    @pytest.mark.parametrize("by", [[UUID], ["--order", "1001"]], ids=["uuid", "order"])
    def test_trace(self, operator_aws: FakeOperatorAws, by: list[str]) -> None:
        """Its story says that it was erased, and has what the log keeps from long before."""
        later = datetime.now(UTC) + timedelta(hours=2)
        change(operator_aws, forgotten_at=later.isoformat())
        shown = operator_aws.run(main, *NAMES, "trace", *by, "--json")
        entries = json.loads(shown.stdout)
        assert {entry["kind"] for entry in entries} >= {"request", "response", "notification"}
        (item,) = [entry for entry in entries if entry["kind"] == "item"]
        assert item["text"] == "the appointment was erased"

    def test_it_is_read(self) -> None:
        """The function reads from it when it was written, and no state of an email."""
        stored = appointments.find(UUID)
        assert stored is not None
        assert stored.api_fields() == {"uuid": UUID}
        assert stored.written_at() == pytest.approx(time.time(), abs=1)
        assert stored.next_try_at() is None
