"""`make audit` passes nothing that it did not look at."""

import sys
from pathlib import Path

import pytest

from tools.checks import audit
from tools.errors import ToolError

REPORT = """
import json, pathlib, sys
report = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
report.write_text(json.dumps({{"dependencies": {}}}))
"""
KNOWN = {
    "name": "left-pad",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}],
}


@pytest.fixture(autouse=True)
def no_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the real scans, which CI makes."""
    monkeypatch.setattr(audit, "SCANS", {})


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Put a program of these tests in pip-audit's place."""
    script = tmp_path / "pip-audit"
    script.write_text(f"#!{sys.executable}\n{program}")
    script.chmod(0o700)
    monkeypatch.setattr(audit, "_BIN", tmp_path)


def test_offline_says_so_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    """It passes, and says clearly that the dependencies were not audited."""
    audit.audit(offline=True)
    assert audit.NOT_AUDITED in capsys.readouterr().err


def test_a_finding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan that found something is named."""
    monkeypatch.setattr(audit, "SCANS", {"a scan": [sys.executable, "-c", "raise SystemExit(3)"]})
    with pytest.raises(ToolError, match="a scan"):
        audit.audit(offline=True)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit('no network')", "no network"),
        ("raise SystemExit(0)", audit.NOT_AUDITED),
        (REPORT.format([]), audit.NOT_AUDITED),
        (REPORT.format([KNOWN]) + "raise SystemExit(1)", "left-pad 1: PYSEC-1, fixed in 2"),
    ],
    ids=["no network", "no report", "an empty report", "a vulnerability"],
)
def test_no_answer_is_no_good_answer(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    program: str,
    message: str,
) -> None:
    """If a weakness is known or the database does not respond, it fails and says which."""
    (tmp_path / "audit").mkdir()
    stand_in(monkeypatch, tmp_path, program)
    monkeypatch.setattr(audit, "LOCAL", tmp_path)
    with pytest.raises(ToolError, match=r"src/requirements\.txt"):
        audit.audit(offline=False)
    assert message in capsys.readouterr().err
