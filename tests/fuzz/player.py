"""Plays scenarios through the real handler on moto, and returns what does not hold."""

import io
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.retries.quota import RetryQuota
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.sns.models import sns_backends

from tests.fuzz import rules
from tests.fuzz.scenarios import Scenario
from tests.support.cases import PHOTOGRAPHERS, ROUTE, SERVICE
from tests.support.environment import clear_route_cache, reset_environment
from tests.support.events import HTTP, REPLAYS, Request
from tests.support.fake_aws import (
    ACCOUNT,
    REGION,
    DynamoFaults,
    FakeAws,
    hash_of,
    renew_clients,
    without_token,
)
from tests.support.fast_moto import fast_moto
from tools.mandrill_sandbox.account import Account
from tools.mandrill_sandbox.server import Sandbox

OPEN = ({"deployed": True, "permissions": ["client", "employee"]}, {"deployed": True})
BEFORE_STEP_3 = ("route-non-existent", "service-not-found", "route-not-found")
THIEF = "thief-token-0123456789abcdef"


@dataclass
class Tally:
    """What was played, and what did not hold: the rule and an event for it."""

    statuses: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    violations: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many responses there were."""
        return self.statuses.total()


@contextmanager
def player() -> Iterator["Player"]:
    """Prepare AWS on moto, a Mandrill account, no pause before a call is tried again."""
    from appointments import clients  # noqa: PLC0415 - after the environment
    from appointments.email import mandrill_client  # noqa: PLC0415 - after the environment
    from appointments.observability import logger  # noqa: PLC0415
    from appointments.settings import SETTINGS  # noqa: PLC0415

    account = Account({"sandbox-key"}, slow=0, search_limit=0)
    handler, out = logger.registered_handler, io.StringIO()
    assert isinstance(handler, logging.StreamHandler)
    with mock_aws(), fast_moto(), Sandbox(0, account) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        renew_clients()
        faults = DynamoFaults(clients.client("dynamodb"))
        url = f"http://127.0.0.1:{server.server_port}"
        stream = handler.setStream(out)
        with (
            patch.object(mandrill_client, "SETTINGS", replace(SETTINGS, mandrill_url=url)),
            patch.object(mandrill_client, "_RETRY_BACKOFF", (0.0, 0.0)),
            patch.object(RetryQuota, "acquire", lambda *_: True),
            patch.object(logging.getLogger(logger.name), "propagate", False),
        ):
            reset_environment()
            yield Player(FakeAws(faults, out), account)
        handler.setStream(stream)
        faults.close()
        server.shutdown()
    renew_clients()


class Player:
    """One AWS in which scenarios are played, one after the other, each from the same state."""

    def __init__(self, aws: FakeAws, account: Account) -> None:
        self.aws, self.account, self.tally = aws, account, Tally()
        self._serialize = TypeSerializer().serialize
        self._deserialize = TypeDeserializer().deserialize
        for number, address in PHOTOGRAPHERS.items():
            self._put("records", {"record": f"user#{number}", "name": "P", "email": address})
        self._put_session(THIEF, {**_thief(), "created_at": int(time.time())})
        self._route = None

    def play(self, scenario: Scenario) -> list[str]:
        """Play a scenario; return what did not hold, and add it to the tally."""
        self._begin(scenario)
        found = list(self._play(scenario))
        self._end(scenario)
        self.tally.violations += found
        return found

    def _play(self, scenario: Scenario) -> Iterator[str]:
        event = HTTP[scenario.way](scenario.request)
        first, broken = self._send(event, scenario.request.id, scenario.way)
        yield from (f"{rule} [first]" for rule in broken)
        if first is None:
            return
        yield from _check_response(scenario, first)
        if first["status"] not in BEFORE_STEP_3 and scenario.strict is not (
            self._headers.get("Preference-Applied") == "handling=strict"
        ):
            yield "Preference-Applied does not go with Prefer"
        yield from self._check_item(scenario, first)
        lines = map(json.loads, self._lines)
        entry = next((line for line in lines if line.get("message") == "request"), None)
        for step in scenario.follow:
            found = self._follow(step, scenario, event, first, entry)
            yield from (f"{rule} [{step}]" for rule in found)
        yield from self._check_end(first)

    def _follow(
        self, step: str, scenario: Scenario, event: Any, first: Any, entry: Any
    ) -> Iterator[str]:
        """Yield what does not hold of what comes after the first response."""
        if step == "repeat":
            again, broken = self._send(event, scenario.request.id, scenario.way)
            yield from broken
            yield from _same(first, again)
        elif step.startswith("replay") and entry:
            chance = scenario.number
            for turn in range(1 + step.endswith("twice")):
                way = list(REPLAYS)[(chance + turn) % len(REPLAYS)]
                again, broken = self._send(REPLAYS[way](entry), scenario.request.id, way)
                yield from broken
                if entry["params"] is None:
                    if again and again["status"] != "no-params-decoded":
                        yield f"a sensitive entry gives {again['status']}"
                elif scenario.has_token:
                    yield from _same(first, again)
        elif step in ("conflict", "thief") and first["saved"] and scenario.route == OPEN[0]:
            token = THIEF if step == "thief" else scenario.token
            params = {**scenario.params, "token": token, "uuid": first["uuid"]}
            if step == "conflict":
                params["notes"] = f"another {scenario.number}"
            else:  # another's token in the thief's text is a text like any other
                params = {name: v for name, v in params.items() if scenario.token not in str(v)}
                params["token"] = THIEF
            sent = Request(params, id="another")
            again, broken = self._send(HTTP["HTTP API"](sent), "another", "HTTP API")
            yield from broken
            found = again and [again["saved"], *(error["param"] for error in again["errors"])]
            if again and (again["status"], found) != ("invalid-param", [False, "uuid"]):
                yield f"gives {again['status']}: {found}"

    def _send(self, event: Any, request_id: str, way: str) -> tuple[Any, list[str]]:
        """Return the body of the response, and the rules of every response that it breaks."""
        self.aws.out.seek(0)
        self.aws.out.truncate()
        began = time.perf_counter()
        try:
            returned = self.aws.invoke(event)
        except Exception as raised:  # noqa: BLE001 - the handler must not raise
            return None, [f"the handler raised {raised!r}"]
        took = time.perf_counter() - began
        self._lines = [line for line in self.aws.out.getvalue().split("\n") if line]
        payloads = returned if isinstance(returned, list) else [returned]
        if len(payloads) != 1:
            return None, [f"{len(payloads)} responses"]
        bodies = [json.loads(payload["body"]) for payload in payloads]
        self._headers = payloads[0]["headers"]
        published = self._published()
        broken = [
            *rules.of_payload(payloads[0], request_id),
            *rules.of_log(self._lines, bodies, is_replay=way in REPLAYS),
            *rules.of_notifications(published, bodies),
            *self._leaks(payloads, published),
        ]
        if took > self.tally.slowest[0]:
            self.tally.slowest = took, request_id
        self.tally.statuses[bodies[0]["status"]] += 1
        self.tally.ways[way] += 1
        self.aws.payloads.clear()
        return bodies[0], broken

    def _check_item(self, scenario: Scenario, first: Any) -> Iterator[str]:
        """Yield what does not hold of the item."""
        items = self._items("appointments")
        if (len(items) == 1) is not (first["saved"] is True):
            yield f"saved {first['saved']}, {len(items)} items"
        if first["saved"] and scenario.expected.stored is not None and items:
            for name, normal in scenario.expected.stored.items():
                value = items[0].get(name)
                if value != normal or isinstance(value, bool) is not isinstance(normal, bool):
                    yield f"{name} is stored as {value!r}, not as {normal!r}"

    def _check_end(self, first: Any) -> Iterator[str]:
        """Yield what does not hold when all is over: one item per key, one email per recipient."""
        items = self._items("appointments")
        if len(items) != bool(first["saved"]):
            yield f"{len(items)} items at the end"
        appointment = first.get("data", {}).get("appointment", {})
        if items and items[0].get("notes") != appointment.get("notes"):
            yield "the stored appointment changed"
        mailed = Counter(to["email"] for mail in self.account.accepted_mail() for to in mail["to"])
        if any(count > 1 for count in mailed.values()):
            yield f"emails: {mailed}"

    def _begin(self, scenario: Scenario) -> None:
        self.aws.tokens = {THIEF, *([scenario.token] if scenario.has_token else [])}
        self._put_session(scenario.token.removeprefix("unknown-"), scenario.session)
        if (scenario.route, scenario.service) != OPEN:
            self._put_records(scenario.route, scenario.service)

    def _end(self, scenario: Scenario) -> None:
        dynamodb_backends[ACCOUNT][REGION].tables["appointments"].items.clear()
        self._delete("sessions", hash_of(scenario.token.removeprefix("unknown-")))
        Item.instances_tracked.clear()  # type: ignore[attr-defined]  # of a base without types
        self.aws.faults.calls.clear()
        self.account.reset()
        self.account.searches.clear()
        if (scenario.route, scenario.service) != OPEN:
            self._put_records(*OPEN)

    def _leaks(self, payloads: Any, published: list[Any]) -> Iterator[str]:
        """Yield the places in which there is a token and must not be."""
        items = dynamodb_backends[ACCOUNT][REGION].tables["appointments"].all_items()
        for place, text in {
            "response": repr([without_token(payload) for payload in payloads]),
            "log": "\n".join(self._lines),
            "items": repr([item.to_json() for item in items]),
            "notifications": repr(published),
        }.items():
            if any(token in text for token in self.aws.tokens):
                yield f"a token is in the {place}"

    def _published(self) -> list[Any]:
        found = self.aws.notifications()
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()
        return found

    def _put_records(self, route: Any, service: Any) -> None:
        for key, record in ((ROUTE, route), (SERVICE, service)):
            if record is None:
                self._delete("records", key)
            else:
                self._put("records", {"record": key, **record})
        clear_route_cache()

    def _put_session(self, token: str, session: dict[str, Any]) -> None:
        self._put("sessions", {"token_hash": hash_of(token), **session})

    def _put(self, table: str, item: dict[str, Any]) -> None:
        raw = {name: self._serialize(value) for name, value in item.items()}
        dynamodb_backends[ACCOUNT][REGION].put_item(table, raw)

    def _delete(self, table: str, key: str) -> None:
        dynamodb_backends[ACCOUNT][REGION].tables[table].items.pop(DynamoType({"S": key}), None)

    def _items(self, table: str) -> list[dict[str, Any]]:
        return [
            {name: self._deserialize(value) for name, value in item.to_json()["Attributes"].items()}
            for item in dynamodb_backends[ACCOUNT][REGION].tables[table].all_items()
        ]


def _thief() -> dict[str, Any]:
    return {
        "uuid": "99999999-0000-4000-8000-000000000000", "kind": "application", "name": "Thief",
        "roles": {"planoauth": "employee", "planoorder": "employee", "planox2": "employee"},
    }  # fmt: skip


def _check_response(scenario: Scenario, first: Any) -> Iterator[str]:
    expected = scenario.expected
    if not expected.status:
        return
    if first["status"] != expected.status:
        yield f"{first['status']} instead of {expected.status}: {first['message'][:200]}"
    elif expected.faults is not None:
        faults = {error["param"] for error in first["errors"]}
        if faults != expected.faults:
            yield f"errors on {sorted(faults)} instead of {sorted(expected.faults)}"
    if expected.stored is not None:
        yield from _of_session(scenario, first)
    missing = expected.warned - {warning["param"] for warning in first["warnings"]}
    if missing:
        yield f"no warning on {sorted(missing)}"


def _of_session(scenario: Scenario, first: Any) -> Iterator[str]:
    """Yield what does not hold of `session` (section 5.5)."""
    view, shown = scenario.expected.view, first.get("session")
    if view is None:
        if shown is not None:
            yield "a session that was not asked for"
        return
    keys = {"token", "uuid", "kind", "remember_me", "created_at", "last_used_at", "expires_at"}
    if not shown or set(shown) != keys | ({"user", "roles"} if view == "full" else set()):
        yield f"session: {shown and sorted(shown)}"
    elif shown["token"] != scenario.token:
        yield "session.token is not the caller's"
    elif (shown["expires_at"] is None) is not (
        scenario.session["kind"] == "application" or scenario.session["remember_me"]
    ):
        yield f"expires_at: {shown['expires_at']}"


def _same(first: Any, again: Any) -> Iterator[str]:
    """Yield what differs between a response and the one to its repeat or replay."""
    if again is None:
        return
    for key in ("status", "code", "uuid", "saved"):
        if first.get(key) != again.get(key):
            yield f"{key}: {first.get(key)}, then {again.get(key)}"
    if first["saved"] and again.get("replayed") is not True:
        yield "not replayed"
    for key in ("errors", "warnings"):
        if [e["param"] for e in first.get(key, ())] != [e["param"] for e in again.get(key, ())]:
            yield f"other {key}"
    if "data" in first and first["data"]["appointment"] != again.get("data", {}).get("appointment"):
        yield "another appointment"
