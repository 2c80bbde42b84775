"""Scenarios: a request of any shape, what section 1 must make of it, and what comes after it.

Everything follows from a seed and a number, so that one scenario can be played again alone.
"""

import base64
import csv
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fuzz.values import ABSENT, BAD, MASKED, Sent, Values
from tests.support.events import PATH, Request

CONTRACT: Final = Path(__file__).parents[2] / "docs" / "contract" / "parameters.csv"
with CONTRACT.open(encoding="utf-8", newline="") as _rows:
    PARAMETERS: Final = {row["name"]: row for row in csv.DictReader(_rows)}
REFERENCES: Final = {
    "order_id": ("order", 1001),
    "order_request_id": ("order_request", 2001),
    "order_request_appt_id": ("order_request_appt", 3001),
    "photographer_user_id": ("user", 503),
}
NOT_STORED: Final = frozenset({"token", "session_view", "month_first"})
LIMIT: Final = 48 * 1024
DAY: Final = 86_400
# Photographers, with what becomes of the email to them: accepted, refused, not known.
USERS: Final = {501: True, 502: False, 503: None, 601: False, 602: False}
UNKNOWN: Final = ("Token", "date_strat_local", "orderId", "x", "", "__proto__", "notes ", "é" * 40)


@dataclass(frozen=True)
class Expected:
    """What the response must be: the status, and what is known of the rest.

    Without a status, any will do: the specification leaves it open.
    """

    status: str
    faults: frozenset[str] | None = None
    stored: Mapping[str, Any] | None = None
    warned: frozenset[str] = frozenset()
    view: str | None = None


@dataclass
class Scenario:
    """A request with the state that it needs; `follow` are the names of what comes after it."""

    number: int
    request: Request
    way: str
    expected: Expected
    token: str
    session: dict[str, Any]
    route: dict[str, Any] | None
    service: dict[str, Any] | None
    params: dict[str, Any]
    follow: tuple[str, ...] = ()
    # Without one, or with one that is no text, nothing says which other text is a token; and the
    # log entry of one that is no text can only say that there was none.
    has_token: bool = True
    strict: bool = False


def scenario(seed: int, number: int, now: float) -> Scenario:
    """Return the scenario of this number; `now` is the time that its session's ages refer to."""
    return _Maker(random.Random(f"{seed}/{number}"), number, now).make()  # noqa: S311 - no secret


class _Maker:
    def __init__(self, chance: random.Random, number: int, now: float) -> None:
        self.chance, self.number, self.now = chance, number, now
        self.token = f"fuzz-token-{number:08}-{chance.getrandbits(64):016x}"
        self.sensitive = self._now_and_then(0.08)
        self.month_first = self._now_and_then(0.4)
        self.bad = chance.choice((0.0, 0.0, 0.01, 0.03, 0.2))
        self.values = Values(chance, month_first=self.month_first, bad=self.bad)

    def make(self) -> Scenario:
        """Draw every part, and judge the whole in the order of the steps."""
        sent = self._parameters()
        self.key, self.is_key_good = self._idempotency_key()
        self.strict, self.unknown = self._now_and_then(0.15), set[str]()
        session, session_status = self._session()
        route, service, closed = self._records()
        params = {name: each.value for name, each in sent.items()}
        body, decoding = self._body(params)
        headers, type_status = self._headers()
        if self.strict:
            preference = (
                "handling=strict",
                "handling=strict, wait=5",
                "respond-async,handling=strict",
            )
            headers[self.chance.choice(("Prefer", "prefer"))] = self.chance.choice(preference)
        elif self._now_and_then(0.05):
            headers["prefer"] = self.chance.choice(("handling=lenient", "return=minimal"))
        if self.key is not None:
            headers[self.chance.choice(("Idempotency-Key", "idempotency-key"))] = self.key
        request = Request(
            raw=body[0], headers=headers, is_base64=body[1], id=f"fuzz-{self.number}",
            method=self.chance.choice(("POST", "POST", "post", "Post")),
            path=PATH + self.chance.choice(("", "", "/")),
        )  # fmt: skip
        unroutable = self._now_and_then(0.01)
        if unroutable:
            request = Request(raw=body[0], method=self.chance.choice(("GET", "PUT", "OPTIONS")))
        expected = (
            Expected("route-non-existent")
            if unroutable
            else closed
            or type_status
            or decoding
            or self._params_status(sent)
            or session_status
            or self._role_status(session, route, sent)
            or self._reference_status(sent)
            or self._outcome(session, sent)
        )
        follow = self.chance.choices(
            ("", "repeat", "conflict", "replay", "replay twice", "thief"), (6, 3, 1, 3, 1, 1)
        )
        return Scenario(
            self.number, request, self.chance.choice(("HTTP API", "HTTP API", "REST API")),
            expected, self.token, session, route, service, params,
            tuple(each for each in follow if each),
            sent["token"].normal not in (ABSENT, BAD), self.strict,
        )  # fmt: skip

    def _now_and_then(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _idempotency_key(self) -> tuple[str | None, bool]:
        if not self._now_and_then(0.2):
            return None, True
        if self._now_and_then(0.1):
            return "k" * 256, False
        key = f"key {self.number}"
        return self.chance.choice((key, f'"{key}"', "k" * 255, "", "  ", f"{self.token}")), True

    def _parameters(self) -> dict[str, Sent]:
        names = [name for name in PARAMETERS if name not in ("token", "updated_at_mt")]
        chosen = self.chance.sample(names, self.chance.choice((0, 1, 3, 8, 20, 49)))
        sent = {name: self._parameter(name) for name in chosen if name != "month_first"}
        if self.month_first:
            word = self.values.chance.choice((True, "1", 1, "yes", "TRUE"))
            sent["month_first"] = Sent(word, True)
        elif self._now_and_then(self.bad):
            sent["month_first"] = Sent("perhaps", BAD)
        sent["token"] = self._token()
        if self._now_and_then(0.03):
            sent["location"] = Sent(f"see {self.token}!", MASKED)
        stamp = self.values.of("string", "updated_at_mt")
        sent["updated_at_mt"] = stamp if self._now_and_then(0.5) else Sent("now", "now")
        items = list(sent.items())
        self.chance.shuffle(items)
        return dict(items)

    def _parameter(self, name: str) -> Sent:
        values, chance = self.values, self.chance
        allowed = (PARAMETERS[name]["values"] or PARAMETERS[name]["settled_values"]).split()
        if name == "uuid":
            return values.uuid()
        if allowed:
            if self._now_and_then(self.bad):
                return Sent(chance.choice(("planox3", "Default", 5, [])), BAD)
            value = chance.choice(allowed)
            return Sent(chance.choice((value, f" {value} ")), value)
        if name in REFERENCES:
            return self._reference(name)
        return values.of(PARAMETERS[name]["type"], name)

    def _reference(self, name: str) -> Sent:
        chance = self.chance
        number = REFERENCES[name][1]
        if name == "photographer_user_id":
            number = chance.choice(list(USERS))
        if self._now_and_then(0.05):
            return Sent(0, ABSENT)
        if self._now_and_then(self.bad / 2):
            return Sent(999_999, 999_999)
        if self._now_and_then(self.bad / 2):
            return Sent(chance.choice((-1, "x", 1.5, True)), BAD)
        return Sent(chance.choice((number, str(number), float(number))), number)

    def _token(self) -> Sent:
        if self._now_and_then(0.02):
            return Sent(self.chance.choice((None, "", "  ")), ABSENT)
        if self._now_and_then(0.01):
            return Sent(self.chance.choice((True, [self.token], {"token": self.token})), BAD)
        if self._now_and_then(0.02):
            self.token = f"unknown-{self.token}"
        return Sent(self.chance.choice((self.token, self.token, f" {self.token}\n")), self.token)

    def _session(self) -> tuple[dict[str, Any], Expected | None]:
        chance, now = self.chance, int(self.now)
        age, idle = chance.choice((60, 6 * DAY, 7 * DAY - 50)), chance.choice((30, 3600, 2 * DAY))
        status = None
        session: dict[str, Any] = {
            "uuid": f"{self.number:08}-0000-4000-8000-000000000000",
            "kind": chance.choice(("session", "session", "application")),
            "user_id": 45, "name": "Bo Booker", "remember_me": self._now_and_then(0.2),
            "roles": {"planoorder": "client", "planox2": "employee"},
            "created_at": now - age, "last_used_at": now - min(age, idle),
        }  # fmt: skip
        if session["kind"] == "session" and self._now_and_then(0.4):
            session["email"] = chance.choice(("booker@planomatic.test", "b@rejected.test"))
        draw = chance.random()
        if draw < 0.01:
            session["revoked"], status = True, "invalid-token"
        elif draw < 0.03:
            key, back = chance.choice(
                (("created_at", 7 * DAY + 50), ("last_used_at", 3 * DAY + 50))
            )
            session[key] = now - back
            if session["kind"] == "session" and not session["remember_me"]:
                status = "session-expired"
        elif draw < 0.05:
            session["roles"], status = {}, "client-required"
        if session["kind"] == "application":
            del session["user_id"]
        if self._now_and_then(0.01):  # what another service wrote may have any type
            name = chance.choice(("roles", "kind", "user_id", "name", "created_at", "remember_me"))
            session[name], status = chance.choice((5, "text", ["x"], {"a": 1}, True)), ""
        if self.token.startswith("unknown-"):
            status = "invalid-token"
        return session, None if status is None else Expected(status)

    def _records(self) -> tuple[Any, Any, Expected | None]:
        route: dict[str, Any] = {"deployed": True, "permissions": ["client", "employee"]}
        if self._now_and_then(0.005):
            route["permissions"] = self.chance.choice(("client", 5, {"client": True}))
            return route, {"deployed": True}, Expected("")
        if self._now_and_then(0.03):
            route["permissions"] = self.chance.choice((["liaison"], ["employee"], []))
        if self.sensitive:
            route["sensitive_params"] = True
        service: dict[str, Any] | None = {"deployed": True}
        draw = self.chance.random()
        if draw < 0.01:
            return (
                route,
                self.chance.choice((None, {"deployed": False}, {})),
                Expected("service-not-found"),
            )
        if draw < 0.02:
            closed: Any = self.chance.choice(
                (None, {**route, "deployed": False}, {"permissions": []})
            )
            return closed, service, Expected("route-not-found")
        return route, service, None

    def _headers(self) -> tuple[dict[str, Any], Expected | None]:
        chance = self.chance
        media = "text/plain" if self.sensitive else "application/json"
        name = chance.choice(("content-type", "Content-Type", "CONTENT-TYPE", "cOnTeNt-TyPe"))
        value = chance.choice((media, media.upper(), f"{media}; charset=UTF-8", f"{media};a=b"))
        headers: dict[str, Any] = {name: value, "user-agent": chance.choice(("FileMaker", "curl"))}
        status = None
        draw = chance.random()
        if draw < 0.005:
            del headers[name]
            status = "invalid-content-type"
        elif draw < 0.02:
            other = ("text/plain", "application/json")[self.sensitive]
            form = "application/x-www-form-urlencoded"
            headers[name] = chance.choice((other, form, f"{media}, {other}", "", ";", f"{media}x"))
            status = "invalid-content-type"
        elif draw < 0.03:
            headers[name] = f"{media}, {media}"
        elif draw < 0.04:
            headers["x-forwarded-for"] = None
        elif draw < 0.05:
            headers["Content-Encoding"] = "identity"
        elif draw < 0.06:
            headers["content-encoding"] = chance.choice(("gzip", "br"))
            status = "invalid-content-type"
        return headers, status and Expected(status)  # type: ignore[return-value]

    def _body(self, params: dict[str, Any]) -> tuple[tuple[Any, bool], Expected | None]:
        chance = self.chance
        sent: dict[str, Any] = dict(params)
        if self._now_and_then(0.15):
            for _ in range(chance.choice((1, 2, 25))):
                name = chance.choice((*UNKNOWN, self.token)) + chance.choice(("", "", "7", "_9"))
                if name not in PARAMETERS:
                    self.unknown.add(name)
                    sent[name] = chance.choice(("x", 5, None, [self.token], {"a": [1]}, ""))
        text = json.dumps(
            sent,
            ensure_ascii=self._now_and_then(0.5),
            indent=chance.choice((None, None, 2)),
            separators=chance.choice((None, (",", ":"))),
        )
        raw, status = text.encode("utf-8", "surrogatepass"), None
        draw = chance.random()
        if draw < 0.02:
            raw = self._undecodable(text)
            # Which comes first of the two errors of step 4, the specification leaves open.
            status = "invalid-encoded-params" if len(raw) <= LIMIT else ""
            return self._carry(raw), Expected(status)
        if draw < 0.03:
            raw = chance.choice((b"", b"null", b"[]", b'["x"]', b"5", b'"text"', b"{}", b" \r\n"))
            status = "no-params-decoded"
        elif draw < 0.04:
            raw += b" " * (LIMIT + 1 - len(raw)) if len(raw) <= LIMIT else b""
            expected = Expected("invalid-param", frozenset({"body"}))
            return self._carry(raw), expected
        elif draw < 0.06:
            raw = b"\xef\xbb\xbf" + raw
        elif draw < 0.08 and len(raw) < LIMIT:
            raw += b"\n" * (LIMIT - len(raw))
        elif draw < 0.10:  # the last of two values counts
            raw = b'{"notes": 5, "token": [], ' + raw[1:] if "notes" in sent else raw
        if status is None and len(raw) > LIMIT:
            return self._carry(raw), Expected("invalid-param", frozenset({"body"}))
        carried = self._carry(raw)
        if status is None and self._now_and_then(0.01):
            broken = chance.choice(("!!!", "QUI", "é", "-_8=", "QUJD=", "QUJD===", "QUI=="))
            if self.sensitive or carried[1]:
                return (broken, carried[1]), Expected("invalid-encoded-params")
        return carried, status and Expected(status)  # type: ignore[return-value]

    def _undecodable(self, text: str) -> bytes:
        broken = (
            *(text[:-1], text + "}", text[:-1] + ",}", text.replace('"', "'"), text + text),
            *(text[:-1] + ', "a": NaN}', text[:-1] + ', "a": -Infinity}', "{" + text),
            *(text[:-1] + ', "a": "\\ud800"}', text[:-1] + ', "a": "x\ny"}', "// x\n" + text),
            *("[" * 5000, '{"a":' * 5000, text[:-1] + ', "a": ' + "9" * 6000 + "}"),
        )
        raw = self.chance.choice(broken).encode()
        return raw if self._now_and_then(0.8) else text.encode("utf-16")

    def _carry(self, raw: bytes) -> tuple[Any, bool]:
        chance = self.chance
        if self.sensitive:
            encoded = base64.b64encode(raw).decode()
            if self._now_and_then(0.5):  # as FileMaker's Base64Encode does
                end = chance.choice(("\r\n", "\r", "\n"))
                encoded = end.join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
            raw = encoded.encode()
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = ""
        if (not text and raw) or self._now_and_then(0.2):
            return base64.b64encode(raw).decode(), True
        return text, False

    def _params_status(self, sent: dict[str, Sent]) -> Expected | None:
        missing = {name for name in ("token", "updated_at_mt") if sent[name].normal == ABSENT}
        bad = {name for name, each in sent.items() if each.normal == BAD}
        if self.strict:
            bad |= self.unknown
        if not self.is_key_good and sent.get("uuid", Sent(None, ABSENT)).normal == ABSENT:
            bad.add("Idempotency-Key")
        if "month_first" in bad:
            bad -= {n for n in bad if PARAMETERS.get(n, {}).get("type") in ("date", "datetime")}
        if not missing | bad:
            return None
        # Of many unknown names some are listed, and a name that holds the token is masked.
        is_listed = len(self.unknown) <= 20 and not any(self.token in name for name in self.unknown)
        is_open = "month_first" in bad or (self.strict and not is_listed)
        faults = None if is_open else frozenset(missing | bad)
        return Expected("missing-param" if missing else "invalid-param", faults)

    def _role_status(self, session: Any, route: Any, sent: dict[str, Sent]) -> Expected | None:
        wanted = sent.get("application")
        roles, permitted = session["roles"], route["permissions"]
        self.application = (
            wanted.normal
            if wanted and wanted.normal not in (ABSENT, BAD)
            else next((one for one in sorted(roles) if roles[one] in permitted), None)
        )
        if roles.get(self.application) in permitted:
            return None
        return Expected("invalid-param", frozenset({"application"}))

    def _reference_status(self, sent: dict[str, Sent]) -> Expected | None:
        gone = {
            name for name, each in sent.items() if name in REFERENCES and each.normal == 999_999
        }
        return Expected("invalid-param", frozenset(gone)) if gone else None

    def _outcome(self, session: dict[str, Any], sent: dict[str, Sent]) -> Expected:
        stored = {
            name: each.normal
            for name, each in sent.items()
            if name not in NOT_STORED and each.normal not in (ABSENT, MASKED)
        }
        photographer = sent.get("photographer_user_id", Sent(None, ABSENT)).normal
        mailed = [USERS.get(photographer), {"b@rejected.test": False}.get(
            session.get("email", ""), True if "email" in session else None
        )]  # fmt: skip
        status = "mandrill-email-failed" if False in mailed else "action-successful"
        damaged = {name for name, each in stored.items() if "\ufffd" in str(each)}
        stored["application"] = self.application
        view = sent.get("session_view", Sent(None, ABSENT)).normal
        return Expected(status, None, stored, frozenset(damaged), None if view == ABSENT else view)
