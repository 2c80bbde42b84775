"""Record the README's first five minutes: run its commands on the local stack, draw the terminal.

`make picture` writes `docs/first-steps.svg`. The stack is reset first, so that the picture shows
what a new reader sees.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from tools.bootstrap import ROOT
from tools.terminal import err

PICTURE: Final = ROOT / "docs" / "first-steps.svg"
WIDTH: Final = 110
SECONDS: Final = 300
# A response in one line is shown up to here.
MAX_LINE: Final = 3 * WIDTH
_SECTION: Final = "## The first five minutes\n"
_MARK: Final = "\x1e"


def main() -> None:
    """Run the commands, and write the picture."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), highlight=False)  # noqa: PTH123, SIM115
    found = list(commands())
    first = next(index for index, command in enumerate(found) if command.startswith("curl"))
    found.insert(first + 1, found[first])
    shown = [
        "the same again" if command in found[:n] else command for n, command in enumerate(found)
    ]
    for command, printed in zip(shown, _run(found), strict=True):
        console.print(Text(f"$ {command}", "bold"))
        for line in printed.splitlines():
            text = line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} …"
            console.print(text, markup=False)
    svg = console.export_svg(title="The first five minutes")
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    err.print(f"{PICTURE.relative_to(ROOT)} is written.")


def commands() -> Iterator[str]:
    """Yield the commands of the section, without comments; a quote may span several lines."""
    section = (ROOT / "README.md").read_text().partition(_SECTION)[2].partition("\n## ")[0]
    pending = ""
    for line in "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines():
        if not pending and line.startswith("#"):
            continue
        pending += line
        if pending.count("'") % 2:
            pending += "\n"
        elif pending:
            yield re.sub(r"   +# .*", "", pending)
            pending = ""


def _run(found: list[str]) -> list[str]:
    """Run the commands in one shell, as a reader does; return what each of them printed."""
    script = "\n".join(["make --silent up reset", *(f"echo '{_MARK}'; {each}" for each in found)])
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(  # noqa: S603 - the README's own commands
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=environment | {"COLUMNS": str(WIDTH), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return [each.strip("\n") for each in done.stdout.split(f"{_MARK}\n")[1:]]


if __name__ == "__main__":
    main()
