"""Each permission is needed: without any one of them something named breaks, and nothing else does.

MiniStack enforces the role's actions on DynamoDB, SNS and Secrets Manager; these are taken away one
by one. What it does not enforce is compared with the template that needs it.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from appointments.names import PATH
from appointments.tables.keys import CIRCUIT_RECORD, hash_token
from tests import template
from tools.local_stack import processes, role, seeds
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack

ROLE: Final = "FunctionRole"
HOUR: Final = 3600
# An address that Mandrill refuses: the email fails for certain, and a notification is published.
UNREACHABLE: Final = {"record": "user#909", "email": "nobody@down.test"}

Observed = tuple[object, ...]
Permission = tuple[str, str]


@dataclass
class Function:
    """The deployed function, its callers, its tables and its role."""

    stack: Stack
    home: Path

    def create(self, **given: Any) -> dict[str, Any]:
        """Send a request over HTTP; return the answer's body."""
        body = {
            "token": self.stack.tokens["application"],
            "updated_at_mt": "2026-11-22 10:00:00",
            "uuid": str(uuid4()),
            **given,
        }
        answer: dict[str, Any] = self.stack.request(
            "POST", PATH, json.dumps(body).encode(), {"Content-Type": "application/json"}
        ).json()
        return answer

    def run_schedule(self) -> dict[str, Any]:
        """Run the schedule."""
        invoked = self._client("lambda").invoke(
            FunctionName=f"{self.stack.function_name}:live", Payload=b'{"schedule": "owed"}'
        )
        done: dict[str, Any] = json.loads(invoked["Payload"].read())
        return done

    def put(self, table: str, item: dict[str, Any]) -> None:
        """Put an item."""
        serialize = TypeSerializer().serialize
        attributes = {name: serialize(value) for name, value in item.items()}
        self._client("dynamodb").put_item(TableName=table, Item=attributes)

    def item(self, table: str, **key: str) -> dict[str, Any]:
        """Read an item, empty if there is none."""
        wanted = {name: {"S": value} for name, value in key.items()}
        found = self._client("dynamodb").get_item(TableName=table, Key=wanted, ConsistentRead=True)
        deserialize = TypeDeserializer().deserialize
        return {name: deserialize(value) for name, value in found.get("Item", {}).items()}

    def has_logged(self, text: str, since: int) -> bool:
        """Whether the log has a line with this text since then (epoch milliseconds)."""
        found = self._client("logs").filter_log_events(
            logGroupName=self.stack.log_group, startTime=since, filterPattern=f'"{text}"'
        )
        return bool(found["events"])

    def appointment(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Read the appointment that an answer speaks of."""
        return self.item(self.stack.appointments_table, uuid=answer["uuid"])

    def begin_anew(self) -> None:
        """End the execution environments, so that the next request finds nothing cached."""
        emulator = processes.find(self.home / "ministack.pid")
        assert emulator is not None
        workers = emulator.children()
        for worker in workers:
            worker.kill()
        # The emulator takes notice of a dead worker when it next needs one.
        for _ in range(1200):
            if not any(map(runs, workers)):
                return
            time.sleep(0.05)
        pytest.fail("a worker outlived its end")

    def _client(self, service: Any) -> Any:
        return session.client(service, endpoint_url=self.stack.endpoint_url)


def runs(worker: psutil.Process) -> bool:
    """Whether a process is neither ended nor ended and not yet collected."""
    try:
        return bool(worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def function(stack: Stack, home: Path) -> Function:
    """Return the function as deployed, with a photographer whom no email reaches.

    The circuit breaker is closed: what other tests failed at opens it.
    """
    function = Function(stack, home)
    function.put(stack.records_table, {"record": CIRCUIT_RECORD})
    function.put(stack.records_table, UNREACHABLE)
    return function


# What is done, and what is seen of it: a pair with the permission and without it.


def send(function: Function) -> Observed:
    """Send a plain request."""
    answer = function.create()
    return answer["status"], answer["saved"]


def send_with_reference(function: Function) -> Observed:
    """Send a request that names an order."""
    answer = function.create(order_id=1001)
    return answer["status"], answer["saved"]


def use_session(function: Function) -> Observed:
    """Send a request with a session that was last used an hour ago."""
    token, now = f"local-{uuid4()}", int(time.time())
    kind = next(each for each in seeds.sessions(now) if each["kind"] == "session")
    key = hash_token(token)
    aged = {**kind, "token_hash": key, "last_used_at": now - HOUR}
    del aged["email"]
    function.put(function.stack.sessions_table, aged)
    status = function.create(token=token)["status"]
    marked = function.item(function.stack.sessions_table, token_hash=key)["last_used_at"]
    return status, marked >= now


def retry_email(function: Function) -> Observed:
    """Send a request anew whose email failed: the photographer's address is read again."""
    uuid = str(uuid4())
    function.create(uuid=uuid, photographer_user_id=909)
    answer = function.create(uuid=uuid, photographer_user_id=909)
    return answer["status"], answer["saved"]


def send_twice(function: Function) -> Observed:
    """Send the same request twice."""
    uuid = str(uuid4())
    function.create(uuid=uuid)
    answer = function.create(uuid=uuid)
    return answer["status"], answer["saved"], answer.get("replayed")


def send_email(function: Function) -> Observed:
    """Send a request that has an email."""
    answer = function.create(token=function.stack.tokens["session"])
    return answer["status"], function.appointment(answer)["email_status"]


def send_email_without_held_key(function: Function) -> Observed:
    """Send one to an environment that does not hold Mandrill's key yet."""
    function.begin_anew()
    answer = function.create(token=function.stack.tokens["session"])
    return answer["status"], answer["data"]["email"].get("reason")


def fail_and_tell(function: Function) -> Observed:
    """Send a request whose email fails: a notification is published, or pending."""
    answer = function.create(photographer_user_id=909)
    return answer["status"], len(function.appointment(answer).get("notifications", ()))


def owe(function: Function, count: int) -> list[dict[str, Any]]:
    """Put so many appointments of which the email is overdue."""
    answer = function.create(token=function.stack.tokens["session"])
    now = int(time.time())
    overdue = {"email_status": "failed", "owed": "0", "due": now, "email_due": now}
    item = function.appointment(answer) | overdue | {"owed_since": now}
    del item["email_recipients"]  # who have the email already
    items = [{**item, "uuid": str(uuid4())} for _ in range(count)]
    for each in items:
        function.put(function.stack.appointments_table, each)
    return items


def run_schedule(function: Function) -> Observed:
    """Let the schedule send an overdue email."""
    (item,) = owe(function, 1)
    function.run_schedule()
    return (function.appointment(item)["email_status"],)


def hand_over(function: Function) -> Observed:
    """Make more emails overdue than a run sends alone, so that it invokes a worker."""
    began = int(time.time() * 1000)
    owe(function, 60)
    function.run_schedule()
    return (function.has_logged("emails not handed over", began),)


def fail_anew(function: Function) -> Observed:
    """Send a request whose email fails, after the circuit breaker was reset."""
    key = {"record": CIRCUIT_RECORD}
    function.put(function.stack.records_table, key)
    function.create(photographer_user_id=909)
    failures = function.item(function.stack.records_table, **key).get("failures")
    function.put(function.stack.records_table, key)
    return (failures,)


GOOD: Final = ("action-successful", True)
CRASHED: Final = ("application-crash", False)
UNTOLD: Final = "mandrill-email-failed"
# Statement and action → what is done, what is seen with the permission, what without.
ENFORCED: Final[dict[Permission, tuple[Callable[[Function], Observed], Observed, Observed]]] = {
    ("ReadAndMarkSessions", "dynamodb:BatchGetItem"): (send, GOOD, CRASHED),
    ("ReadAndMarkSessions", "dynamodb:UpdateItem"): (
        use_session,
        GOOD,
        ("action-successful", False),
    ),
    ("ReadRecords", "dynamodb:BatchGetItem"): (send_with_reference, GOOD, CRASHED),
    ("ReadRecords", "dynamodb:GetItem"): (
        retry_email,
        (UNTOLD, True),
        ("application-crash", True),
    ),
    ("WriteAppointments", "dynamodb:PutItem"): (send, GOOD, CRASHED),
    ("WriteAppointments", "dynamodb:GetItem"): (
        send_twice,
        (*GOOD, True),
        ("application-crash", None, None),
    ),
    # Sent, but not marked: the lease stands, and Mandrill is asked before it is sent again.
    ("WriteAppointments", "dynamodb:UpdateItem"): (
        send_email,
        ("action-successful", "sent"),
        ("action-successful", "pending"),
    ),
    ("WriteAppointments", "dynamodb:BatchGetItem"): (run_schedule, ("sent",), ("failed",)),
    ("WriteCircuit", "dynamodb:PutItem"): (fail_anew, (1,), (None,)),
    ("FindOwed", "dynamodb:Query"): (run_schedule, ("sent",), ("failed",)),
    ("InvokeWorkers", "lambda:InvokeFunction"): (hand_over, (False,), (True,)),
    ("Notify", "sns:Publish"): (fail_and_tell, (UNTOLD, 0), (UNTOLD, 1)),
    ("ReadMandrillKey", "secretsmanager:GetSecretValue"): (
        send_email_without_held_key,
        ("action-successful", None),
        (UNTOLD, "mandrill-unavailable (no API key)"),
    ),
}


@pytest.mark.parametrize("permission", ENFORCED, ids="-".join)
def test_without_it_something_breaks(function: Function, permission: Permission) -> None:
    """With the role as it is all is well; without this one action it is not, as foreseen."""
    observe, whole, broken = ENFORCED[permission]
    assert observe(function) == whole
    with role.without(function.stack, lambda *given: given == permission):
        # Twice at most: a run of the schedule may have used a new environment before the request.
        assert observe(function) == broken or observe(function) == broken


def test_every_permission_is_accounted_for() -> None:
    """A new action needs a case above, or a reason below."""
    granted = {
        (statement["Sid"], action)
        for role_name, statement in template.statements()
        if not role_name.startswith("Keeper")  # test_keeper.py has those
        for action in template.actions(statement)
    }
    assert granted == {*ENFORCED, *UNENFORCED}


def _the_function() -> dict[str, Any]:
    function = template.resources("AWS::Serverless::Function")["CreateFunction"]
    properties: dict[str, Any] = function["Properties"]
    return properties


def logs_are_written_by_lambda_in_the_functions_name() -> bool:
    """Lambda writes to the log group that the template makes."""
    return bool(_the_function()["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLog"}})


def traces_are_sent_by_lambda_in_the_functions_name() -> bool:
    """Active tracing is on."""
    return bool(_the_function()["Tracing"] == "Active")


def lambda_keeps_dropped_events_in_the_functions_name() -> bool:
    """See that what fails asynchronously goes to the queue."""
    config = _the_function()["EventInvokeConfig"]
    queue = {"Fn::GetAtt": ["DroppedEvents", "Arn"]}
    return bool(config["DestinationConfig"]["OnFailure"]["Destination"] == queue)


def the_schedule_invokes_the_alias_in_this_role() -> bool:
    """See that its target is the alias, and that it acts in this role."""
    target = template.resources("AWS::Scheduler::Schedule")["OwedSchedule"]["Properties"]["Target"]
    return bool(
        target["RoleArn"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
        and target["Arn"] == {"Ref": "CreateFunction.Alias"}
    )


# What the emulator lets pass whatever the role says → what in the template needs it.
UNENFORCED: Final[dict[Permission, Callable[[], bool]]] = {
    ("WriteLog", "logs:CreateLogStream"): logs_are_written_by_lambda_in_the_functions_name,
    ("WriteLog", "logs:PutLogEvents"): logs_are_written_by_lambda_in_the_functions_name,
    ("Trace", "xray:PutTraceSegments"): traces_are_sent_by_lambda_in_the_functions_name,
    ("Trace", "xray:PutTelemetryRecords"): traces_are_sent_by_lambda_in_the_functions_name,
    ("KeepDroppedEvents", "sqs:SendMessage"): lambda_keeps_dropped_events_in_the_functions_name,
    ("InvokeFunction", "lambda:InvokeFunction"): the_schedule_invokes_the_alias_in_this_role,
}


@pytest.mark.parametrize("permission", UNENFORCED, ids="-".join)
def test_what_is_not_enforced_here_has_its_reason(permission: Permission) -> None:
    """The template has the part that would not work on AWS without it."""
    assert UNENFORCED[permission]()
