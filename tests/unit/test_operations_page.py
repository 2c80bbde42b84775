"""docs/operations.md is what a person reads at night: what it says to type must work."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from appointments.reasons import Cause
from appointments_operator import admin, replay
from tests.support.aws_command import parse
from tests.template import properties

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = (PROJECT / "docs" / "operations.md").read_text()
COMMANDS: Final = sorted(set(re.findall(r"(?m)(?<=`)((?:replay|admin) --[^`]+)`", PAGE)) | {
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.replace("   ```", "```"), re.DOTALL)
    for line in re.findall(r"\b(?:replay|admin) --[^\n)]+", block)
})  # fmt: skip


def test_the_page_names_commands() -> None:
    """The page is read as it is meant to be: both commands are found, in blocks and in lines."""
    assert len(COMMANDS) > 25
    assert {command.split()[0] for command in COMMANDS} == {"admin", "replay"}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_it_says_to_type_is_understood(command: str) -> None:
    """Every command on the page has options and arguments that exist."""
    name, *arguments = shlex.split(command.partition("#  ")[0].partition("   #")[0])
    if name == "replay":
        assert replay.main.make_context(name, arguments)
    else:
        shown = CliRunner().invoke(admin.main, [*arguments, "--help"])
        assert shown.exit_code == 0, shown.output


AWS_COMMANDS: Final = sorted({
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.replace("   ```", "```"), re.DOTALL)
    for line in re.findall(r"(?m)^[ A-Z=$(]*(aws .+?)\)?$", block.replace("\\\n", " "))
} | set(re.findall(r"`(aws [a-z-]+ [a-z-]+ --[^`]+)`", PAGE)))  # fmt: skip


@pytest.mark.parametrize("line", AWS_COMMANDS)
def test_each_command_of_aws_exists(line: str) -> None:
    """Every line for AWS's own command line has a service, an operation and options that exist."""
    assert parse(re.sub(r"\$\(.*?\)|[<>|].*", "x", line)).operation


def test_the_page_has_commands_of_aws() -> None:
    """They are found, in blocks and in lines."""
    assert len(AWS_COMMANDS) > 25


ALARMS: Final = properties("AWS::CloudWatch::Alarm")
LINK: Final = re.compile(r"[.] See docs/operations\.md#([a-z-]+)$")
CHAPTERS: Final = re.findall(
    r"(?m)^### (.+)$", PAGE.partition("\n## Alarms\n")[2].partition("\n## ")[0]
)


def test_the_chapters_are_those_of_the_templates_alarms() -> None:
    """Each alarm of the template links to a chapter of the page, and each chapter has an alarm."""
    links = {name: LINK.search(alarm["AlarmDescription"]) for name, alarm in ALARMS.items()}
    assert [name for name, link in links.items() if link is None] == []
    assert sorted(CHAPTERS) == sorted({link[1] for link in links.values() if link}), (
        "docs/operations.md: give each alarm its chapter under ## Alarms"
    )


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_says_what_to_do(name: str) -> None:
    """An alarm's chapter has a severity, who is affected, and three steps or more."""
    chapter = PAGE.partition(f"\n### {name}\n")[2].partition("\n##")[0]
    assert re.match(r"Severity: \*\*(high|medium|low)\*\*.* Affected: \w", chapter)
    steps = re.findall(r"(?m)^(\d)\. ", chapter)
    assert len(steps) >= 3
    assert steps == [str(number) for number in range(1, len(steps) + 1)]


@pytest.mark.parametrize("cause", Cause, ids=lambda cause: cause.value)
def test_every_cause_has_a_chapter(cause: Cause) -> None:
    """The chapter that a notification names exists, and the table of reasons leads to it."""
    chapters = {
        re.sub(r"[^a-z ]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"(?m)^### (.+)$", PAGE)
    }
    assert cause.value in chapters
    table = PAGE.partition("## Reasons\n")[2].partition("\n### ")[0]
    assert f"](#{cause.value}) |" in table


def test_every_section_is_listed() -> None:
    """The contents at the top lead to every section."""
    sections = re.findall(r"(?m)^## (.+)$", PAGE)
    anchors = [re.sub(r"[^a-z -]", "", each.lower()).replace(" ", "-") for each in sections]
    assert anchors
    listed = re.findall(r"\]\(#([a-z-]+)\)", PAGE)[: len(anchors)]
    assert listed == anchors, "docs/operations.md: bring the list of sections at its top up to date"
