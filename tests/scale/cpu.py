"""What the processor of the template's memory size takes for the code between two calls.

The figures were measured here with `Cpu(is_measuring=True)`. A share of a processor is modelled as
a processor that is slower by that share.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

# Lambda gives 1,769 MB one whole processor.
MEMORY: Final = 512
SHARE: Final = MEMORY / 1_769
# Milliseconds of a whole processor from one effect to the next, by kind of invocation and the
# effect that ends it. `end` is what comes after the last one.
MILLISECONDS: Final = {
    "request": {
        "BatchGetItem": 0.45,
        "PutItem": 0.45,
        "UpdateItem": 0.7,
        "GetItem": 0.3,
        "GetSecretValue": 5.0,
        "messages/send-template": 0.25,
        "messages/search": 0.4,
        "Publish": 0.65,
        "end": 0.5,
    },
    "run": {
        "Query": 1.0,
        "BatchGetItem": 4.7,
        "UpdateItem": 0.8,
        "PutItem": 0.5,
        "GetItem": 0.3,
        "Invoke": 1.3,
        "messages/send-template": 0.35,
        "messages/search": 6.0,
        "Publish": 0.7,
        "end": 0.5,
    },
    "worker": {
        "BatchGetItem": 0.9,
        "UpdateItem": 0.7,
        "PutItem": 0.5,
        "GetItem": 0.3,
        "messages/send-template": 0.35,
        "Publish": 0.7,
        "end": 1.2,
    },
}
# What HTTP takes per call besides, as bench/REPORT.md has it for a warm request.
HTTP_MILLISECONDS: Final = 0.5


@dataclass
class Cpu:
    """The model; with `is_measuring`, it measures the code that runs meanwhile."""

    is_measuring: bool = False
    measured: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    _mark: threading.local = field(default_factory=threading.local)

    def seconds(self, kind: str, name: str) -> float:
        """Return what it took to come to this effect."""
        if self.is_measuring:
            self.measured[kind, name].append(time.thread_time() - self._mark.at)
        http = 0 if name == "end" else HTTP_MILLISECONDS
        return (MILLISECONDS[kind][name] + http) / 1000 / SHARE

    def resume(self) -> None:
        """Note that the function's own code goes on from here."""
        if self.is_measuring:
            self._mark.at = time.thread_time()
