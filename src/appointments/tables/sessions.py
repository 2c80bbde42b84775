"""Sessions: to whom a token belongs, whether it is valid, and in which role it acts."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pynamodb.attributes import (
    BooleanAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import PynamoDBException

from appointments.errors import ApiError, ParamError
from appointments.observability import logger
from appointments.settings import SETTINGS
from appointments.statuses import Status
from appointments.tables.base import Model
from appointments.timestamps import iso_from_epoch

HOUR: Final = 3600
DAY: Final = 24 * HOUR
MAX_AGE: Final = 7 * DAY
MAX_IDLE: Final = 72 * HOUR
# The minimum number of seconds between two marks of a session as used.
MARK_INTERVAL: Final = 300


class Acting(NamedTuple):
    """The application and the role that a request acts in."""

    application: str
    role: str


class Session(Model):
    """An item of the sessions table (specification section 5). Times are epoch seconds."""

    class Meta:
        table_name = SETTINGS.sessions_table

    token_hash = UnicodeAttribute(hash_key=True)
    uuid = UnicodeAttribute()
    kind = UnicodeAttribute()
    user_id = NumberAttribute(null=True)
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    roles: MapAttribute[str, str] = MapAttribute(null=True)
    remember_me = BooleanAttribute(null=True)
    created_at = NumberAttribute(null=True)
    last_used_at = NumberAttribute(null=True)
    revoked = BooleanAttribute(null=True)

    @property
    def role_by_application(self) -> dict[str, str]:
        """The roles as a plain dict: application slug to role."""
        return self.roles.as_dict() if self.roles else {}

    @property
    def owner(self) -> str:
        """Whose appointments this session creates: the user, or the application's session."""
        return f"user#{int(self.user_id)}" if self.user_id is not None else f"session#{self.uuid}"

    @property
    def expires_at(self) -> float | None:
        """When it ends if it is not used again, epoch seconds; None if it never ends."""
        if self.kind == "application" or self.remember_me:
            return None
        return min((self.created_at or 0) + MAX_AGE, (self.last_used_at or 0) + MAX_IDLE)

    def needs_mark(self, now: float) -> bool:
        """Whether to mark this use; never for an application, whose token would be a hot key."""
        return self.kind != "application" and (self.last_used_at or 0) <= now - MARK_INTERVAL

    def mark(self, now: float) -> None:
        """Mark the session as used at `now`, unless it was deleted or marked meanwhile.

        Raises PynamoDB's UpdateError. Afterwards this object shows what is stored.
        """
        self.update(
            actions=[Session.last_used_at.set(int(now))],
            condition=Session.token_hash.exists()
            & (
                Session.last_used_at.does_not_exist()
                | (Session.last_used_at <= int(now) - MARK_INTERVAL)
            ),
        )

    def try_mark(self, now: float) -> None:
        """Mark the session as used; a failure is logged and changes nothing (section 5.4)."""
        try:
            self.mark(now)
        except PynamoDBException as failed:
            logger.warning("session not marked as used", reason=type(failed).__name__)

    def view(self, view: str, token: str | None) -> dict[str, Any]:
        """Return the `session` object of a response, in the view `default` or `full`."""
        shown: dict[str, Any] = {
            "token": token,
            "uuid": self.uuid,
            "kind": self.kind,
            "remember_me": bool(self.remember_me),
            "created_at": _iso(self.created_at),
            "last_used_at": _iso(self.last_used_at),
            "expires_at": _iso(self.expires_at),
        }
        if view == "full":
            user_id = None if self.user_id is None else int(self.user_id)
            shown["user"] = {"id": user_id, "name": self.name, "email": self.email}
            shown["roles"] = self.role_by_application
        return shown


def authenticate(session: Session | None, at: float) -> Session:
    """Return the session if its token is valid at `at` (epoch seconds).

    Raises ApiError with invalid-token or session-expired.
    """
    if session is None or session.revoked:
        raise ApiError(
            Status.INVALID_TOKEN,
            "Nothing was saved. The token is not valid. Send the token of a session that is signed "
            "in; an application sends the token that it was given.",
        )
    if session.expires_at is not None and session.expires_at < at:
        raise ApiError(
            Status.SESSION_EXPIRED,
            f"Nothing was saved. The session is older than {MAX_AGE // DAY} days or was not "
            f"used for {MAX_IDLE // HOUR} hours. Sign in again and send the new token.",
        )
    return session


def require_roles(session: Session) -> None:
    """Raise ApiError with client-required if the user has no role at all."""
    if not session.role_by_application:
        raise ApiError(
            Status.CLIENT_REQUIRED,
            "Nothing was saved. The user has no client, employee or liaison record: register as a "
            "client (/api/v1/users/client_register), then send the request again.",
        )


def choose_role(session: Session, application: str | None, permissions: Sequence[str]) -> Acting:
    """Return the application and the role that the request acts in (section 5.3).

    Without an `application`, the first by name whose role is permitted. Raises ApiError with
    invalid-param on `application`.
    """
    roles = session.role_by_application
    names = [application] if application else sorted(roles)
    for name in names:
        if roles.get(name) in permissions:
            return Acting(name, roles[name])
    if application is None:
        message = "None of your roles may create appointments."
    elif application in roles:
        message = f"Your role in {application}, {roles[application]}, may not create appointments."
    else:
        message = f"You have no role in {application}; you have one in {', '.join(sorted(roles))}."
    raise ApiError.from_errors(
        [ParamError("application", Status.INVALID_PARAM, message, application)]
    )


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso_from_epoch(seconds, "seconds")
