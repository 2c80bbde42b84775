"""The contract's statuses as one closed set (the API document, specification section 2.2)."""

from enum import Enum
from typing import Self


class Status(Enum):
    """A status of the API document; `value` is its name there.

    Each row: the name, the HTTP code, and its marks in the table of specification section 2:
    `retryable` (the same request may be sent again) and `notified` (a notification is published).
    """

    code: int
    retryable: bool
    notified: bool

    def __new__(cls, name: str, code: int, *marks: str) -> Self:
        """Make the name the member's value and read its marks."""
        member = object.__new__(cls)
        member._value_ = name
        member.code = code
        member.retryable = "retryable" in marks
        member.notified = "notified" in marks
        return member

    ACTION_SUCCESSFUL = "action-successful", 200
    INVALID_TOKEN = "invalid-token", 401
    SESSION_EXPIRED = "session-expired", 401
    CLIENT_REQUIRED = "client-required", 401
    MISSING_PARAM = "missing-param", 400
    INVALID_PARAM = "invalid-param", 400
    APPLICATION_CRASH = "application-crash", 500, "retryable", "notified"
    MANDRILL_EMAIL_FAILED = "mandrill-email-failed", 500, "notified"
    INVALID_CONTENT_TYPE = "invalid-content-type", 400
    ROUTE_NON_EXISTENT = "route-non-existent", 500
    NO_PARAMS_DECODED = "no-params-decoded", 400
    INVALID_ENCODED_PARAMS = "invalid-encoded-params", 400
    ROUTE_NOT_FOUND = "route-not-found", 503, "retryable"  # closed
    IDENTIFY_REQUEST_ERROR = "identify-request-error", 500, "retryable", "notified"
    SERVICE_NOT_FOUND = "service-not-found", 503, "retryable"
