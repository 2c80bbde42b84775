"""The page of a storm: all of its members are repaired at once, whatever a list shows of them."""

from collections.abc import Sequence
from typing import Any, Final

import click
from starlette.requests import Request
from starlette.responses import Response

from appointments.tables.keys import NotificationState
from appointments_operator import notifications_table
from appointments_operator.layout import counted
from appointments_operator.replay_run import DEFAULT_RATE
from appointments_operator.replay_selection import FAILED_STATUSES
from appointments_operator.web import actions, storms
from appointments_operator.web.jobs import Progress, Stopped
from appointments_operator.web.listing import Filter
from appointments_operator.web.result import Result, first_lines
from appointments_operator.web.site import Site, moment, note_of

MAX_SHOWN: Final = 100


def storm_page(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Show the members of a storm, and what can be done about all of them."""
    newest, members = _storm(site, request, form)
    return site.html(
        "storm.html",
        newest=newest,
        members=members[:MAX_SHOWN],
        count=len(members),
        is_cut=len(members) >= storms.MAX_MEMBERS,
        filters={name: form[name] for name in ("q", "status", "stage") if form.get(name)},
    )


def replay_storm(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Replay the requests of a storm that are not good yet."""
    _, members = _storm(site, request, form)
    members = [item for item in members if item.get("replay")]
    if not members:
        raise click.ClickException("There is nothing to replay: the log has none of its requests.")
    notification_ids: dict[str, list[str]] = {}
    for item in members:
        ids = notification_ids.setdefault(str(item.get("request_id")), [])
        ids.append(item["notification_id"])
    since = min(moment(item.get("received_at")) for item in members)

    def replay(progress: Progress | None) -> Result:
        return actions.replay(
            site.deployment,
            since,
            request_ids=list(notification_ids),
            statuses=sorted(FAILED_STATUSES),
            notification_ids=notification_ids,
            run=progress is not None,
            progress=progress,
        )

    if "run" in form:
        return site.job(site.jobs.start("Replaying", replay), request)
    result = replay(None)
    minutes = len(notification_ids) / DEFAULT_RATE / 60
    result.lines.append(
        f"{counted(len(members), 'notification')} at {DEFAULT_RATE:g} requests per second: "
        f"this takes {minutes:.0f} min."
        if minutes >= 1
        else "This takes less than a minute."
    )
    return site.result(result, request, form)


def dismiss_storm(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Dismiss the open notifications of a storm, with a note."""
    note = note_of(form)
    _, members = _storm(site, request, form)
    if not members:
        none = Result("None of them is open", is_good=False, can_run=False)
        return site.result(none, request, form)
    if "run" in form:
        job = site.jobs.start("Dismissing", lambda each: _dismiss(site, members, note, each))
        return site.job(job, request)
    lines = first_lines(f"{each['notification_id']}: {each.get('reason')}" for each in members)
    title = f"Would dismiss {counted(len(members), 'notification')}"
    return site.result(Result(title, [note, *lines]), request, form)


def _dismiss(
    site: Site, members: Sequence[dict[str, Any]], note: str, progress: Progress
) -> Result:
    table = notifications_table.table_of(site.deployment)
    by = notifications_table.identity(site.deployment)
    progress.begin(len(members))
    refusals: list[str] = []
    done = 0
    try:
        for each in members:
            try:
                notifications_table.close(
                    table,
                    each["notification_id"],
                    NotificationState.DISMISSED,
                    by=by,
                    done=note,
                )
                done += 1
            except notifications_table.NotOpen as closed:  # another operator was faster
                refusals.append(f"{closed}.")
            progress.advance()
    except Stopped as stopped:
        refusals.append(stopped.message)
    title = f"Dismissed {done} of {counted(len(members), 'notification')}"
    return Result(title, [note, *first_lines(refusals)], is_good=done == len(members), is_done=True)


def job_part(site: Site, request: Request, _: dict[str, str]) -> Response:
    """Show how far a repair is, or what it did."""
    return site.job(site.jobs.get(request.path_params["key"]), request)


def stop_job(site: Site, request: Request, _: dict[str, str]) -> Response:
    """End a repair when the one that is being repaired is done."""
    job = site.jobs.get(request.path_params["key"])
    job.stop()
    return site.job(job, request)


def _storm(
    site: Site, request: Request, form: dict[str, str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the member that the URL names, and all open ones that match the row's filter."""
    notification_id = request.path_params["notification_id"]
    newest = notifications_table.get(notifications_table.table_of(site.deployment), notification_id)
    if not newest:
        raise click.ClickException(f"There is no notification {notification_id}.")
    return newest, storms.members(site.deployment, newest, Filter.of(form).matches)
