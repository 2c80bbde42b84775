"""Renew docs/examples.json: part of `make docs`."""

import tests.conftest  # noqa: F401 - the environment, before anything reads it
from tests.documents.recorder import FILE, text
from tools.bootstrap import ROOT
from tools.terminal import err

if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    err.print(f"{FILE.relative_to(ROOT)} is written.")
