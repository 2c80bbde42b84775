"""Create an appointment: the use case, step by step as specification section 1.4 numbers it."""

import threading
import time
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from appointments import idempotency, validation
from appointments.email.circuit import Circuit
from appointments.email.recipients import Users
from appointments.email.sender import Sender
from appointments.email.state import EmailState, RecipientRole, Trigger
from appointments.errors import ApiError, ParamWarning
from appointments.invocation import Invocation
from appointments.observability import log_audit
from appointments.parameters import Parameters
from appointments.request import Request, Source
from appointments.statuses import Status
from appointments.tables import appointments, base, records, routes, sessions
from appointments.tables.appointments import Appointment
from appointments.tables.base import BatchResult, Model
from appointments.tables.keys import CIRCUIT_RECORD, ROUTE_RECORD, SERVICE_RECORD
from appointments.tables.records import Record
from appointments.tables.sessions import Acting, Session
from appointments.time_limit import OutOfTime
from appointments.timestamps import iso_from_epoch

_MAX_MARK_SECONDS: Final = 7.0


class Creation:
    """One request becoming an appointment. A response is made from its attributes alone.

    `saved` is None while it is unknown. `uuid`, `appointment`, `email` and `session` are None until
    they are known. `is_strict` says that the response confirms strict handling. These are for
    operators, and in no response: `is_new` (this request wrote the appointment), `owner`,
    `received_at` (epoch seconds), and `attempt_id`, which belongs to this one processed request
    (section 4.4).
    """

    def __init__(self, source: Source, invocation: Invocation) -> None:
        self.source = source
        self.attempt_id = str(uuid4())
        self.route_known = False
        self.request: Request | None = None
        self.received_at = time.time()
        self.is_strict = False
        self.warnings: list[ParamWarning] = []
        self.uuid: str | None = None
        self.session: dict[str, Any] | None = None
        self.owner: str | None = None
        self.saved: bool | None = False
        self.is_new = False
        self.is_repeat = False
        self.appointment: Appointment | None = None
        self.email: EmailState | None = None
        self._invocation = invocation

    def run(self) -> None:
        """Create the appointment exactly once, and send its email.

        Raises ApiError for every response but a success.
        """
        request = self._parse_request()  # step 1
        parameters = self._read_parameters(request)  # 4 and 5, reported after 2 and 3
        references = {} if isinstance(parameters, ApiError) else records.references_of(parameters)
        route = routes.cached_route()
        found = self._load(request, parameters, references, needs_route=route is None)
        route = route or routes.load_route(found)  # 2
        self.is_strict = request.is_strict
        request.require_media_type(is_sensitive=route.sensitive_params)  # 3
        if isinstance(parameters, ApiError):
            raise parameters
        session = self._authenticate(request, parameters, found)  # 6
        acting = sessions.choose_role(session, parameters.application, route.permissions)
        item = self._build_item(request, parameters, session, acting)
        users = self._users(references, found)
        circuit = Circuit.from_raw(found.raw(Record, CIRCUIT_RECORD))
        sender = Sender(Trigger.REQUEST, self.attempt_id, self._invocation.work_deadline, circuit)
        sender.set_first_state(item, users)
        stored = idempotency.find_repeat_if_references_are_missing(item, references, found)  # 7
        if stored is None:
            stored = self._write(item, request, parameters, session)  # 8
        idempotency.raise_on_conflict(item, stored, request)
        self.saved, self.is_new = True, stored.attempt == self.attempt_id
        self.is_repeat, self.appointment = not self.is_new, stored
        self._send_email(sender, stored, users)  # 9
        if stored.forgotten_at:  # it was erased after it had been read
            self.saved = self.is_repeat = False
            idempotency.raise_if_erased(stored, request)

    def _parse_request(self) -> Request:
        """Return the request, and write its log entry before anything is read from a table."""
        self.source.check_route()
        self.route_known = True
        self.request = request = self.source.parse_request()
        self.received_at = request.received_at
        if request.is_logged:
            log_audit("request", **request.to_log_entry())
        return request

    def _read_parameters(self, request: Request) -> Parameters | ApiError:
        """Return the parameters, or their error, which is reported if the earlier steps pass."""
        if request.error:
            return request.error
        try:
            parameters, self.warnings = validation.read(
                request.params,
                unknown=request.unknown,
                extra_errors=idempotency.key_errors(request),
                redact=request.redact,
                is_strict=request.is_strict,
            )
        except ApiError as error:
            self.warnings = list(error.warnings)
            return error
        return parameters

    def _load(
        self,
        request: Request,
        parameters: Parameters | ApiError,
        references: Mapping[str, str],
        *,
        needs_route: bool,
    ) -> BatchResult:
        """Read all that must be read in one round of reads (section 1.3)."""
        wanted: list[tuple[type[Model], str]] = []
        if needs_route:
            wanted += [(Record, SERVICE_RECORD), (Record, ROUTE_RECORD)]
        if isinstance(parameters, Parameters):
            wanted += [(Record, key) for key in references.values()]
            wanted.append((Record, CIRCUIT_RECORD))
            wanted += [(Session, request.token_hash)] if request.token_hash else []
        try:
            return base.read_batch(wanted, deadline=self._invocation.work_deadline)
        except (BotoCoreError, ClientError, TimeoutError):
            if isinstance(parameters, Parameters):
                self.uuid = idempotency.derive_uuid(request, parameters, owner=None)
            raise

    def _authenticate(
        self, request: Request, parameters: Parameters, found: BatchResult
    ) -> Session:
        """Return the caller's session (section 5); from here on the uuid is known."""
        stored = found.get(Session, request.token_hash or "")
        owner = stored.owner if stored and not stored.revoked else None
        self.uuid = idempotency.derive_uuid(request, parameters, owner)
        session = sessions.authenticate(stored, request.received_at)
        self.owner = session.owner
        if parameters.session_view or not session.role_by_application:
            self._show_session(session, request, parameters)
        sessions.require_roles(session)
        return session

    def _show_session(self, session: Session, request: Request, parameters: Parameters) -> None:
        token = None if self.source.is_replay else request.token
        self.session = session.view(parameters.session_view or "default", token)

    def _build_item(
        self,
        request: Request,
        parameters: Parameters,
        session: Session,
        acting: Acting,
    ) -> Appointment:
        """Return the item to be written, except the email's state."""
        metadata: dict[str, Any] = {
            "uuid": self.uuid,
            "application": acting.application,
            "role": acting.role,
            "request_id": request.id,
            "received_at": iso_from_epoch(request.received_at),
            "user_id": session.user_id,
            "owner": session.owner,
            "fingerprint": parameters.fingerprint,
            "booker_email": session.email,
            "booker_name": session.name,
        }
        return Appointment.from_values(parameters.appointment() | metadata)

    def _users(self, references: Mapping[str, str], found: BatchResult) -> Users:
        """Return the recipients' user records, and warn of one without an address."""
        users = {}
        for role in RecipientRole:
            parameter = role.user_parameter or ""
            user = found.get(Record, references.get(parameter, ""))
            if user:
                users[role.value] = user
                if not (user.email or "").strip():
                    message = f"The {role.value} has no address on record and gets no email."
                    self.warnings.append(ParamWarning(parameter, message))
        return users

    def _write(
        self, item: Appointment, request: Request, parameters: Parameters, session: Session
    ) -> Appointment:
        """Write the item once, mark the session in parallel; return what is in the table."""
        marking = None
        if session.needs_mark(request.received_at) and not self.source.is_replay:
            marking = threading.Thread(
                target=copy_context().run, args=(session.try_mark, request.received_at)
            )
            marking.start()
        try:
            return appointments.write(item)
        except (appointments.WriteOutcomeUnknown, OutOfTime):
            self.saved = None
            raise
        finally:
            if marking:
                marking.join(min(_MAX_MARK_SECONDS, self._invocation.seconds_for_work()))
                if self.session:
                    self._show_session(session, request, parameters)  # as it is after marking

    def _send_email(self, sender: Sender, stored: Appointment, users: Users) -> None:
        if self.is_new:
            self.email = sender.send(stored, users)
        else:
            sender.trigger = Trigger.REPLAY if self.source.is_replay else Trigger.RETRY
            self.email = sender.send(stored)
        if self.email.is_failure:
            raise ApiError(
                Status.MANDRILL_EMAIL_FAILED,
                "The appointment was saved, but its email did not reach every recipient: "
                f"{self.email.reason or self.email.status.value}. It is retried automatically, and "
                "the team is told if that fails. Do not send it again.",
                reason=self.email.failure_reason,
            )
