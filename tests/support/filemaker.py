"""Run the FileMaker script of the guide: the steps and functions that it uses, and no others.

FileMaker runs on no machine of ours. This follows the documentation of each step and function, so
that the script's own logic, its request and its cURL options are tried for real.
"""

import json
import re
import shlex
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from tools.callers_page.filemaker import calculation, target

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<number>\d+)|(?P<name>\$?\w+(?:::\w+)?)|(?P<sign>\S))'
)
# From the loosest to the tightest; each is a binary operator with its function.
_OPERATORS: Final[tuple[Mapping[str, Callable[[Any, Any], Any]], ...]] = (
    {"and": lambda left, right: int(is_true(left) and is_true(right))},
    {"=": lambda left, right: int(left == right), "≠": lambda left, right: int(left != right)},
    {"&": lambda left, right: f"{left}{right}"},
    {"+": lambda left, right: left + right, "-": lambda left, right: left - right},
    {"^": lambda left, right: left**right},
)


def is_true(value: Any) -> bool:
    """Return what FileMaker takes a value for in a condition: a number other than 0 is true."""
    return bool(value) if isinstance(value, int) else value not in ("", "0")


class Script:
    """One run of a script.

    `values` has its fields and variables, `pauses` the seconds of each pause, which it does not
    wait, and `dialogs` what it said.
    """

    def __init__(self, steps: list[ElementTree.Element], folder: Path, **fields: Any) -> None:
        self.values: dict[str, Any] = {name.replace("__", "::"): fields[name] for name in fields}
        self.pauses: list[int] = []
        self.dialogs: list[str] = []
        self.result = ""
        self._steps = steps
        self._folder = folder

    def run(self) -> None:
        """Run the steps until the script exits."""
        at = 0
        while at < len(self._steps):
            step = self._steps[at]
            match step.get("name"):
                case "If" if not is_true(self._evaluate(step)):
                    at = self._after(at, "If", "Else", "End If")
                case "Else":
                    at = self._after(at, "If", "End If")
                case "Exit Loop If" if is_true(self._evaluate(step)):
                    at = self._after(at, "Loop", "End Loop")
                case "End Loop":
                    at = max(i for i in range(at) if self._steps[i].get("name") == "Loop") + 1
                case "Exit Script":
                    self.result = self._evaluate(step)
                    return
                case name:
                    self._perform(str(name), step)
                    at += 1

    def _perform(self, name: str, step: ElementTree.Element) -> None:
        if name == "Set Variable":
            self.values[target(step)] = self._evaluate(step, "Value")
        elif name == "Set Field":
            self.values[target(step)] = self._evaluate(step)
        elif name == "Pause/Resume Script":
            self.pauses.append(self._evaluate(step))
        elif name == "Show Custom Dialog":
            self.dialogs.append(self._evaluate(step, "Message"))
        elif name == "Insert from URL":
            options = self._evaluate(step, "CURLOptions")
            self.values[target(step)] = self._call(self._evaluate(step), options)
        else:
            assert name in {
                "# (comment)",
                "Set Error Capture",
                "Commit Records/Requests",
                "If",
                "Exit Loop If",
                "End If",
                "Loop",
            }, f"{name} is not known"

    def _after(self, at: int, opening: str, *ends: str) -> int:
        """Return the step after the end of the block that the step `at` is in or begins."""
        depth = 0
        for index in range(at + 1, len(self._steps)):
            name = self._steps[index].get("name")
            if depth == 0 and name in ends:
                return index + 1
            depth += name == opening
            depth -= name == ends[-1]
        raise AssertionError(f"no {ends[-1]}")

    def _call(self, url: str, options: str) -> str:
        """Send the request with curl itself; `@$name` is the content of a variable, as a file."""
        arguments = []
        for word in shlex.split(options):
            if word.startswith("@$"):
                path = self._folder / "data"
                path.write_text(self.values[word[1:]], encoding="utf-8")
                arguments.append(f"@{path}")
            else:
                arguments.append(word)
        command = ["curl", "--silent", *arguments, url]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603

    def _evaluate(self, step: ElementTree.Element, path: str = ".") -> Any:
        return self.evaluate(calculation(step, path))

    def evaluate(self, expression: str) -> Any:
        """Evaluate a calculation."""
        tokens = list(_tokens(expression))
        value = self._binary(tokens, 0)
        assert not tokens, f"left over: {tokens}"
        return value

    def _binary(self, tokens: list[str], level: int) -> Any:
        if level == len(_OPERATORS):
            return self._single(tokens)
        value = self._binary(tokens, level + 1)
        while tokens and tokens[0] in _OPERATORS[level]:
            operator = _OPERATORS[level][tokens.pop(0)]
            value = operator(value, self._binary(tokens, level + 1))
        return value

    def _single(self, tokens: list[str]) -> Any:
        token = tokens.pop(0)
        value: Any
        if token == "not":
            value = int(not is_true(self._single(tokens)))
        elif token == "(":
            [value] = self._list(tokens)
        elif token == "[":
            value = self._list(tokens)
        elif token.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", token[1:-1])
        elif token.isdecimal():
            value = int(token)
        elif tokens and tokens[0] == "(":
            del tokens[0]
            value = FUNCTIONS[token](self._list(tokens))
        else:
            value = token if token in _WORDS else self.values.get(token, "")
        return value

    def _list(self, tokens: list[str]) -> Any:
        values = []
        while True:
            values.append(self._binary(tokens, 0))
            if tokens.pop(0) in (")", "]"):
                return values


def _tokens(expression: str) -> Iterator[str]:
    for match in _TOKEN.finditer(expression.rstrip()):
        yield match[0].strip()


def _set_element(arguments: list[Any]) -> str:
    text, *elements = arguments
    value = json.loads(text)
    for name, content, kind in elements:
        assert kind == "JSONString"
        value[name] = str(content)
    return json.dumps(value, ensure_ascii=False)


def _get_element(arguments: list[Any]) -> Any:
    text, name = arguments
    try:
        value = json.loads(text or "{}")
    except ValueError as wrong:
        return f"? {wrong}"
    found = value.get(name) if isinstance(value, dict) else None
    if found is None:
        return ""
    return int(found) if isinstance(found, bool) else found


_WORDS: Final = {"UUID", "JSONString"}
FUNCTIONS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "Get": lambda _: str(uuid.uuid4()).upper(),
    "GetAsText": lambda arguments: str(arguments[0]),
    "IsEmpty": lambda arguments: int(arguments[0] == ""),
    "JSONGetElement": _get_element,
    "JSONSetElement": _set_element,
    "Left": lambda arguments: str(arguments[0])[: arguments[1]],
}
