"""Say at once that a Python is too old. Every Python can read this file, 2 too."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a machine's own python3 may well be older
    sys.exit(sys.executable + " is older than 3.11. Name a newer one: make PYTHON=python3.13 ...")
