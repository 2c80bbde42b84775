"""How every command prints a list: a table if it fits, otherwise one block per item.

An id, an address or any other word is never cut or wrapped: it is there to be copied.
"""

import base64
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import click
from rich.cells import cell_len
from rich.text import Text

from appointments_operator.console import output

# A column: its heading, and the text that people get of an item.
Columns = Mapping[str, Callable[[Mapping[str, Any]], str]]
_GAP: Final = "  "
_MIN_TEXT_WIDTH: Final = 20
_UNITS: Final = ((60, "s", 1), (3600, "min", 60), (48 * 3600, "h", 3600))
_DAY: Final = 24 * 3600


def print_list(
    items: Sequence[Mapping[str, Any]], columns: Columns, *, empty: str, as_json: bool = False
) -> None:
    """Print items for people, or the items themselves as JSON; `empty` is the sentence for none."""
    if as_json:
        print_json(items)
    elif not items:
        click.echo(empty)
    else:
        console = output()
        cells = {name: [_printable(text(item)) for item in items] for name, text in columns.items()}
        cells = {name: column for name, column in cells.items() if any(column)}
        rows = list(zip(*cells.values(), strict=True))
        lines = _table(list(cells), rows)
        if max(cell_len(line.plain) for line in lines) > console.width:
            lines = _blocks(list(cells), rows, console.width)
        for line in lines:
            console.print(line, soft_wrap=True)


def print_json(value: Any, *, is_indented: bool = False) -> None:
    """Print a value for programs; with an indent, for people too."""
    indent = 2 if is_indented else None
    click.echo(json.dumps(value, default=_to_json, ensure_ascii=False, indent=indent))


def relative(at: datetime) -> str:
    """Return a moment as people say it: `in 3 min`, `2 h ago`."""
    seconds = round((at - datetime.now(UTC)).total_seconds())
    distance = abs(seconds)
    unit, size = next(
        ((unit, size) for limit, unit, size in _UNITS if distance < limit), ("d", _DAY)
    )
    amount = f"{distance // size} {unit}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def iso(epoch_seconds: float) -> str:
    """Return a moment as programs read it."""
    return datetime.fromtimestamp(int(epoch_seconds), UTC).isoformat()


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 request`, `2 requests`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Text]:
    widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]

    def line(cells: Iterable[str]) -> str:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
        )
        return _GAP.join(padded).rstrip()

    return [Text(line(headings), "bold"), *(Text(line(row)) for row in rows)]


def _blocks(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[Text]:
    indent = max(map(len, headings)) + len(_GAP)
    lines: list[Text] = []
    for row in rows:
        if lines:
            lines.append(Text())
        for heading, cell in zip(headings, row, strict=True):
            if not cell:
                continue
            first, *more = textwrap.wrap(
                cell,
                max(width - indent, _MIN_TEXT_WIDTH),
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines.append(Text.assemble((heading.ljust(indent), "bold"), first))
            lines += [Text(" " * indent + line) for line in more]
    return lines


def _printable(text: str) -> str:
    """Return a text in one line, without characters that would steer the terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _to_json(value: Any) -> Any:
    """Return what JSON has for a value of boto3's; a program gets a number as a number."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case set():
            return sorted(value)
    return base64.b64encode(bytes(value)).decode()
