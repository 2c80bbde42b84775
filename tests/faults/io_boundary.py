"""The outside effects of the function, where botocore and urllib3 send them, and faults there.

Nothing is listed by hand: whatever botocore or urllib3 is about to send is an effect, numbered in
its order within a run. A fault is injected into one effect:

- `die-before`, `die-after`: the process ends before, or after, the effect happened;
- `error-before`: the effect is refused and does not happen;
- `error-after`: the effect happens and its response is lost, and so is every retry's;
- `doubled`: the client sends twice: botocore because the first response was lost, the Mandrill
  adapter because it got 503 (it re-sends nothing that may have been accepted);
- `dropped`, `late`: Lambda accepts an asynchronous invocation, and never invokes the function, or
  only after the schedule's next run.
"""

import io
import json
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeVar
from unittest.mock import patch

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from tests.faults.limits import MAX_KEYS

AnswerT = TypeVar("AnswerT")
INVOKE: Final = "Invoke"
SEND: Final = "messages/send-template"
Transport = Callable[[str, dict[str, Any]], tuple[int, Any]]


class Died(BaseException):
    """The process ended here. No `except Exception` of the function catches it."""


class Kind(StrEnum):
    """What happens to an effect."""

    DIE_BEFORE = "die-before"
    DIE_AFTER = "die-after"
    ERROR_BEFORE = "error-before"
    ERROR_AFTER = "error-after"
    DOUBLED = "doubled"
    DROPPED = "dropped"
    LATE = "late"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: the number of the effect within the run, and what happens to it."""

    at: int
    kind: Kind

    def __str__(self) -> str:
        return f"{self.at}:{self.kind}"

    @classmethod
    def read(cls, text: str) -> "Fault":
        """Read what `str` wrote."""
        at, _, kind = text.partition(":")
        return cls(int(at), Kind(kind))


@dataclass
class IoBoundary:
    """Sees every effect, and injects the faults of the present run.

    `trace` names the run's effects; `standing` faults affect every effect of a name; `gate` is
    called before each effect, may wait, and may number it otherwise; `on_call` is called
    for each AWS call that took place, `on_invoke` with each asynchronous event, late or not.
    """

    mandrill: Transport
    on_call: Callable[[str, Any], None]
    on_invoke: Callable[[dict[str, Any], bool], None]
    faults: dict[int, Kind] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    standing: dict[str, Kind] = field(default_factory=dict)
    gate: Callable[[], int | None] = lambda: None
    _call: threading.local = field(default_factory=threading.local)

    @contextmanager
    def installed(self, session: Any) -> Iterator[None]:
        """Stand between the SDK session's clients (made from now on) or urllib3 and the rest."""
        session.unregister("before-send", botocore_stubber)
        session.register("before-call", self._begin_call)
        session.register("before-send", self._send)
        boundary = self

        def urlopen(_: Any, __: str, url: str, body: bytes, **___: Any) -> urllib3.HTTPResponse:
            return boundary._post(url, body)

        with (
            patch.object(urllib3.HTTPConnectionPool, "urlopen", urlopen),
            # A connection that does not pass through the boundary fails.
            patch("socket.socket.connect", side_effect=AssertionError("an effect unseen")),
            # Each process has a budget of retries; here one process stands for thousands.
            patch.object(RetryQuota, "acquire", lambda _, amount: amount),
            patch("time.sleep", lambda _: None),
        ):
            yield
        session.unregister("before-call", self._begin_call)
        session.unregister("before-send", self._send)
        session.register("before-send", botocore_stubber)

    def _begin(self, name: str) -> None:
        """Give an effect its number, when its turn has come."""
        number = self.gate()
        self._call.number = len(self.trace) if number is None else number
        self._call.name, self._call.attempts = name, 0
        self.trace.append(name)

    def _begin_call(self, model: Any, **_: Any) -> None:
        self._begin(model.name)

    def _send(self, request: Any, **_: Any) -> Any:
        name = self._call.name

        def perform() -> Any:
            if name == INVOKE:
                return self._invoke(request)
            if name == "BatchGetItem" and _key_count(request.body) > MAX_KEYS:
                raise _refusal("ValidationException", name)
            answer = botocore_stubber("before-send", request)
            if answer and answer.status_code < 300:
                self.on_call(name, request.body)
            return answer

        def refuse() -> NoReturn:
            raise _refusal("AccessDeniedException", name)

        def lose() -> NoReturn:
            raise ReadTimeoutError(endpoint_url=request.url)

        def send_twice() -> Any:
            answer = perform()
            if self._call.attempts == 1:
                lose()
            return answer

        return self._inject(perform, refuse, lose, send_twice)

    def _invoke(self, request: Any) -> AWSResponse:
        kind = self.faults.get(self._call.number)
        if kind is not Kind.DROPPED:
            self.on_invoke(json.loads(request.body), kind is Kind.LATE)
        return AWSResponse(request.url, 202, HTTPHeaders(), MockRawResponse(b""))

    def _post(self, url: str, body: bytes) -> urllib3.HTTPResponse:
        path = "/".join(url.split("/")[-2:])
        self._begin(path)

        def answer(status: int, content: Any) -> urllib3.HTTPResponse:
            text = io.BytesIO(json.dumps(content).encode())
            return urllib3.HTTPResponse(text, status=status, preload_content=False)

        def perform() -> urllib3.HTTPResponse:
            return answer(*self.mandrill(path, json.loads(body)))

        def refuse() -> urllib3.HTTPResponse:
            return answer(500, {"status": "error", "code": -1, "name": "GeneralError"})

        def lose() -> NoReturn:
            raise urllib3.exceptions.ReadTimeoutError(None, url, "a fault")  # type: ignore[arg-type]

        def send_twice() -> urllib3.HTTPResponse:
            return answer(503, {"status": "error", "code": -2, "name": "ServiceUnavailable"})

        return self._inject(perform, refuse, lose, send_twice)

    def _inject(
        self,
        perform: Callable[[], AnswerT],
        refuse: Callable[[], AnswerT],
        lose: Callable[[], AnswerT],
        send_twice: Callable[[], AnswerT],
    ) -> AnswerT:
        self._call.attempts += 1
        match self.standing.get(self._call.name) or self.faults.get(self._call.number):
            case Kind.DIE_BEFORE:
                raise Died
            case Kind.DIE_AFTER:
                perform()
                raise Died
            case Kind.ERROR_BEFORE:
                return refuse()
            case Kind.ERROR_AFTER:
                if self._call.attempts == 1:
                    perform()
                return lose()
            case Kind.DOUBLED:
                return send_twice()
        return perform()


def _refusal(code: str, name: str) -> ClientError:
    error = {"Code": code, "Message": "a fault"}
    metadata = {"HTTPStatusCode": 400, "RetryAttempts": 0}
    return ClientError({"Error": error, "ResponseMetadata": metadata}, name)  # type: ignore[typeddict-item]


def _key_count(body: bytes) -> int:
    return sum(len(asked["Keys"]) for asked in json.loads(body)["RequestItems"].values())


def kinds_of(name: str) -> Collection[Kind]:
    """Return the faults of an effect. Of a read, before and after are the same, twice is once."""
    if name.startswith(("Get", "BatchGet", "Query")) or name == "messages/search":
        return (Kind.DIE_BEFORE, Kind.ERROR_BEFORE)
    return [kind for kind in Kind if name == INVOKE or kind not in (Kind.DROPPED, Kind.LATE)]
