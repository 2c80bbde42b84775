"""Play a scenario, and write its result into a file: for a process per scenario."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.scale.scenarios import SCENARIOS

HOME: Final = Path(".local/scale")


def play(name: str) -> tuple[str, bool]:
    """Play one scenario, and write its result; return a text about it, and whether all is met."""
    began = time.time()
    result = SCENARIOS[name]()
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / f"{name}.json").write_text(json.dumps(asdict(result)))
    said = [f"{name}, {time.time() - began:.0f} s"]
    said += [
        f"  {'met' if goal.is_met else 'MISSED'}: {goal.what}: {goal.measured}"
        for goal in result.goals
    ]
    return "\n".join(said), all(goal.is_met for goal in result.goals)
