"""Resident memory: over many usual requests, and over every kind of request in the catalogue."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from boto3.dynamodb.types import TypeSerializer

from bench import requests
from bench.endpoint import Endpoint
from bench.targets import FUNCTION, INSTRUMENTED, Worker
from tests.support.cases import Case, cases
from tools.local_stack import rie, seeds
from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox

FIRST: Final = 1_000
MORE: Final = 10_000
BATCH: Final = 250
CASES: Final = cases(seeds.TOKENS)
# Enough to fill every cache, and enough for a kilobyte per request to be seen.
WARM_UP: Final = 150
REQUESTS: Final = 600


def over_usual_requests(
    endpoint: Endpoint, environment: dict[str, str], count: int
) -> Iterator[tuple[int, int]]:
    """Yield how many usual requests one process has served, and its resident bytes, by batches."""
    event = requests.event(requests.USUAL)
    with Worker(FUNCTION, environment) as worker:
        for served in range(BATCH, count + 1, BATCH):
            yield served, worker.invoke(event, BATCH)["rss"]
            endpoint.empty_appointments()  # the endpoint slows down as its tables fill


def kinds() -> dict[str, dict[str, Case]]:
    """Return the cases of every kind of the catalogue: by kind, then by way in."""
    return {
        kind: {full.rpartition(", ")[2]: CASES[full] for full in names}
        for kind, names in groupby(CASES, lambda full: full.rpartition(", ")[0])
    }


def over_kind(
    endpoint: Endpoint, environment: dict[str, str], kind: Mapping[str, Case], scale: float
) -> dict[str, int]:
    """Return how many requests of a kind one process served, and the bytes it grew by."""
    with _mandrill() as url, Worker(INSTRUMENTED, environment | {"MANDRILL_URL": url}) as worker:
        player = _Player(endpoint, worker, kind)
        player.play(WARM_UP)
        before = player.resident
        count = player.play(round(REQUESTS * scale))
    endpoint.empty_appointments()
    endpoint.seed()
    return {"requests": count, "bytes": player.resident - before}


class _Player:
    """Sends the cases of one kind to one process."""

    def __init__(self, endpoint: Endpoint, worker: Worker, kind: Mapping[str, Case]) -> None:
        self._dynamodb, self._worker, self._kind = endpoint.client("dynamodb"), worker, kind
        self.resident = 0
        serialize = TypeSerializer().serialize
        for way, case in kind.items():
            for record, attributes in case.state.records.items():
                key = {"record": {"S": record}}
                if attributes is None:
                    self._dynamodb.delete_item(TableName="records", Key=key)
                else:
                    item = {name: serialize(value) for name, value in attributes.items()}
                    self._dynamodb.put_item(TableName="records", Item={**item, **key})
            for event in case.state.before:
                self._send(event, {}, 1)
            statuses = self._statuses(case)
            if statuses != case.statuses:
                raise RuntimeError(f"{way}: {statuses} instead of {case.statuses}")

    def play(self, least: int) -> int:
        """Send at least so many requests, through each way in turn; return how many."""
        times = max(1, least // len(self._kind))
        for case in self._kind.values():
            # The schedule's items are due only once.
            for _ in range(times if case.state.items else 1):
                self._put_items(case)
                self._send(case.event, case.state.faults, 1 if case.state.items else times)
        return times * len(self._kind)

    def _statuses(self, case: Case) -> tuple[str, ...]:
        self._put_items(case)
        returned = self._send(case.event, case.state.faults, 1)
        responses = returned if isinstance(returned, list) else [returned]
        return tuple(
            rie.status(one) or "?"
            for one in responses
            if isinstance(one, dict) and "statusCode" in one
        )

    def _put_items(self, case: Case) -> None:
        for item in case.state.items:
            self._dynamodb.put_item(TableName="appointments", Item=item)

    def _send(self, event: Any, faults: Mapping[str, Any], times: int) -> Any:
        figures = self._worker.invoke({"event": event, "faults": dict(faults)}, times)
        self.resident = figures["rss"]
        return figures["response"]["response"]


@contextmanager
def _mandrill() -> Iterator[str]:
    with Sandbox(0, Account({seeds.MANDRILL_KEY}, slow=0, search_limit=0)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
