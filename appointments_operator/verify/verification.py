"""What a verification creates for itself: tokens, a user with an address, appointments.

All of it is deleted at the end, also after a failure. The sessions also expire by themselves.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3
from boto3.dynamodb.conditions import Attr

from appointments.names import PATH
from appointments.tables.keys import ROUTE_RECORD, hash_token
from appointments_operator import items, tokens
from appointments_operator.deployment import Deployment
from appointments_operator.local_env import base_url
from appointments_operator.verify.check import CheckFailed

_APPLICATION: Final = "planoorder"
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})
# The function responds within its 29 seconds.
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=35)


@dataclass(frozen=True)
class Response:
    """A response of the API: HTTP status, headers, the object in the body, and seconds."""

    code: int
    headers: Mapping[str, str]
    body: dict[str, Any]
    seconds: float


@dataclass
class Verification:
    """One verification of a deployment; `email` is where its emails go.

    `tokens` has three tokens by name: `good`, `expired` and `no role`. `creations` are the
    responses to the requests that create an appointment.
    """

    deployment: Deployment
    email: str
    user_id: int = field(default_factory=lambda: 10**15 + secrets.randbelow(10**15))
    tokens: dict[str, str] = field(default_factory=dict)
    creations: list[Response] = field(default_factory=list)
    _uuids: list[str] = field(default_factory=list)

    @cached_property
    def is_local(self) -> bool:
        """Whether the deployment is a local stack."""
        return self._endpoint.hostname in _LOCAL_HOSTS

    @cached_property
    def api_url(self) -> str:
        """The base URL of the API."""
        if self.is_local:
            return base_url(self._endpoint.geturl(), self.deployment.output("ApiId"))
        return self.deployment.output("ApiUrl")

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment variables of the function."""
        configuration = self.deployment.lambda_client.get_function_configuration(
            FunctionName=self.deployment.function
        )
        variables: dict[str, str] = configuration["Environment"]["Variables"]
        return variables

    def create(self, uuid: str | None = None) -> Response:
        """Create an appointment whose photographer gets an email."""
        uuid = uuid or str(uuid4())
        self._uuids.append(uuid)
        return self.post(
            self.tokens["good"],
            uuid=uuid,
            photographer_user_id=self.user_id,
            summary="A verification of the deployment. It is deleted at once.",
        )

    def post(self, token: str, headers: Mapping[str, str] | None = None, **given: Any) -> Response:
        """Send a request with this token."""
        body = {"token": token, "updated_at_mt": time.strftime("%Y-%m-%d %H:%M:%S"), **given}
        return self.request("POST", {"Content-Type": "application/json", **(headers or {})}, body)

    def request(self, method: str, headers: Mapping[str, str], body: Any = None) -> Response:
        """Send a request to the endpoint. Raises CheckFailed if no response came."""
        began = time.monotonic()
        try:
            response = urllib3.request(
                method,
                self.api_url + PATH,
                headers=dict(headers),
                body=None if body is None else json.dumps(body),
                timeout=_TIMEOUT,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as failed:
            raise CheckFailed(f"no response from {self.api_url}: {failed}") from failed
        seconds = time.monotonic() - began
        try:
            content = json.loads(response.data) if response.data else {}
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise CheckFailed(f"HTTP {response.status} without a response of this API")
        return Response(response.status, response.headers, content, seconds)

    def prepare(self) -> None:
        """Create the tokens and the user record."""
        self._put_session("good")
        self._put_session("expired", created_at=int(time.time()) - 8 * _DAY)
        self._put_session("no role", roles={})
        self.deployment.table("RecordsTable").put_item(
            Item={"record": self._user_record, "name": "Verification", "email": self.email},
            ConditionExpression=Attr("record").not_exists(),
        )

    def clean_up(self) -> None:
        """Delete all that it created. After an error it deletes the rest, then raises the error."""
        sessions = self.deployment.table("SessionsTable")
        keys = [(sessions, {"token_hash": hash_token(token)}) for token in self.tokens.values()]
        keys.append((self.deployment.table("RecordsTable"), {"record": self._user_record}))
        appointments = self.deployment.table("AppointmentsTable")
        keys += [(appointments, {"uuid": uuid}) for uuid in self._uuids]
        errors = []
        for table, key in keys:
            try:
                table.delete_item(Key=key)
            except Exception as failed:  # noqa: BLE001 - raised again below
                errors.append(failed)
        if errors:
            raise errors[0]

    @property
    def _user_record(self) -> str:
        return f"user#{self.user_id}"

    @cached_property
    def _endpoint(self) -> Any:
        return urlsplit(self.deployment.client("lambda").meta.endpoint_url)

    def _put_session(self, name: str, **given: Any) -> None:
        self.tokens[name] = tokens.new_token()
        attributes = {
            "kind": "session",
            "user_id": self.user_id,
            "name": "Verification",
            "roles": {_APPLICATION: self._role},
            "ttl": int(time.time()) + _HOUR,
        }
        tokens.put_session(self.deployment, self.tokens[name], **attributes | given)

    @cached_property
    def _role(self) -> str:
        """A role that may use the route. If there is none, any will do: the first check fails."""
        route = items.get(self.deployment.table("RecordsTable"), {"record": ROUTE_RECORD})
        return str(next(iter(route.get("permissions") or ["employee"])))


@contextmanager
def start_verification(deployment: Deployment, email: str) -> Iterator[Verification]:
    """Prepare a verification; clean up at the end of the block."""
    verification = Verification(deployment, email)
    try:
        verification.prepare()
        yield verification
    finally:
        verification.clean_up()
