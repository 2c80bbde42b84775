"""The catalogue of cases: how to reach every status through every way to invoke the function.

It is data alone, so that the tests on moto, the fuzz and the bench use it on the AWS that each
of them makes. It must have the sessions and records of specification sections 11.3 and 11.4.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.support.events import HTTP, JSON, REPLAYS, Request, Way, subscription

# The caller's own key, for what must be the same request or the same appointment.
UUID: Final = "7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"
# Long, so that a request that stays in memory is seen there.
TEXT: Final = "Please ring twice, the dog is friendly. " * 100
SERVICE: Final = "service#appointments"
ROUTE: Final = "route#appointments/create"
SCHEDULE: Final = {"schedule": "owed"}
OPEN: Final = {"deployed": True, "permissions": ["client", "employee", "liaison"]}
# Photographers whose address decides what Mandrill responds (see tools/mandrill_sandbox).
PHOTOGRAPHERS: Final = {
    number: f"photographer@{domain}.test"
    for number, domain in enumerate(
        ("down", "garbage", "invalid", "unpaid", "unavailable", "busy", "empty", "queued"), 601
    )
}
_ITEMS: Final = Path(__file__).parents[1] / "upgrades" / "0.1.0"


@dataclass(frozen=True)
class State:
    """What there must be before the event is sent, beside the seeded sessions and records.

    `records` are put (None: deleted), `items` are appointments in DynamoDB's JSON, `before` are
    events that are sent first. `faults` holds what happens to the next calls of an operation of
    DynamoDB: "refused" (the call does not arrive), "lost" (its response does not), "down" (HTTP
    500), "denied", "throttled".
    """

    records: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    items: tuple[Mapping[str, Any], ...] = ()
    before: tuple[Any, ...] = ()
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One event, the state that it needs, and the status of each response that it must give."""

    event: Any
    statuses: tuple[str, ...]
    state: State = State()


Tokens = Mapping[str, str]
_NOTHING: Final = State()


def cases(tokens: Tokens, received_at: datetime | None = None) -> dict[str, Case]:
    """Return every case by its name, "what it is, the way in".

    `tokens` has a token for each kind of session (section 11.3). The log entries that are replayed
    were received at `received_at`, by default now.
    """
    at = received_at or datetime.now(UTC)
    found: dict[str, Case] = {}
    for name, request, status, state in _requests(tokens):
        for way, wrap in HTTP.items():
            found[f"{name}, {way}"] = _by(wrap, request, status, state)
        if request.is_logged:
            for way, wrap in REPLAYS.items():
                found[f"{name}, {way}"] = _by(_as_replay(wrap, at), request, status, state)
    return {**found, **_others(tokens, at)}


def one_of_each(of: Mapping[str, Case]) -> dict[str, Case]:
    """Return the first case of each status, through the HTTP API."""
    found: dict[str, Case] = {}
    for name, case in of.items():
        if name.endswith(", HTTP API"):
            found.setdefault(case.statuses[0], case)
    return found


def _as_replay(wrap: Callable[[Any], Any], at: datetime) -> Way:
    return lambda request: wrap(request.log_entry(at))


def _by(wrap: Way, request: Request, status: str, state: State) -> Case:
    """Return the case of a request that takes this way in, as do those that are sent before it."""
    before = tuple(wrap(each) if isinstance(each, Request) else each for each in state.before)
    return Case(wrap(request), (status,), replace(state, before=before))


def _requests(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    """Yield each request: what it is, the request, its status, and the state that it needs."""
    yield from _accepted_requests(tokens)
    yield from _repeats(tokens)
    yield from _refused_requests(tokens)
    yield from _undecodable_requests(tokens)
    yield from _failing_requests(tokens)


def _request(token: str | None, **params: Any) -> Request:
    """Return a good request with `params` (`...` leaves one out)."""
    sent = {"token": token, "updated_at_mt": "2026-11-22 10:00:00", "notes": TEXT, **params}
    return Request({name: value for name, value in sent.items() if value is not ...})


def _accepted_requests(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    done = "action-successful"
    plain = _request(tokens["application"], photographer_user_id=503)
    filemaker = _request(
        tokens["application"],
        month_first="1",
        date_start_local="1/5/2027",
        time_start_local="7:30 PM",
        allday="",
        confirmed="1",
        order_id="1001",
        order_request_id=0,
    )
    unknown = dict.fromkeys((f"unknown_{number}" for number in range(30)), "x")
    yield "created", plain, done, _NOTHING
    yield "created as FileMaker sends it", filemaker, done, _NOTHING
    yield "created with warnings", _request(tokens["application"], **unknown), done, _NOTHING
    yield "created with a session", _request(tokens["session"], session_view="full"), done, _NOTHING
    yield "emailed", _request(tokens["session"], photographer_user_id=501), done, _NOTHING
    yield "queued", _with_photographer(tokens, 608), done, _address_of(608)


def _repeats(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    first = _request(tokens["application"], uuid=UUID)
    emailed = _request(tokens["session"], uuid=UUID, photographer_user_id=501)
    keyed = replace(
        _request(tokens["application"]),
        headers={**JSON, "idempotency-key": "key-1"},
    )
    another = replace(keyed, params={**(keyed.params or {}), "notes": "another"})
    failed = _with_photographer(tokens, 601, uuid=UUID)
    other = _request(tokens["application"], uuid=UUID, notes="another")
    yield "repeated", first, "action-successful", State(before=(first,))
    yield "repeated by key", keyed, "action-successful", State(before=(keyed,))
    yield "repeated with an email", emailed, "action-successful", State(before=(emailed,))
    yield (
        *("repeated without success", failed, "mandrill-email-failed"),
        replace(_address_of(601), before=(failed,)),
    )
    yield "a taken uuid", other, "invalid-param", State(before=(first,))
    yield "a taken key", another, "invalid-param", State(before=(keyed,))


def _refused_requests(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    good = tokens["application"]
    wrong = {"date_start_local": "13/45/2026", "confirmed": [TEXT], "order_id": "-1", "uuid": "x"}
    yield "a parameter is missing", _request(good, updated_at_mt=...), "missing-param", _NOTHING
    yield "the token is missing", _request(None), "missing-param", _NOTHING
    yield "parameters are invalid", _request(good, **wrong), "invalid-param", _NOTHING
    yield "a reference is invalid", _request(good, order_id=404), "invalid-param", _NOTHING
    for kind, status in {
        "revoked": "invalid-token",
        "expired": "session-expired",
        "idle": "session-expired",
        "no_roles": "client-required",
    }.items():
        yield f"a session is {kind}", _request(tokens[kind]), status, _NOTHING
    yield "a token is unknown", _request("unknown-token"), "invalid-token", _NOTHING
    liaisons = State(records={ROUTE: {**OPEN, "permissions": ["liaison"]}})
    yield "a role is not permitted", _request(tokens["application"]), "invalid-param", liaisons
    for what, record in (("service", SERVICE), ("route", ROUTE)):
        for state, attributes in (("closed", {"deployed": False}), ("absent", None)):
            needs = State(records={record: attributes})
            yield f"the {what} is {state}", _request(good), f"{what}-not-found", needs


def _undecodable_requests(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    good = json.dumps(_request(tokens["application"]).params)
    encoded = base64.b64encode(good.encode()).decode()
    sensitive = State(records={ROUTE: {**OPEN, "sensitive_params": True}})
    plain = {"Content-Type": "Application/JSON; charset=utf-8"}
    text = {"content-type": "text/plain"}
    bare = Request(raw=good, headers=text)
    requests = {
        "API Gateway's base64": (Request(raw=encoded, is_base64=True), "action-successful"),
        "no such path": (Request(raw=good, path="/"), "route-non-existent"),
        "no such method": (Request(raw=good, method="GET"), "route-non-existent"),
        "no path": (Request(raw=good, path=""), "identify-request-error"),
        "no content type": (Request(raw=good, headers={}), "invalid-content-type"),
        "another content type": (bare, "invalid-content-type"),
        "not base64": (Request(raw=good, is_base64=True), "invalid-encoded-params"),
        "not JSON": (Request(raw=good[:-1]), "invalid-encoded-params"),
        "not UTF-8": (
            Request(raw=base64.b64encode(good.encode()[:-1] + b"\xff").decode(), is_base64=True),
            "invalid-encoded-params",
        ),
        "NaN": (Request(raw=good[:-1] + ', "order_id": NaN}'), "invalid-encoded-params"),
        "too large": (Request(raw=json.dumps({"notes": "x" * 50_000})), "invalid-param"),
        "an empty body": (Request(raw=""), "no-params-decoded"),
        "an array": (Request(raw=json.dumps([TEXT])), "no-params-decoded"),
        "an empty object": (Request(raw="{}"), "no-params-decoded"),
    }
    for name, (request, status) in requests.items():
        yield name, request, status, _NOTHING
    yield (*("sensitive", Request(raw=encoded, headers=text), "action-successful", sensitive),)
    yield "sensitive, not base64", bare, "invalid-encoded-params", sensitive
    yield "sensitive, plain", Request(raw=good, headers=plain), "invalid-content-type", sensitive


def _failing_requests(tokens: Tokens) -> Iterator[tuple[str, Request, str, State]]:
    failed = "mandrill-email-failed"
    yield "rejected", _request(tokens["session"], photographer_user_id=502), failed, _NOTHING
    for number, email in list(PHOTOGRAPHERS.items())[:-1]:
        name = email.partition("@")[2].removesuffix(".test")
        yield f"Mandrill: {name}", _with_photographer(tokens, number), failed, _address_of(number)
    good, crash = _request(tokens["application"], uuid=UUID), "application-crash"
    broken_calls: dict[str, dict[str, tuple[str, ...]]] = {
        "the read fails": {"BatchGetItem": ("down", "down")},
        "the read is denied": {"BatchGetItem": ("denied",)},
        "the write fails": {"PutItem": ("down", "down"), "GetItem": ("refused", "refused")},
        "the write is denied": {"PutItem": ("denied",)},
        "the write's response is lost": {"PutItem": ("lost", "lost"), "GetItem": ("refused",) * 2},
    }
    for name, faults in broken_calls.items():
        yield name, good, crash, State(faults=faults)
    broken = {"user#510": {"name": "Pat", "email": 5}}
    yield (
        *("a record is malformed", _request(tokens["session"], photographer_user_id=510), crash),
        State(records=broken),
    )


def _with_photographer(tokens: Tokens, number: int, **params: Any) -> Request:
    return _request(tokens["application"], photographer_user_id=number, **params)


def _address_of(number: int) -> State:
    return State(records={f"user#{number}": {"name": "Pat", "email": PHOTOGRAPHERS[number]}})


def _others(tokens: Tokens, at: datetime) -> dict[str, Case]:
    """Return what takes a way in of its own: the schedule, broken log entries, unknown events."""
    entry = _request(tokens["application"]).log_entry(at)
    unknown, nothing = "identify-request-error", "no-params-decoded"
    found = {
        "nothing is due, schedule": Case(SCHEDULE, ()),
        "several entries, subscription": Case(
            subscription(json.dumps(entry), "{", '{"message": "response"}', json.dumps(entry)),
            ("action-successful",) * 2,
        ),
        "no entries, subscription": Case(subscription("START", '{"message": "response"}'), ()),
        "not gzip, subscription": Case({"awslogs": {"data": TEXT}}, (unknown,)),
    }
    for form in ("failed", "unanswered", "unpublished", "given_up", "result_not_saved"):
        item = json.loads((_ITEMS / f"{form}.json").read_text())["item"]
        overdue = {name: {"N": "1"} for name in ("due", "lease_until") if name in item}
        records = {**_address_of(601).records, **_address_of(602).records}
        found[f"{form}, schedule"] = Case(SCHEDULE, (), State(records, ({**item, **overdue},)))
    broken = {
        "a sensitive entry": ({**entry, "params": None}, nothing),
        "an entry without an id": ({**entry, "request_id": None}, unknown),
        "an entry with a wrong uuid": ({**entry, "uuid": "x"}, unknown),
        "an entry without its time": ({**entry, "received_at": "now"}, unknown),
    }
    for name, (given, status) in broken.items():
        for way, wrap in REPLAYS.items():
            found[f"{name}, {way}"] = Case(wrap(given), (status,))
    for name, event in {
        "null": None,
        "a text": TEXT,
        "a number": 5,
        "a list": [entry],
        "an empty object": {},
        "another service's": {"Records": [{"eventSource": "aws:s3", "s3": {"object": TEXT}}]},
        "another schedule's": {"schedule": "other"},
    }.items():
        found[f"{name}, unknown event"] = Case(event, (unknown,))
    return found
