"""What a module imports, for the tests of the architecture."""

import ast
from pathlib import Path


def imported(path: Path) -> set[str]:
    """Return all names that a module imports, wherever in its text it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found
