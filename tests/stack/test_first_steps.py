"""The README's first five minutes, as a reader types them: created, repeated, repaired."""

import json
import os
import subprocess

from tests.stack.commands import BIN, SECONDS
from tools.documents import first_steps
from tools.environment import CREDENTIALS
from tools.local_stack.reset import reset
from tools.local_stack.stack import Stack


def shell(stack: Stack, command: str) -> str:
    """Run a command in a shell that calls the tests' own stack, as `admin local-env` has it."""
    done = subprocess.run(  # noqa: S603 - the README's own commands
        ["/bin/bash", "-c", command],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": stack.endpoint_url,
            "AWS_DEFAULT_REGION": stack.region,
            "API": stack.base_url,
            "PATH": f"{BIN}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_appointment_is_created_repeated_and_repaired(stack: Stack) -> None:
    """Each command does what the page says; `make` has tests of its own."""
    up, eval_env, *commands = first_steps.commands()
    assert up == "make up"
    assert eval_env == 'eval "$(.local/venv/bin/admin local-env)"'
    create, fail, notifications, put, replay = commands
    assert notifications == "make notifications"

    reset(stack)  # what other tests left would be replayed too
    created, repeated = (json.loads(shell(stack, create)) for _ in range(2))
    assert (created["status"], created["replayed"]) == ("action-successful", False)
    assert (repeated["status"], repeated["replayed"]) == ("action-successful", True)
    assert json.loads(shell(stack, fail))["status"] == "mandrill-email-failed"
    try:
        assert "rex@planomatic.test" in shell(stack, put)
        assert "1 of 1 requests is good now." in shell(stack, replay)
    finally:
        reset(stack)
