"""The pages about notifications: the list, one of them, and what is done about it."""

from typing import Any

import click
from starlette.requests import Request
from starlette.responses import Response

from appointments.tables.keys import NotificationState
from appointments_operator import items, notifications, notifications_table, records
from appointments_operator.web import actions, listing, wording
from appointments_operator.web.result import Result
from appointments_operator.web.site import Site, moment, note_of


def list_page(site: Site, _: Request, form: dict[str, str]) -> Response:
    """Show the list, filtered."""
    chosen = listing.Filter.of(form)
    page = listing.read(site.deployment, chosen)
    return site.html(
        "notifications.html",
        chosen=chosen,
        page=page,
        states=listing.STATES,
        statuses=listing.STATUSES,
        spans=listing.SPANS,
    )


def list_rows(site: Site, _: Request, form: dict[str, str]) -> Response:
    """Return the rows, unless the page has the same ones."""
    chosen = listing.Filter.of(form)
    page = listing.read(site.deployment, chosen)
    if page.version == form.get("seen"):
        return Response(status_code=204)
    return site.html("_rows.html", chosen=chosen, page=page)


def notification_page(site: Site, request: Request, _: dict[str, str]) -> Response:
    """Show one notification: what failed, what recovers, how to repair it, its history."""
    item = _notification(site, request)
    table = site.deployment.table("RecordsTable")
    faulty = {key: items.get(table, {"record": key}) for key in wording.records_of(item)}
    return site.html(
        "notification.html",
        item=item,
        faulty=faulty,
        malformed={key: list(records.type_errors(key, record)) for key, record in faulty.items()},
        roles=actions.ROLES,
        is_open=item.get("state") == NotificationState.OPEN.value,
    )


def _notification(site: Site, request: Request) -> dict[str, Any]:
    notification_id = request.path_params["notification_id"]
    item = notifications_table.get(notifications_table.table_of(site.deployment), notification_id)
    if not item:
        raise click.ClickException(f"There is no notification {notification_id}.")
    return item


def dismiss(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Dismiss a notification, with a note."""
    note = note_of(form)
    notifications.dismiss(site.deployment, request.path_params["notification_id"], note)
    done = Result("Dismissed", [note], is_done=True)
    return site.result(done, request, form)


def replay_notification(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Replay the request of a notification."""
    item = _notification(site, request)
    result = actions.replay(
        site.deployment,
        moment(item.get("received_at")),
        request_ids=[str(item.get("request_id"))],
        notification_ids={str(item.get("request_id")): [item["notification_id"]]},
        run="run" in form,
    )
    return site.result(result, request, form)


def put_record(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Correct a record."""
    result = actions.put_record(
        site.deployment,
        form.get("key", ""),
        {name: form.get(name, "") for name in ("name", "email")},
        notification_id=form.get("notification_id"),
        run="run" in form,
    )
    return site.result(result, request, form)


def set_route(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Open or close the route."""
    what = form.get("what", "")
    if what not in ("open", "close", "close-service"):
        raise click.ClickException("Say what to do with the route.")
    result = actions.set_route(
        site.deployment,
        what,
        [role for role in actions.ROLES if form.get(f"role-{role}")],
        notification_id=form.get("notification_id"),
        run="run" in form,
    )
    return site.result(result, request, form)


def check(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Invoke the keeper to check the open notifications."""
    return site.result(actions.check(site.deployment), request, form)
