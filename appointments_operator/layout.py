"""How every command prints a list: a table if it fits, otherwise one block per item.

An id, an address or any other word is never cut or wrapped, so that it can be copied.
"""

import base64
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import click
from rich.cells import cell_len
from rich.text import Text

from appointments_operator.terminal import output

# A column: its heading, and the text that people get of an item.
Columns = Mapping[str, Callable[[Any], str]]
_GAP: Final = "  "
_MIN_TEXT_WIDTH: Final = 20
_UNITS: Final = ((60, "s", 1), (3600, "min", 60), (48 * 3600, "h", 3600))
_DAY: Final = 24 * 3600


class Listed(Sized, Iterable[Any], Protocol):
    """What a list shows. It may be read anew from disk each time it is iterated."""


def print_list(items: Listed, columns: Columns, *, empty: str, as_json: bool = False) -> None:
    """Print items for people, or the items themselves as JSON; `empty` is the sentence for none."""
    if as_json:
        print_json(list(items))
    elif not len(items):
        click.echo(empty)
    else:
        console = output()
        widths = dict.fromkeys(columns, 0)
        for item in items:
            for name, text in columns.items():
                widths[name] = max(widths[name], cell_len(_printable(text(item))))
        widths = {name: max(width, cell_len(name)) for name, width in widths.items() if width}
        rows = ([_printable(columns[name](item)) for name in widths] for item in items)
        fits = sum(widths.values()) + len(_GAP) * (len(widths) - 1) <= console.width
        lines = _table(widths, rows) if fits else _blocks(list(widths), rows, console.width)
        for line in lines:
            console.print(line, soft_wrap=True)


def print_json(value: Any, *, is_indented: bool = False) -> None:
    """Print a value for programs; with an indent, for people too."""
    indent = 2 if is_indented else None
    click.echo(json.dumps(value, default=_to_json, ensure_ascii=False, indent=indent))


def print_json_list(name: str, items: Iterable[Any], **head: Any) -> None:
    """Print an object of `head` and a list of any length, item by item."""
    start = json.dumps(head | {name: []}, ensure_ascii=False).removesuffix("]}")
    for number, item in enumerate(items):
        start += ", " if number else ""
        click.echo(start + json.dumps(item, default=_to_json, ensure_ascii=False), nl=False)
        start = ""
    click.echo(start + "]}")


@contextmanager
def json_array() -> Iterator[Callable[[Iterable[Any]], None]]:
    """Print a JSON array of any length, one element per line, as the elements come."""
    start = "["

    def add(items: Iterable[Any]) -> None:
        nonlocal start
        for item in items:
            line = json.dumps(item, default=_to_json, ensure_ascii=False)
            click.echo(f"{start}{line}")
            start = ","

    yield add
    click.echo("[]" if start == "[" else "]")


def relative(at: datetime) -> str:
    """Return a moment as people say it: `in 3 min`, `2 h ago`."""
    seconds = round((at - datetime.now(UTC)).total_seconds())
    distance = abs(seconds)
    unit, size = next(
        ((unit, size) for limit, unit, size in _UNITS if distance < limit), ("d", _DAY)
    )
    amount = f"{distance // size} {unit}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def iso_seconds(epoch_seconds: float) -> str:
    """Return a moment as programs read it."""
    return datetime.fromtimestamp(int(epoch_seconds), UTC).isoformat()


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 request`, `2 requests`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _table(widths: Mapping[str, int], rows: Iterable[Sequence[str]]) -> Iterator[Text]:
    def line(cells: Iterable[str]) -> str:
        padded = (
            cell + " " * (width - cell_len(cell))
            for cell, width in zip(cells, widths.values(), strict=True)
        )
        return _GAP.join(padded).rstrip()

    yield Text(line(widths), "bold")
    for row in rows:
        yield Text(line(row))


def _blocks(headings: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> Iterator[Text]:
    indent = max(map(len, headings)) + len(_GAP)
    for number, row in enumerate(rows):
        if number:
            yield Text()
        for heading, cell in zip(headings, row, strict=True):
            if not cell:
                continue
            first, *more = textwrap.wrap(
                cell,
                max(width - indent, _MIN_TEXT_WIDTH),
                break_long_words=False,
                break_on_hyphens=False,
            )
            yield Text.assemble((heading.ljust(indent), "bold"), first)
            yield from (Text(" " * indent + line) for line in more)


def _printable(text: str) -> str:
    """Return a text in one line, without characters that would steer the terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _to_json(value: Any) -> Any:
    """Return a value of boto3 as JSON has it: a Decimal as a number, a set as a list."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case set():
            return sorted(value)
    return base64.b64encode(bytes(value)).decode()
