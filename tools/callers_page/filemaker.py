"""The FileMaker script: its XML for the Script Workspace, shown as FileMaker itself shows it."""

from collections.abc import Callable, Mapping
from typing import Final
from xml.etree import ElementTree  # nosec B405 - it reads our own file alone

from tools.bootstrap import ROOT

SNIPPET: Final = ROOT / "docs" / "filemaker" / "create-appointment.xml"
_INDENT: Final = "    "


def steps() -> list[ElementTree.Element]:
    """Return the steps of the script."""
    text = SNIPPET.read_text(encoding="utf-8")
    return list(ElementTree.fromstring(text))  # noqa: S314 # nosec B314 - our own file


def text() -> str:
    """Return the script as text, one step per line unless its calculation has several."""
    lines, depth = [], 0
    for step in steps():
        name = step.get("name", "")
        depth -= name in _CLOSING
        line = _LINES.get(name, _bare)(step)
        lines += [f"{_INDENT * depth}{part}".rstrip() for part in line.splitlines() or [""]]
        depth += name in _OPENING
    return "\n".join(lines) + "\n"


def calculation(step: ElementTree.Element, path: str = ".") -> str:
    """Return the calculation of a step, or of one of its parts."""
    return step.findtext(f"{path}/Calculation", "")


def target(step: ElementTree.Element) -> str:
    """Return the field or the variable into which a step writes."""
    field = step.find("Field")
    if field is None:
        return step.findtext("Name", "")
    return field.text or f"{field.get('table')}::{field.get('name')}"


def _bare(step: ElementTree.Element) -> str:
    return str(step.get("name"))


def _comment(step: ElementTree.Element) -> str:
    words = step.findtext("Text", "")
    return f"# {words}" if words else ""


def _with(*parts: str) -> str:
    return f"[ {' ; '.join(parts)} ]"


def _condition(step: ElementTree.Element) -> str:
    return f"{step.get('name')} {_with(calculation(step))}"


def _set_variable(step: ElementTree.Element) -> str:
    value = calculation(step, "Value")
    if "\n" in value and not value.endswith(")"):
        value = "\n" + "\n".join(f"{_INDENT}{line}" for line in value.splitlines()) + "\n"
        return f"Set Variable [ {target(step)} ; Value:{value}]"
    return f"Set Variable {_with(target(step), f'Value: {value}')}"


def _insert_from_url(step: ElementTree.Element) -> str:
    options = f"cURL options: {calculation(step, 'CURLOptions')}"
    where = ("Select", "With dialog: Off", f"Target: {target(step)}", calculation(step))
    return f"Insert from URL {_with(*where, 'Verify SSL Certificates', options)}"


_OPENING: Final = {"If", "Else", "Loop"}
_CLOSING: Final = {"End If", "Else", "End Loop"}
_LINES: Final[Mapping[str, Callable[[ElementTree.Element], str]]] = {
    "# (comment)": _comment,
    "Set Error Capture": lambda step: f"{step.get('name')} [ On ]",
    "Commit Records/Requests": lambda step: f"{step.get('name')} [ With dialog: Off ]",
    "If": _condition,
    "Exit Loop If": _condition,
    "Set Field": lambda step: f"Set Field {_with(target(step), calculation(step))}",
    "Set Variable": _set_variable,
    "Insert from URL": _insert_from_url,
    "Pause/Resume Script": lambda step: (
        f"Pause/Resume Script [ Duration (seconds): {calculation(step)} ]"
    ),
    "Show Custom Dialog": lambda step: (
        f"Show Custom Dialog {_with(calculation(step, 'Title'), calculation(step, 'Message'))}"
    ),
    "Exit Script": lambda step: f"Exit Script [ Text Result: {calculation(step)} ]",
}
