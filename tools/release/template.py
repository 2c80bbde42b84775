"""template.yaml as data: CloudFormation's short tags written out, as `sam build` writes them."""

from typing import Any, Final

import yaml

from tools.paths import TEMPLATE

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


def read_template() -> dict[str, Any]:
    """Return the template with its functions in their long form."""
    loader = _Loader(TEMPLATE.read_text())
    try:
        written: dict[str, Any] = loader.get_single_data()
    finally:
        loader.dispose()
    return written
