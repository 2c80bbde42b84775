"""What each call to the outside takes in virtual time, and what an outage makes of it."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from urllib3.exceptions import ConnectTimeoutError as NoConnectionInTime
from urllib3.exceptions import NewConnectionError

from appointments import clients
from appointments.email.mandrill_client import CONNECT_SECONDS
from tests.faults.io_boundary import AnswerT, IoBoundary
from tests.scale.cpu import Cpu
from tests.scale.virtual_time import FOREVER, VirtualTime

MANDRILL_SECONDS: Final = 0.25
AWS_SECONDS: Final = 0.005


class Outage(StrEnum):
    """How a service that is out behaves."""

    REFUSING = "refusing"  # no connection
    HANGING = "hanging"  # connects, and never responds
    CONNECTING = "connecting"  # the connection is never made
    TRICKLING = "trickling"  # responds a byte at a time, without an end
    SLOW = "slow"  # connects and responds just within the time-outs


def service_of(name: str) -> str:
    """Return the service that an effect calls."""
    if "/" in name:
        return "mandrill"
    others = {"Publish": "sns", "GetSecretValue": "secretsmanager", "Invoke": "lambda"}
    return others.get(name, "dynamodb")


@dataclass
class TimedBoundary(IoBoundary):
    """The boundary of the fault campaigns, whose effects take time, and fail during an outage.

    `on_invoke` takes the event of an asynchronous invocation. `out` has the services, or single
    effects, that are out. `answers` are calls that moto does not take. `calls` counts the effects
    by kind of invocation.
    """

    virtual: VirtualTime = None  # type: ignore[assignment] # it has no default
    cpu: Cpu = field(default_factory=Cpu)
    out: dict[str, Outage] = field(default_factory=dict)
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    on_invoke: Callable[[dict[str, Any], bool], None] = lambda *_: None
    calls: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def _send(self, request: Any, **more: Any) -> Any:
        self._call.request = request
        return super()._send(request, **more)

    def _inject(
        self,
        perform: Callable[[], AnswerT],
        refuse: Callable[[], AnswerT],
        lose: Callable[[], AnswerT],
        send_twice: Callable[[], AnswerT],
    ) -> AnswerT:
        del refuse, lose, send_twice
        name, running = self._call.name, self.virtual.running
        if running is None:
            return perform()
        self.calls[running.kind][name] += 1
        self.virtual.wait(self.cpu.seconds(running.kind, name))
        try:
            self._pass(name)
            # botocore's answer, of the calls that moto does not take
            return self._answer(name) if name in self.answers else perform()  # type: ignore[return-value]
        finally:
            self.cpu.resume()

    def _pass(self, name: str) -> None:
        """Let the time of a call pass, or what an outage makes of it."""
        service = service_of(name)
        outage = self.out.get(name) or self.out.get(service)
        if outage is None:
            self.virtual.wait(MANDRILL_SECONDS if service == "mandrill" else AWS_SECONDS)
        elif service == "mandrill":
            self._wait_for_mandrill(outage)
        else:
            self._wait_for_aws(outage)

    def _answer(self, name: str) -> AWSResponse:
        request = self._call.request
        content = self.answers[name](json.loads(request.body))
        status = 202 if name == "Invoke" else 200
        raw = MockRawResponse(json.dumps(content).encode())
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    def _wait_for_mandrill(self, outage: Outage) -> None:
        match outage:
            case Outage.REFUSING:
                raise NewConnectionError(None, "refused")  # type: ignore[arg-type]
            case Outage.CONNECTING:
                self.virtual.wait(CONNECT_SECONDS)
                raise NoConnectionInTime
            case Outage.SLOW:
                self.virtual.wait(CONNECT_SECONDS - 0.1 + 5.5)
            case Outage.HANGING | Outage.TRICKLING:
                self.virtual.wait(FOREVER)  # until the call's own time limit

    def _wait_for_aws(self, outage: Outage) -> None:
        bounded: Any = clients.BOUNDED  # its stubs know none of its options
        connect, read = bounded.connect_timeout, bounded.read_timeout
        url = self._call.request.url
        match outage:
            case Outage.REFUSING:
                raise EndpointConnectionError(endpoint_url=url)
            case Outage.CONNECTING:
                self.virtual.wait(connect)
                raise ConnectTimeoutError(endpoint_url=url)
            case Outage.HANGING:
                self.virtual.wait(read)
                raise ReadTimeoutError(endpoint_url=url)
            case Outage.SLOW:
                self.virtual.wait(connect + read - 0.2)
            case Outage.TRICKLING:
                self.virtual.wait(FOREVER)
