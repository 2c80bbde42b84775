"""CONTRIBUTING.md describes the states of an email that the code has."""

import re
from pathlib import Path
from typing import Final

from appointments.email.state import EmailStatus

PAGE: Final = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def test_every_email_status_is_a_state() -> None:
    """The table of states has each `email_status`, and each of its states is in the diagram."""
    section = PAGE.partition("\n## The states of an email\n")[2].partition("\n## ")[0]
    table = section.partition("\n|---")[2]
    rows = re.findall(r"(?m)^\| ([^|`]+) \| (`.+?) \| ", table)
    assert {name for _, cell in rows for name in re.findall(r"`([a-z-]+)`", cell)} == {
        status.value for status in EmailStatus
    }
    states = {name.strip() for states, _ in rows for name in states.split(", ")}
    diagram = re.findall(r'state "([\w -]+)', section)
    assert {name.partition(" Mandrill")[0].strip() for name in diagram} == states
