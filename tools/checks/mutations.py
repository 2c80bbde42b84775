"""The changes that `mutants` can make to a module: mutmut's, and statements left out.

mutmut itself changes neither constants nor decorated functions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

from tools.bootstrap import ROOT

Operator = Callable[[Any], Iterable[cst.CSTNode]]


def _drop_statement(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """Leave out a statement that stands for its effect."""
    match node.body:
        case [cst.Expr(value=value)] if not isinstance(value, cst.BaseString):
            yield node.with_changes(body=[cst.Pass()])
        case [cst.Raise() | cst.AugAssign()]:
            yield node.with_changes(body=[cst.Pass()])


def _misspell(node: cst.BaseString) -> Iterator[cst.CSTNode]:
    """Change a text once: a test that reads it notices any spelling."""
    yield from list(operator_string(node))[:1]


_OPERATORS: Final[Sequence[tuple[Any, Operator]]] = [
    *((kind, operator) for kind, operator in mutation_operators if operator is not operator_string),
    (cst.BaseString, _misspell),
    (cst.SimpleStatementLine, _drop_statement),
]


@dataclass(frozen=True)
class Change:
    """One change to a module: its new text, and the lines that it concerns."""

    module: Path
    lines: range
    text: str

    def __str__(self) -> str:
        """Show the change as a person reads it."""
        before = (ROOT / self.module).read_text(encoding="utf-8").splitlines()
        changed = [
            line
            for line in unified_diff(before, self.text.splitlines(), lineterm="", n=0)
            if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        return "\n".join([f"{self.module}:{self.lines.start}", *changed])


class _Places(cst.CSTVisitor):
    """Collect what can be changed in a module; annotations, decorators and imports cannot."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[range, cst.CSTNode, cst.CSTNode]] = []
        self._statement = range(0)

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            return False
        where = self.get_metadata(PositionProvider, node, None)
        lines = range(where.start.line, where.end.line + 1) if where else range(0)
        if isinstance(node, cst.SimpleStatementLine):
            self._statement = lines
        if isinstance(node, cst.BaseCompoundStatement):
            self._statement = range(0)
        for kind, operator in _OPERATORS:
            if isinstance(node, kind):
                concerned = self._statement or lines
                self.found += [(concerned, node, changed) for changed in operator(node)]
        return True


def changes(module: Path) -> list[Change]:
    """Return every change that can be made to a module."""
    wrapper = MetadataWrapper(cst.parse_module((ROOT / module).read_text(encoding="utf-8")))
    places = _Places()
    wrapper.visit(places)
    whole = wrapper.module
    return [
        Change(module, lines, cst.ensure_type(whole.deep_replace(old, new), cst.Module).code)
        for lines, old, new in places.found
    ]
