"""The pages about the service as a whole: what is owed, and its health."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from starlette.requests import Request
from starlette.responses import Response

from appointments_operator import pending, records
from appointments_operator.owed import facts_of
from appointments_operator.story_entries import as_uuid
from appointments_operator.web import actions, health
from appointments_operator.web.site import Site

_MAX_PENDING: Final = 500


def owed_page(site: Site, _: Request, __: dict[str, str]) -> Response:
    """Show what is pending, since when, why, and when it is tried next."""
    found: list[dict[str, Any]] = []
    for item in pending.pending_items(site.deployment.table("AppointmentsTable")):
        found.append({**facts_of(item), "received_at": item.get("received_at")})
        if len(found) >= _MAX_PENDING:
            break
    found.sort(key=lambda facts: str(facts["due"]))
    return site.html("owed.html", found=found, limit=_MAX_PENDING)


def settle(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Send what is pending now: one, or all."""
    uuid = as_uuid(form.get("uuid", ""))
    if uuid is None and form.get("what") != "all":
        raise click.ClickException("Say which appointment.")
    result = actions.settle(site.deployment, [uuid] if uuid else [], run="run" in form)
    return site.result(result, request, form)


def health_page(site: Site, _: Request, __: dict[str, str]) -> Response:
    """Show the switches, the circuit breaker and the oldest pending item."""
    switches = health.switches(site.deployment)
    return site.html(
        "health.html",
        switches=switches,
        malformed=[
            sentence
            for key, record in switches.items()
            for sentence in records.type_errors(key, record)
        ],
        circuit=health.circuit(site.deployment),
        oldest=health.oldest_pending(site.deployment),
        roles=actions.ROLES,
        closed_since=(datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds"),
    )


def plots(site: Site, _: Request, __: dict[str, str]) -> Response:
    """Return the responses by status, as small plots."""
    now = datetime.now(UTC)
    counts = site.counts.read(site.deployment, now)
    return site.html(
        "_plots.html",
        counts=counts.by_status,
        unread=counts.unread,
        hours=health.HOURS,
        minutes=int(health.BUCKET.total_seconds() // 60),
    )
