"""The template as data, what CloudFormation makes of its values, and its parts by kind."""

from functools import cache
from typing import Any

from tools.release.template import read_template


@cache
def template() -> dict[str, Any]:
    """Return the template, which is read only."""
    return read_template()


def resolve(value: Any, **parameters: str) -> Any:
    """Return what CloudFormation makes of a value: conditions, references to `parameters`.

    Any other reference becomes the name that it has in the template: `OpsTopic`, `OpsTopic.Arn`.
    """

    def of(part: Any) -> Any:
        return resolve(part, **parameters)

    result = value
    match value:
        case {"Fn::If": [condition, if_true, if_false]}:
            result = of(if_true if of(template()["Conditions"][condition]) else if_false)
        case {"Fn::Not": [condition]}:
            result = not of(condition)
        case {"Fn::Equals": [left, right]}:
            result = of(left) == of(right)
        case {"Fn::And": [*parts]}:
            result = all(map(of, parts))
        case {"Fn::Or": [*parts]}:
            result = any(map(of, parts))
        case {"Fn::Contains": [texts, text]}:
            result = of(text) in texts
        case {"Ref": name}:
            result = parameters.get(name, name)
        case {"Fn::GetAtt": [name, attribute]}:
            result = f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            result = text
        case dict():
            result = {name: of(part) for name, part in value.items()}
        case list():
            result = [of(part) for part in value]
    return result


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a type, by their logical names; there is at least one."""
    found = {
        name: resource
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }
    assert found, f"template.yaml has no {kind}: what is promised of it holds of nothing"
    return found


def properties(kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, resolved."""
    return {
        name: resolve(resource["Properties"], **parameters)
        for name, resource in resources(kind).items()
    }


def statements() -> list[tuple[str, dict[str, Any]]]:
    """Return every statement of the roles' own policies, beside the name of its role."""
    found = [
        (name, statement)
        for name, role in resources("AWS::IAM::Role").items()
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert found, "no role of template.yaml has a statement: what is promised of them holds of none"
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    """Return a statement's actions, one or many."""
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)
