"""Resident memory over every kind of request: the catalogue of the tests, a process per kind."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from boto3.dynamodb.types import TypeSerializer

from bench.contenders import BUNDLE, HERE, Contender, Worker
from bench.endpoint import Endpoint
from tests.support.cases import Case, cases
from tools.local_stack import rie, seeds
from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox

BROKEN: Final = Contender("the function, broken", "broken", (BUNDLE, HERE))
CASES: Final = cases(seeds.TOKENS)
# Enough to fill what is filled once, and enough for a kilobyte per request to be seen.
WARM_UP: Final = 150
REQUESTS: Final = 600


@dataclass(frozen=True)
class Kind:
    """The cases of one kind: the same request through each of its ways in."""

    name: str
    ways: Mapping[str, Case]


def kinds() -> list[Kind]:
    """Return every kind of the catalogue, in its order."""
    return [
        Kind(name, {full.rpartition(", ")[2]: CASES[full] for full in names})
        for name, names in groupby(CASES, lambda full: full.rpartition(", ")[0])
    ]


def measure(
    endpoint: Endpoint, scale: float, track: Callable[[list[Kind]], Iterable[Kind]]
) -> dict[str, dict[str, Any]]:
    """Return the bytes by which resident memory grew over the requests of each kind."""
    grown: dict[str, dict[str, Any]] = {}
    with _mandrill() as (url, account):
        environment = endpoint.environment() | {"MANDRILL_URL": url}
        for kind in track(kinds()):
            with Worker(BROKEN, environment) as worker:
                play = _Play(endpoint, worker, kind)
                play.rounds(round(WARM_UP * scale))
                before = play.resident
                requests = play.rounds(round(REQUESTS * scale))
            grown[kind.name] = {
                "ways": list(kind.ways),
                "requests": requests,
                "bytes": play.resident - before,
            }
            account.forget()
            endpoint.empty_appointments()
            seeds.write(endpoint.client("dynamodb"), "sessions", "records")
    return grown


class _Play:
    """One kind in one process."""

    def __init__(self, endpoint: Endpoint, worker: Worker, kind: Kind) -> None:
        self._dynamodb, self._worker, self._kind = endpoint.client("dynamodb"), worker, kind
        self.resident = 0
        serialize = TypeSerializer().serialize
        for way, case in kind.ways.items():
            for record, attributes in case.state.records.items():
                key = {"record": {"S": record}}
                if attributes is None:
                    self._dynamodb.delete_item(TableName="records", Key=key)
                else:
                    item = {name: serialize(value) for name, value in attributes.items()}
                    self._dynamodb.put_item(TableName="records", Item={**item, **key})
            for event in case.state.before:
                self._send(event, {}, 1)
            told = self._once(case)
            if tuple(told) != case.statuses:
                raise RuntimeError(f"{kind.name}, {way}: {told} instead of {case.statuses}")

    def rounds(self, least: int) -> int:
        """Send at least so many requests, through each way in turn; return how many."""
        times = max(1, least // len(self._kind.ways))
        for case in self._kind.ways.values():
            # What the schedule has dealt with is no longer due.
            for _ in range(times if case.state.items else 1):
                self._put_items(case)
                self._send(case.event, case.state.faults, 1 if case.state.items else times)
        return times * len(self._kind.ways)

    def _once(self, case: Case) -> list[str]:
        self._put_items(case)
        told = self._send(case.event, case.state.faults, 1)
        answers = told if isinstance(told, list) else [told]
        return [
            rie.status(one) or "?"
            for one in answers
            if isinstance(one, dict) and "statusCode" in one
        ]

    def _put_items(self, case: Case) -> None:
        for item in case.state.items:
            self._dynamodb.put_item(TableName="appointments", Item=item)

    def _send(self, event: Any, faults: Mapping[str, Any], times: int) -> Any:
        figures = self._worker.answer({"event": event, "faults": dict(faults)}, times)
        self.resident = figures["rss"]
        return figures["answer"]


@contextmanager
def _mandrill() -> Iterator[tuple[str, Account]]:
    account = Account({seeds.MANDRILL_KEY}, slow=0, search_limit=0)
    with Sandbox(0, account) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", account
        server.shutdown()
