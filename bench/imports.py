"""Where INIT's CPU goes: imports one module and tells each module's own share.

Run on a bare interpreter: `python -S -I imports.py MODULE FOLDER…`.
"""

import importlib._bootstrap as bootstrap
import json
import sys
import time

shares: dict[str, float] = {}
_within: list[float] = []
_load = bootstrap._load_unlocked  # type: ignore[attr-defined]


def load(spec):  # type: ignore[no-untyped-def]
    """Load one module, and note what it took without the modules that it loaded."""
    began = time.process_time()
    _within.append(0.0)
    try:
        return _load(spec)
    finally:
        took = time.process_time() - began
        shares[spec.name] = took - _within.pop()
        if _within:
            _within[-1] += took


if __name__ == "__main__":
    bootstrap._load_unlocked = load  # type: ignore[attr-defined]
    sys.path[:0] = sys.argv[2:]
    __import__(sys.argv[1])
    print(json.dumps(shares))
