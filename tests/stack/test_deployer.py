"""A deployer with the policy for the commands alone: they work, and they call what it lists.

What CloudFormation calls in the deployer's name is in test_cloudformation_policy.py.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.stack.policies import actions, iam_action, own_session, policy, user_with
from tests.stack.releases import release, run_stage
from tests.stack.test_adopt import ADOPT
from tests.stack.test_failed_creation import broken, rolled_back
from tests.unit.test_first_deployment_page import PAGE
from tools.bootstrap import ROOT
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.release import failed_creation

NAME: Final = "appointments-dev"
SECRET: Final = f"{NAME}-mandrill"
SAMS_STACK: Final = "aws-sam-cli-managed-default"
RECORDER: Final = ROOT / "tests" / "support" / "recorder"


@dataclass(frozen=True)
class Deployer:
    """A user with one policy alone, and a record of what the user's commands call."""

    stack: Stack
    credentials: dict[str, str]
    record: Path

    def release(self, template: Path) -> CompletedProcess[str]:
        """Run what `make deploy` runs once the package is built."""
        return release(self.stack, template, "y", **self._variables)

    def adopt(self, answer: str = "y") -> CompletedProcess[str]:
        """Run what `make adopt` runs."""
        return run_stage(self.stack, ADOPT, "dev", answer=answer, **self._variables)

    def client(self, service: Any) -> Any:
        """Return a client of the user's."""
        own = own_session(self.stack, self.credentials)
        own.events.register("before-parameter-build", self._note)
        return own.client(service, endpoint_url=self.stack.endpoint_url)

    def called(self) -> set[str]:
        """Return the actions that were called."""
        lines = self.record.read_text().splitlines()
        return {iam_action(*line.split()) for line in lines}

    @property
    def _variables(self) -> dict[str, str]:
        recording = {"PYTHONPATH": str(RECORDER), "RECORDED_CALLS": str(self.record)}
        return self.credentials | recording

    def _note(self, model: Any, **_: Any) -> None:
        with self.record.open("a") as file:
            file.write(f"{model.service_model.signing_name} {model.name}\n")


def sams_bucket(s3: Any) -> str:
    """Return the name of the bucket that SAM uploads to."""
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    (bucket,) = (name for name in names if name.startswith(SAMS_STACK))
    return str(bucket)


@pytest.fixture
def as_deployer(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what makes a user with the policy, but for one of its statements."""

    @contextmanager
    def make(without: str = "") -> Iterator[Deployer]:
        document = policy("deployer", NAME)
        kept = [each for each in document["Statement"] if each["Sid"] != without]
        assert (len(kept) < len(document["Statement"])) == bool(without)
        with user_with(stack, {**document, "Statement": kept}) as credentials:
            yield Deployer(stack, credentials, tmp_path / "calls")

    # The policy of SAM's bucket refuses every call without TLS, and the emulator has none.
    s3 = session.client("s3", endpoint_url=stack.endpoint_url)
    bucket = sams_bucket(s3)
    refusal = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield make
    s3.put_bucket_policy(Bucket=bucket, Policy=refusal)


@pytest.fixture
def left_table(stack: Stack, cloudformation: Any) -> str:
    """Make a table as a creation leaves it that CloudFormation could not roll back."""
    assert cloudformation  # removes it
    session.client("dynamodb", endpoint_url=stack.endpoint_url).create_table(
        TableName=f"{NAME}-left",
        AttributeDefinitions=[{"AttributeName": "uuid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "uuid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    return f"{NAME}-left"


def remove_left_table(deployer: Deployer) -> None:
    """Clear what a failed creation left on AWS: the emulator deletes tables despite protection."""
    client, stubber = rolled_back("ROLLBACK_FAILED")
    with stubber:
        failed_creation.clear(client, deployer.client("dynamodb"), NAME)


def put_key(deployer: Deployer) -> None:
    """Put a key of Mandrill's into the secret, as docs/operations.md has it."""
    deployer.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="key")


@pytest.mark.usefixtures("left_table")
def test_a_deployer_may_do_what_the_commands_do(
    stack: Stack,
    as_deployer: Callable[..., Any],
    built: Path,
    cloudformation: Any,
    tmp_path: Path,
) -> None:
    """With the policy alone every command works, and each of its actions is called."""
    changed = built.with_name("changed.yaml")
    changed.write_text(built.read_text().replace("PlanOmatic's", "The"))
    with as_deployer() as deployer:
        remove_left_table(deployer)
        assert deployer.release(broken(built, tmp_path)).returncode == 1  # and is rolled back
        for template in (built, built, changed):  # a repair, no change, a change
            done = deployer.release(template)
            assert done.returncode == 0, done.stderr
        protected = deployer.client("cloudformation")
        protected.update_termination_protection(StackName=NAME, EnableTerminationProtection=True)
        stack_policy = (ROOT / "docs" / "stack-policy.json").read_text()
        protected.set_stack_policy(StackName=NAME, StackPolicyBody=stack_policy)
        put_key(deployer)

        cloudformation.update_termination_protection(
            StackName=NAME, EnableTerminationProtection=False
        )
        cloudformation.delete_stack(StackName=NAME)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME)
        secrets = session.client("secretsmanager", endpoint_url=stack.endpoint_url)
        secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)  # no import of it
        assert "Nothing was changed." in deployer.adopt("n").stderr
        adopted = deployer.adopt()
        assert adopted.returncode == 0, adopted.stderr
    assert deployer.called() == actions("deployer")


# A statement → what is not possible without it, and the action that the error names.
ENFORCED: Final[dict[str, tuple[Callable[[Deployer, Path], Any], str]]] = {
    "DeployTheStack": (Deployer.release, "cloudformation:DescribeStacks"),
    "FindWhereSamUploads": (Deployer.release, "cloudformation:CreateChangeSet"),
    "UploadThePackage": (Deployer.release, "s3:PutObject"),
    "RemoveTheTablesOfAFailedCreation": (
        lambda deployer, _: deployer.adopt(),
        "dynamodb:DescribeTable",
    ),
    "CountTheirItems": (lambda deployer, _: remove_left_table(deployer), "dynamodb:Scan"),
    "PutTheKeyIntoTheSecret": (
        lambda deployer, _: put_key(deployer),
        "secretsmanager:PutSecretValue",
    ),
    "FindRetainedLogs": (lambda deployer, _: deployer.adopt(), "logs:DescribeLogGroups"),
}
# What the emulator lets pass → why AWS does not.
UNENFORCED: Final = {
    "TransformTheTemplate": "The emulator authorizes a change set for the stack alone. AWS does it "
    "for each transform too.",
}


@pytest.mark.usefixtures("left_table")
@pytest.mark.parametrize("sid", ENFORCED)
def test_without_a_statement_the_error_names_the_action(
    as_deployer: Callable[..., Any], built: Path, sid: str
) -> None:
    """A command that lacks a right fails, and says which one, so that the person can ask for it."""
    run, action = ENFORCED[sid]
    with as_deployer(without=sid) as deployer:
        try:
            done = run(deployer, built)
        except ClientError as denied:
            message = str(denied)
        else:
            assert done.returncode == 1
            message = done.stdout + done.stderr
    assert f"not authorized to perform: {action}" in message


@pytest.mark.usefixtures("left_table")
def test_a_deployer_counts_items_and_reads_none(as_deployer: Callable[..., Any]) -> None:
    """The policy for the commands lets no one read what a table has."""
    with as_deployer() as deployer:
        dynamodb = deployer.client("dynamodb")
        dynamodb.scan(TableName=f"{NAME}-left", Select="COUNT")
        with pytest.raises(ClientError, match="not authorized to perform: dynamodb:Scan"):
            dynamodb.scan(TableName=f"{NAME}-left")


def test_the_first_deployment_of_an_account_makes_the_bucket(
    stack: Stack, built: Path, cloudformation: Any
) -> None:
    """With the rights that docs/first-deployment.md adds for it, SAM makes what it uploads to."""
    arns = {"s3:*": "arn:aws:s3:::{}", "cloudformation:*": "arn:aws:cloudformation:*:*:stack/{}/*"}
    added = dict(re.findall(r"`(\w+:\*)` on\s(?:the stack )?`([a-z*-]+)`", PAGE))
    assert set(added) == set(arns)
    document = policy("deployer", NAME)
    document["Statement"] += [
        {"Effect": "Allow", "Action": action, "Resource": arns[action].format(name)}
        for action, name in added.items()
    ]
    s3 = session.client("s3", endpoint_url=stack.endpoint_url)
    former = sams_bucket(s3)
    cloudformation.delete_stack(StackName=SAMS_STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=SAMS_STACK)
    with user_with(stack, document) as credentials:
        done = release(stack, built, "y", **credentials)
    assert sams_bucket(s3) != former
    # Its policy is in force, and refuses what comes without TLS, as all does here.
    assert "s3:PutObject" in done.stderr, done.stderr
    assert "explicit deny in a resource-based policy" in done.stderr


def test_each_statement_is_accounted_for() -> None:
    """A new statement needs a case above, or a reason."""
    written = {each["Sid"] for each in policy("deployer")["Statement"]}
    assert written == {*ENFORCED, *UNENFORCED}
