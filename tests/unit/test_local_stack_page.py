"""docs/local-stack.md says what the local stack has: its seeds, its failures, its commands."""

import html
import re
import shlex
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from appointments_operator import admin, replay
from tools.documents import first_steps
from tools.local_stack import seeds
from tools.local_stack.commands import COMMANDS
from tools.mandrill_sandbox import account
from tools.mandrill_sandbox.account import Outage

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = (PROJECT / "docs" / "local-stack.md").read_text()
MAKEFILE: Final = (PROJECT / "Makefile").read_text()


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this head, without code fonts."""
    table = PAGE.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return [[cell.strip().strip("`") for cell in line] for line in lines]


def test_the_seeds_are_those_of_the_stack() -> None:
    """The tables have every token and record, with what `make seeds` says of it."""
    assert rows("token") == [[seeds.TOKENS[kind], use] for kind, use in seeds.KINDS.items()]
    emails = {record["record"]: record.get("email", "") for record in seeds.RECORDS}
    assert rows("record") == [[key, emails[key], use] for key, use in seeds.PURPOSES.items()]


def test_every_failure_is_listed() -> None:
    """The tables have every domain of the sandbox, and every outage."""
    domains = {*account.REFUSED_CALLS, *account.OUTCOMES, "slow.test", "garbage.test"} - {""}
    assert {row[0] for row in rows("addresses at")} == domains
    assert [row[0] for row in rows("outage")] == [outage.value for outage in Outage]


def test_every_command_is_listed() -> None:
    """The first table has every command of the local stack, except the one for its package."""
    listed = {row[0].split()[1] for row in rows("command")}
    assert listed | {"rie"} == {str(command.name) for command in COMMANDS}


def test_every_variable_of_a_command_exists() -> None:
    """A variable that a page gives to `make` is one that the Makefile has and passes on."""
    known = set(re.findall(r"(?m)^([A-Z]+) \?=", MAKEFILE))
    for path in (PROJECT / "README.md", PROJECT / "docs" / "local-stack.md"):
        text = path.read_text()
        for target, variables in re.findall(r"make ([a-z]+)((?: [A-Z]+=[^ `\n]*)+)", text):
            recipe = MAKEFILE.partition(f"\n{target}: ##")[2].partition("\n\n")[0]
            recipe = recipe.replace("$(port)", "$(PORT)").replace("$(json)", "$(JSON)")
            for name in re.findall(r"([A-Z]+)=", variables):
                assert name in known
                assert f"$({name})" in recipe, f"make {target} {name}="


def test_the_picture_shows_the_readmes_commands() -> None:
    """`make picture` was run after the last change to the first five minutes of the README."""
    text = html.unescape(re.sub(r"<[^>]+>", "\n", first_steps.PICTURE.read_text()))
    shown = text.replace("\xa0", " ")
    commands = list(first_steps.commands())
    assert len(commands) > 5
    for command in commands:
        assert f"$ {command.splitlines()[0]}"[: first_steps.WIDTH] in shown, "run make picture"


def test_every_command_for_operators_is_understood() -> None:
    """Each `admin` and `replay` of the pages names options and arguments that exist."""
    found = []
    for path in (PROJECT / "README.md", PROJECT / "docs" / "local-stack.md"):
        found += re.findall(
            r"(?m)(?:^|`)((?:admin|replay) [^`\n]*?)(?:  +#.*)?(?:`|$)", path.read_text()
        )
    assert len(found) >= 3
    for command in found:
        name, *arguments = shlex.split(command)
        root = admin.main if name == "admin" else replay.main
        shown = CliRunner().invoke(root, [*arguments, "--help"])
        assert shown.exit_code == 0, f"{command}: {shown.output}"
