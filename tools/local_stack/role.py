"""Take permissions from the deployed function's role for a while, to see what breaks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools.local_stack.aws import session
from tools.local_stack.stack import Stack


@contextmanager
def without(
    stack: Stack, is_removed: Callable[[str, str], bool], function_name: str | None = None
) -> Iterator[None]:
    """Remove the actions for which `is_removed(statement, action)` is true, then restore them.

    `function_name` names another function than the one of the endpoint.
    """
    connect: Any = session.client
    iam = connect("iam", endpoint_url=stack.endpoint_url)
    function = connect("lambda", endpoint_url=stack.endpoint_url).get_function_configuration(
        FunctionName=function_name or stack.function_name
    )
    role = function["Role"].rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    named = {"RoleName": role, "PolicyName": policy}
    whole = iam.get_role_policy(**named)["PolicyDocument"]
    less = {**whole, "Statement": _without(whole["Statement"], is_removed)}
    if less == whole:
        raise LookupError("the role has no such permission")
    iam.put_role_policy(**named, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(**named, PolicyDocument=json.dumps(whole))


def _without(
    statements: list[dict[str, Any]], is_removed: Callable[[str, str], bool]
) -> list[dict[str, Any]]:
    remaining = []
    for statement in statements:
        action = statement["Action"]
        actions = [action] if isinstance(action, str) else action
        if left := [each for each in actions if not is_removed(statement["Sid"], each)]:
            remaining.append({**statement, "Action": left})
    return remaining
