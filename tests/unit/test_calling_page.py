"""docs/calling.md has every status, in the words of the code."""

import re
from pathlib import Path
from typing import Final

from appointments.statuses import Status
from tools.callers_page import guide
from tools.documents import openapi

PAGE: Final = (Path(__file__).parents[2] / "docs" / "calling.md").read_text()


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table of a section, without its head."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"(?m)^\| (`.*) \|$", text)
    return [line.split(" | ") for line in lines if not line.startswith("`email.status`")]


def test_every_status_says_what_to_show_a_user() -> None:
    """The table has each status once, in the contract's order, with no empty cell."""
    table = rows("What to show a user")
    assert [row[0] for row in table] == [f"`{status.value}`" for status in Status], (
        "docs/calling.md: give each status its row under ## What to show a user"
    )
    assert all(len(row) == 5 and all(row) for row in table)


def test_what_is_sent_again_is_what_is_retryable() -> None:
    """The table says to send the same again for the retryable statuses, and for no other."""
    retried = {
        row[0].strip("`") for row in rows("What to show a user") if "the same again" in row[4]
    }
    assert retried == {status.value for status in Status if status.retryable}


def test_the_generated_parts_are_as_the_code_has_them() -> None:
    """What `make docs` writes into the page is what the function does now."""
    assert guide.renew_blocks(PAGE) == PAGE, "run make docs"
    assert set(re.findall(r"<!-- begin (\w+)", PAGE)) == set(guide.BLOCKS)


def test_every_email_status_is_explained() -> None:
    """The table has each value of `data.email.status`, and the response that goes with it."""
    values = openapi.describe()["components"]["schemas"]["Email"]["properties"]["status"]["enum"]
    table = {row[0].strip("`"): row[2] for row in rows("The email")}
    assert set(table) == set(values)
    successes = {value for value, response in table.items() if response == "success"}
    assert successes == {"sent", "skipped", "pending"}
