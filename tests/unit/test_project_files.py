"""What runs and updates this project is pinned, and covers what the template offers."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.template import template

PROJECT: Final = Path(__file__).parents[2]
GITHUB: Final = PROJECT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yml"))


def read(path: Path) -> Any:
    """Return a YAML file."""
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    """An action is named by a commit, which no one can move, with its version as a comment."""
    actions = re.findall(r"uses: (.*)", workflow.read_text())
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_every_python_of_the_template_is_tested() -> None:
    """CI tests on each runtime that the template allows."""
    runtimes = template()["Parameters"]["Runtime"]["AllowedValues"]
    matrix = read(GITHUB / "workflows" / "ci.yml")["jobs"]["checks"]["strategy"]["matrix"]
    assert [f"python{version}" for version in matrix["python"]] == runtimes


def test_updates_of_dependencies_wait() -> None:
    """Dependabot proposes updates of actions and of all locks, a week after their release."""
    updates = read(GITHUB / "dependabot.yml")["updates"]
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
    folders = {folder for update in updates for folder in update.get("directories", ["/"])}
    locks = {f"/{path.parent.name}" for path in PROJECT.glob("*/*.txt")}
    assert folders == locks | {"/"}


def test_a_commit_is_checked_by_make_check() -> None:
    """pre-commit runs `make check` and fetches no hook of its own."""
    [repository] = read(PROJECT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == ["make check"]
