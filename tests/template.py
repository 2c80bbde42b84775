"""The template as data: CloudFormation's short tags written out, as `sam build` writes them."""

from functools import cache
from typing import Any, Final

import yaml

from tools.project import TEMPLATE

_SAME_NAME: Final = frozenset({"Ref", "Condition"})


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def _intrinsic(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in _SAME_NAME else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def template() -> dict[str, Any]:
    """Return the template; nobody may change it."""
    written: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - a safe one
    return written


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type, by their logical names."""
    return {
        name: resource
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


def statements() -> list[tuple[str, dict[str, Any]]]:
    """Return every statement of the roles' own policies, beside the name of its role."""
    return [
        (name, statement)
        for name, role in resources("AWS::IAM::Role").items()
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def actions(statement: dict[str, Any]) -> list[str]:
    """Return a statement's actions, one or many."""
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)
