"""Clients made from docs/openapi.json create an appointment and read failures, with their types."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.stack.table import item
from tests.support.node import HOME, run_node, run_tool
from tools.bootstrap import LOCAL, ROOT
from tools.local_stack.stack import Stack

DOCUMENT: Final = ROOT / "docs" / "openapi.json"
PROGRAMS: Final = Path(__file__).parent / "programs"
OPENAPI: Final = LOCAL / "openapi" / "bin"
# A mistake in each program that only types can show before it runs.
MISTAKE: Final = ("error.param", "error.parm")


def run(command: list[str | Path], cwd: Path) -> tuple[int, str]:
    """Run a command of the environment `openapi`; return its exit code and what it printed."""
    path = f"{OPENAPI}{os.pathsep}{os.environ['PATH']}"
    return run_tool(command, cwd, PATH=path, MYPYPATH=str(cwd))


def copy_of(program: str, folder: Path) -> tuple[Path, Path]:
    """Copy a program beside what was generated for it, as it is and with a mistake."""
    right = Path(shutil.copy(PROGRAMS / program, folder))
    wrong = right.with_stem(f"{right.stem}_wrong")
    text = right.read_text()
    assert MISTAKE[0] in text
    wrong.write_text(text.replace(*MISTAKE))
    return right, wrong


def check_types(program: str, folder: Path) -> Path:
    """Type-check a program strictly, see that a mistake is found, and return the program."""
    right, wrong = copy_of(program, folder)
    # Of the generated files only the types count: openapi-python-client's own frame is not strict.
    options = ["--strict", "--follow-imports=silent", "--no-error-summary", "--config-file="]
    python = OPENAPI / "python"
    command: list[str | Path] = [sys.executable, "-m", "mypy", *options]
    _, printed = run([*command, "--python-executable", python, right, wrong], folder)
    errors = [line for line in printed.splitlines() if ": error:" in line]
    assert len(errors) == 1, printed
    assert errors[0].startswith(wrong.name)
    assert '"parm"' in errors[0]
    return right


def check_output(printed: str, stack: Stack) -> None:
    """Check what a program read, and that the appointment is in the table."""
    read = json.loads(printed.strip().splitlines()[-1])
    assert read == {
        "uuid": read["uuid"],
        "email": "sent",
        "date": "2027-01-05",
        "filemaker": True,
        "errors": ["date_start_local", "updated_at_mt"],
        "refused": 401,
    }
    stored = item(stack, read["uuid"])
    assert stored
    assert stored["date_start_local"] == "2027-01-05"


def arguments(stack: Stack) -> list[str]:
    """Return what each program gets: where the API is, a token, and a key for one appointment."""
    return [stack.base_url, stack.tokens["session"], str(uuid4())]


def test_openapi_python_client(stack: Stack, tmp_path: Path) -> None:
    """It makes every response a class of its own; mypy finds a misspelled key."""
    folder = tmp_path / "appointments_client"
    options: list[str | Path] = ["--meta", "none", "--output-path", folder]
    code, printed = run(
        [OPENAPI / "openapi-python-client", "generate", "--path", DOCUMENT, *options], tmp_path
    )
    assert code == 0, printed
    # It supports no text/plain. Nothing else of the document is left out.
    assert printed.count("WARNING") == 1, printed
    assert "Unsupported content type text/plain" in printed
    program = check_types("openapi_python_client.py", tmp_path)
    code, printed = run([OPENAPI / "python", program, *arguments(stack)], tmp_path)
    assert code == 0, printed
    check_output(printed, stack)


def test_datamodel_code_generator(stack: Stack, tmp_path: Path) -> None:
    """Its pydantic models take a request and tell the statuses of one HTTP code apart."""
    output = tmp_path / "appointments_models.py"
    options: list[str | Path] = ["--input", DOCUMENT, "--output", output]
    options += ["--input-file-type=openapi", "--output-model-type=pydantic_v2.BaseModel"]
    options += ["--use-annotated", "--field-constraints", "--formatters", "builtin"]
    code, printed = run([OPENAPI / "datamodel-codegen", *options], tmp_path)
    assert code == 0, printed
    program = check_types("datamodel_code_generator.py", tmp_path)
    code, printed = run([OPENAPI / "python", program, *arguments(stack)], tmp_path)
    assert code == 0, printed
    check_output(printed, stack)


def test_openapi_typescript(stack: Stack, tmp_path: Path) -> None:
    """Its types tell the statuses apart by `status`; tsc finds a misspelled key."""
    code, printed = run_node("openapi-typescript", DOCUMENT, "--output", tmp_path / "api.ts")
    assert code == 0, printed
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(HOME / "node_modules")
    right, wrong = copy_of("openapi_fetch.ts", tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"]
    code, printed = run_node("tsc", *options, right.name, wrong.name, cwd=tmp_path)
    errors = [line for line in printed.splitlines() if "error TS" in line]
    assert len(errors) == 1, printed
    assert errors[0].startswith(wrong.name)
    assert "'parm'" in errors[0]
    code, printed = run_node("node", right.with_suffix(".js"), *arguments(stack))
    assert code == 0, printed
    check_output(printed, stack)
