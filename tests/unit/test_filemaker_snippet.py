"""docs/filemaker/ has script steps in the form in which FileMaker copies and pastes them."""

import re
from typing import Final
from xml.etree import ElementTree

import pytest

from tools.callers_page import filemaker

TEXT: Final = filemaker.SNIPPET.read_text(encoding="utf-8")
# Each step as FileMaker writes it: its id, and its elements in their order.
FORMS: Final = {
    "# (comment)": ("89", "Text?"),
    "Commit Records/Requests": ("75", "NoInteract Option ESSForceCommit"),
    "Else": ("69", ""),
    "End If": ("70", ""),
    "End Loop": ("73", ""),
    "Exit Loop If": ("72", "Calculation"),
    "Exit Script": ("103", "Calculation"),
    "If": ("68", "Restore Calculation"),
    "Insert from URL": (
        "160",
        (
            "NoInteract DontEncodeURL SelectAll VerifySSLCertificates CURLOptions Calculation Text "
            "Field"
        ),
    ),
    "Loop": ("71", ""),
    "Pause/Resume Script": ("62", "PauseTime Calculation"),
    "Set Error Capture": ("86", "Set"),
    "Set Field": ("76", "Calculation Field"),
    "Set Variable": ("141", "Value Repetition Name"),
    "Show Custom Dialog": ("87", "Title Message Buttons"),
}
BLOCKS: Final = {"End If": "If", "End Loop": "Loop"}


def test_the_snippet_is_a_list_of_steps() -> None:
    """The root is `fmxmlsnippet` of the type of script steps, with steps alone in it."""
    root = ElementTree.fromstring(TEXT)  # noqa: S314 - our own file
    assert (root.tag, root.attrib) == ("fmxmlsnippet", {"type": "FMObjectList"})
    assert {step.tag for step in root} == {"Step"}
    assert TEXT.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')


@pytest.mark.parametrize("step", filemaker.steps(), ids=lambda step: step.get("name"))
def test_a_step_has_its_id_and_its_elements(step: ElementTree.Element) -> None:
    """A step is enabled, has the id of its name, and the elements that FileMaker writes."""
    identifier, form = FORMS[str(step.get("name"))]
    assert list(step.attrib) == ["enable", "id", "name"]
    assert (step.get("enable"), step.get("id")) == ("True", identifier)
    pattern = re.sub(r"(\w+)(\??) ?", r"(?:\1 )\2", form)
    assert re.fullmatch(pattern, "".join(f"{child.tag} " for child in step))
    buttons = step.findall("Buttons/Button")
    assert len(buttons) in (0, 3)
    for state in step.iter():
        assert state.get("state", "True") in ("True", "False")


def test_every_calculation_is_quoted() -> None:
    """A calculation is in CDATA, as FileMaker writes it, and none is empty."""
    assert TEXT.count("<Calculation>") == len(re.findall(r"<Calculation><!\[CDATA\[[^]\s]", TEXT))


def test_every_block_is_closed() -> None:
    """Each If and each Loop ends, in the order in which they began."""
    opened: list[str] = []
    for step in filemaker.steps():
        name = str(step.get("name"))
        if name in BLOCKS.values():
            opened.append(name)
        elif name in BLOCKS:
            assert opened.pop() == BLOCKS[name]
    assert opened == []
