"""What callers get: an appointment, its email, a repeat, each failed token, a browser's calls."""

from collections.abc import Mapping
from typing import Final

from appointments.statuses import Status
from appointments_operator.verify.check import Check, CheckFailed
from appointments_operator.verify.verification import Response, Verification

# The origin of a page on a developer's machine. The local stack accepts any such origin.
_LOCAL_ORIGIN: Final = "http://localhost:3000"
_UNKNOWN_TOKEN: Final = "a token that was never issued"  # noqa: S105 - it opens nothing


def _create(verification: Verification) -> str:
    response = verification.create()
    verification.creations.append(response)
    if response.body.get("saved") is not True:
        raise CheckFailed(_describe(response))
    return f"{response.seconds * 1000:.0f} ms"


def _email(verification: Verification) -> str:
    email = _first_creation(verification).body["data"]["email"]
    if email["status"] != "sent":
        raise CheckFailed(f"{email['status']}: {email.get('reason')}")
    return f"sent to {verification.email}"


def _repeat(verification: Verification) -> str:
    response = verification.create(str(_first_creation(verification).body["uuid"]))
    if not (response.body.get("replayed") and response.headers.get("Idempotency-Replayed")):
        raise CheckFailed(_describe(response))
    return "replayed"


def _token(name: str, status: Status) -> Check:
    def look(verification: Verification) -> str:
        response = verification.post(verification.tokens.get(name, _UNKNOWN_TOKEN))
        if response.body.get("status") != status.value:
            raise CheckFailed(_describe(response))
        return f"HTTP {response.code}"

    advice = "Compare the sessions table with section 5 of the specification: who else writes it?"
    return Check(f"a token is refused: {status.value}", look, advice)


def _preflight(verification: Verification) -> str:
    headers = {
        "Origin": _origin(verification),
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key,prefer",
    }
    response = verification.request("OPTIONS", headers)
    if response.code not in {200, 204}:
        raise CheckFailed(f"HTTP {response.code}")
    allowed = response.headers.get("Access-Control-Allow-Headers", "").lower()
    missing = [
        name for name in ("content-type", "idempotency-key", "prefer") if name not in allowed
    ]
    if missing:
        raise CheckFailed(f"not allowed: {', '.join(missing)}")
    return _allowed_origin(verification, response.headers)


def _browser(verification: Verification) -> str:
    response = verification.post(_UNKNOWN_TOKEN, {"Origin": _origin(verification)})
    exposed = response.headers.get("Access-Control-Expose-Headers", "").lower()
    if "x-request-id" not in exposed:
        raise CheckFailed("X-Request-Id is not exposed")
    return _allowed_origin(verification, response.headers)


def _allowed_origin(verification: Verification, headers: Mapping[str, str]) -> str:
    allowed = headers.get("Access-Control-Allow-Origin")
    if allowed not in {_origin(verification), "*"}:
        raise CheckFailed(f"the allowed origin is {allowed}, not {_origin(verification)}")
    return f"for {_origin(verification)}"


def _origin(verification: Verification) -> str:
    """Return an origin that the API allows."""
    if verification.is_local:
        return _LOCAL_ORIGIN
    api = verification.deployment.client("apigatewayv2").get_api(
        ApiId=verification.deployment.output("ApiId")
    )
    origins = api.get("CorsConfiguration", {}).get("AllowOrigins") or []
    if not origins:
        raise CheckFailed("the API allows no origin")
    return str(origins[0]).replace("*", "verification")


def _first_creation(verification: Verification) -> Response:
    if not verification.creations or not verification.creations[0].body.get("saved"):
        raise CheckFailed("there is no appointment")
    return verification.creations[0]


def _describe(response: Response) -> str:
    status, message = response.body.get("status"), response.body.get("message")
    return f"HTTP {response.code}, {status}: {message}"


RESPONSE_CHECKS: Final = (
    Check(
        "an appointment is created",
        _create,
        "The log says why: `admin trace`. Is the route open: `admin route show`?",
    ),
    Check(
        "its email is sent",
        _email,
        "docs/operations.md, chapter Reasons. Is Mandrill's API key in the secret?",
    ),
    Check("the same again is a repeat", _repeat, "docs/operations.md, chapter An alert came."),
    _token("unknown", Status.INVALID_TOKEN),
    _token("expired", Status.SESSION_EXPIRED),
    _token("no role", Status.CLIENT_REQUIRED),
    Check(
        "a browser may ask (preflight)",
        _preflight,
        "Deploy AllowedOrigins again, and see that the API has no other CORS settings.",
    ),
    Check(
        "a browser may read the response",
        _browser,
        "Deploy AllowedOrigins again, and see that the API has no other CORS settings.",
    ),
)
