"""A line of AWS's command line, read with botocore's models: what the real one would call."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import botocore.session
from botocore import xform_name

# What the command line calls a service otherwise than botocore, and its own options.
_SERVICES: Final = {"deploy": "codedeploy"}
_GLOBAL: Final = {"query", "output", "region", "profile", "cli-binary-format"}


@dataclass(frozen=True)
class AwsCommand:
    """A command: a call of a service's operation with parameters, or the name of a waiter."""

    service: str
    operation: str
    parameters: dict[str, Any]
    waiter: str | None = None


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(_SERVICES.get(service, service))


@cache
def _waiters(service: str) -> Any:
    return botocore.session.get_session().get_waiter_model(_SERVICES.get(service, service))


def parse(line: str) -> AwsCommand:
    """Return what a line calls; raises KeyError if there is no such operation, waiter or option."""
    service, verb, *arguments = shlex.split(re.sub(r"\s# .*$", "", line))[1:]
    waiter = None
    if verb == "wait":
        verb = arguments.pop(0)
        waiter = verb.replace("-", "_")
        names = {xform_name(name): name for name in _waiters(service).waiter_names}
        operation = _waiters(service).get_waiter(names[waiter]).operation
    else:
        operations = {xform_name(name, "-"): name for name in _model(service).operation_names}
        operation = operations[verb]
    return AwsCommand(service, operation, _parameters(service, operation, arguments), waiter)


def _parameters(service: str, operation: str, arguments: list[str]) -> dict[str, Any]:
    """Return the parameters of the operation that the options stand for."""
    members = {
        xform_name(name, "-"): (name, shape)
        for name, shape in _model(service).operation_model(operation).input_shape.members.items()
    }
    parameters: dict[str, Any] = {}
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)[2:]
        values = []
        while arguments and not arguments[0].startswith("--"):
            values.append(arguments.pop(0))
        if option in _GLOBAL:
            continue
        is_on = option in members
        name, shape = members[option if is_on else option.removeprefix("no-")]
        if shape.type_name == "boolean":
            parameters[name] = is_on
        elif shape.type_name == "structure" and "=" in values[0]:
            parameters[name] = {
                key: {"true": True, "false": False}.get(value, value)
                for key, value in (pair.split("=") for pair in values[0].split(","))
            }
            assert set(parameters[name]) <= set(shape.members), option
        elif shape.type_name == "list":
            parameters[name] = values
        else:
            parameters[name] = values[0]  # after the last option a file for the output may stand
    return parameters
