"""The console's application: its routes, where a GET shows and a POST previews or does."""

from collections.abc import Callable
from typing import Final

import click
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from appointments_operator.deployment import Deployment
from appointments_operator.web import (
    appointment_pages,
    notification_pages,
    service_pages,
    storm_pages,
)
from appointments_operator.web.guard import App, Guard
from appointments_operator.web.site import FOLDER, Site, read_form

Page = Callable[[Site, Request, dict[str, str]], Response]
PAGES: Final[dict[str, Page]] = {
    "/": notification_pages.list_page,
    "/rows": notification_pages.list_rows,
    "/n/{notification_id}": notification_pages.notification_page,
    "/storm/{notification_id}": storm_pages.storm_page,
    "/job/{key}": storm_pages.job_part,
    "/appointment": appointment_pages.appointment_page,
    "/story": appointment_pages.story_part,
    "/owed": service_pages.owed_page,
    "/health": service_pages.health_page,
    "/health/plots": service_pages.plots,
}
ACTIONS: Final[dict[str, Page]] = {
    "/n/{notification_id}/dismiss": notification_pages.dismiss,
    "/n/{notification_id}/replay": notification_pages.replay_notification,
    "/storm/{notification_id}/replay": storm_pages.replay_storm,
    "/storm/{notification_id}/dismiss": storm_pages.dismiss_storm,
    "/job/{key}/stop": storm_pages.stop_job,
    "/record": notification_pages.put_record,
    "/route": notification_pages.set_route,
    "/check": notification_pages.check,
    "/replay": appointment_pages.replay,
    "/owed/settle": service_pages.settle,
}


def create_app(deployment: Deployment, key: str, port: int) -> App:
    """Return the console's application, behind its guard."""
    site = Site(deployment, key)
    routes: list[Route | Mount] = [
        *(_route(site, path, page, "GET") for path, page in PAGES.items()),
        *(_route(site, path, action, "POST") for path, action in ACTIONS.items()),
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]
    return Guard(Starlette(routes=routes), key, port)


def _route(site: Site, path: str, page: Page, method: str) -> Route:
    async def endpoint(request: Request) -> Response:
        form = await read_form(request) if method == "POST" else dict(request.query_params)
        return await run_in_threadpool(_page_or_failure, site, page, request, form)

    return Route(path, endpoint, methods=[method])


def _page_or_failure(site: Site, page: Page, request: Request, form: dict[str, str]) -> Response:
    """Return the page; a failure of AWS or a wrong value is a sentence, not a traceback."""
    try:
        return page(site, request, form)
    except click.ClickException as wrong:
        return site.failure(request, wrong.format_message(), 400)
    except (BotoCoreError, ClientError) as failed:
        return site.failure(request, str(failed), 502)
