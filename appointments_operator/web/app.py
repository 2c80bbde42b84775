"""The pages of the console and their actions: a GET shows, a POST previews or does."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import click
from botocore.exceptions import BotoCoreError, ClientError
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from appointments.tables.keys import NotificationState
from appointments_operator import items, notifications, pending, records, tab
from appointments_operator.deployment import Deployment
from appointments_operator.owed import facts_of
from appointments_operator.story import Story, as_uuid
from appointments_operator.web import actions, health, listing, wording
from appointments_operator.web.guard import App, Guard

_FOLDER: Final = Path(__file__).parent
_SINCE: Final = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}
_MAX_FORM: Final = 64 * 1024
_MAX_PENDING: Final = 500


class Console:
    """The pages for one deployment."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self._deployment = deployment
        self._counts = health.ResponseCounts()
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            root=f"/{key}",
            stack=deployment.stack or deployment.given.get("LogGroup") or "",
            query=urlencode,
        )
        self._templates.filters.update(
            ago=wording.ago, shown=wording.shown, clock=wording.clock, sentence=wording.sentence
        )

    def routes(self) -> list[Route | Mount]:
        """Return the routes: GET for what shows, POST for what previews or does."""
        return [
            self._route("/", self.list_page),
            self._route("/rows", self.list_rows),
            self._route("/n/{notification_id}", self.notification_page),
            self._route("/n/{notification_id}/dismiss", self.dismiss, "POST"),
            self._route("/n/{notification_id}/replay", self.replay_notification, "POST"),
            self._route("/appointment", self.appointment_page),
            self._route("/story", self.story_part),
            self._route("/replay", self.replay, "POST"),
            self._route("/record", self.put_record, "POST"),
            self._route("/route", self.set_route, "POST"),
            self._route("/owed", self.owed_page),
            self._route("/owed/settle", self.settle, "POST"),
            self._route("/health", self.health_page),
            self._route("/health/plots", self.plots),
            self._route("/check", self.check, "POST"),
            Mount("/static", StaticFiles(directory=_FOLDER / "static")),
        ]

    def _route(
        self, path: str, page: Callable[[Request, dict[str, str]], Response], method: str = "GET"
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            form = await _form(request) if method == "POST" else dict(request.query_params)
            return await run_in_threadpool(self._safely, page, request, form)

        return Route(path, endpoint, methods=[method])

    def _safely(
        self,
        page: Callable[[Request, dict[str, str]], Response],
        request: Request,
        form: dict[str, str],
    ) -> Response:
        """Return the page; a failure of AWS or a wrong value is a sentence, not a traceback."""
        try:
            return page(request, form)
        except click.ClickException as wrong:
            return self._failure(request, wrong.format_message(), 400)
        except (BotoCoreError, ClientError) as failed:
            return self._failure(request, str(failed), 502)

    def _failure(self, request: Request, sentence: str, code: int) -> Response:
        template = "_failure.html" if _is_part(request) else "failure.html"
        return self._html(template, code, sentence=sentence)

    def _html(self, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(template).render(**values), code)

    def _result(self, result: actions.Result, request: Request, form: dict[str, str]) -> Response:
        """Return what an action will do with the button that does it, or what it did."""
        again = {name: value for name, value in form.items() if name != "run"}
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        template = "_result.html" if _is_part(request) else "result.html"
        return self._html(template, result=result, path=path, again=again)

    # Notifications

    def list_page(self, _: Request, form: dict[str, str]) -> Response:
        """Show the list, filtered."""
        chosen = listing.Filter.of(form)
        page = listing.read(self._deployment, chosen)
        return self._html(
            "notifications.html",
            chosen=chosen,
            page=page,
            states=listing.STATES,
            statuses=listing.STATUSES,
            spans=listing.SPANS,
        )

    def list_rows(self, _: Request, form: dict[str, str]) -> Response:
        """Return the rows if they are others than those that the page has."""
        chosen = listing.Filter.of(form)
        page = listing.read(self._deployment, chosen)
        if page.version == form.get("seen"):
            return Response(status_code=204)
        return self._html("_rows.html", chosen=chosen, page=page)

    def notification_page(self, request: Request, _: dict[str, str]) -> Response:
        """Show one notification: what failed, what recovers, how to repair it, its history."""
        item = self._notification(request)
        table = self._deployment.table("RecordsTable")
        faulty = {key: items.get(table, {"record": key}) for key in wording.records_of(item)}
        return self._html(
            "notification.html",
            item=item,
            faulty=faulty,
            malformed={key: list(records.malformed(key, record)) for key, record in faulty.items()},
            roles=actions.ROLES,
            is_open=item.get("state") == NotificationState.OPEN.value,
        )

    def _notification(self, request: Request) -> dict[str, Any]:
        notification_id = request.path_params["notification_id"]
        item = tab.get(tab.table(self._deployment), notification_id)
        if not item:
            raise click.ClickException(f"There is no notification {notification_id}.")
        return item

    def dismiss(self, request: Request, form: dict[str, str]) -> Response:
        """Dismiss a notification, with a note."""
        note = form.get("note", "").strip()
        if not note:
            raise click.ClickException("Write why nothing is left to do.")
        notifications.dismiss(self._deployment, request.path_params["notification_id"], note)
        done = actions.Result("Dismissed", [note], is_done=True)
        return self._result(done, request, form)

    def replay_notification(self, request: Request, form: dict[str, str]) -> Response:
        """Replay the request of a notification."""
        item = self._notification(request)
        result = actions.replay(
            self._deployment,
            _moment(item.get("received_at")),
            request_ids=[str(item.get("request_id"))],
            notification_id=item["notification_id"],
            run="run" in form,
        )
        return self._result(result, request, form)

    # Appointments

    def appointment_page(self, _: Request, form: dict[str, str]) -> Response:
        """Show the story of an appointment: what is near its item at once, then the rest."""
        asked = _Asked.of(form)
        found: list[Any] = []
        if asked.uuid and items.get(
            self._deployment.table("AppointmentsTable"), {"uuid": asked.uuid}
        ):
            found = next(asked.parts(Story(self._deployment)), [])
        return self._html("appointment.html", asked=asked, entries=found, spans=list(_SINCE))

    def story_part(self, _: Request, form: dict[str, str]) -> Response:
        """Return the whole story."""
        asked, story = _Asked.of(form), Story(self._deployment)
        entries = [entry for part in asked.parts(story) for entry in part]
        entries.sort(key=lambda entry: entry.at)
        return self._html("_story.html", asked=asked, entries=entries, is_cut=story.is_cut)

    def replay(self, request: Request, form: dict[str, str]) -> Response:
        """Replay one request, or those that met a closed route."""
        request_id = form.get("request_id", "")
        is_closed = form.get("what") == "closed"
        if not (request_id or is_closed):
            raise click.ClickException("Say which request.")
        result = actions.replay(
            self._deployment,
            _moment(form.get("since")),
            request_ids=[request_id] if request_id else (),
            statuses=sorted(actions.CLOSED) if is_closed else (),
            run="run" in form,
        )
        return self._result(result, request, form)

    # Repair

    def put_record(self, request: Request, form: dict[str, str]) -> Response:
        """Correct a record."""
        result = actions.put_record(
            self._deployment,
            form.get("key", ""),
            {name: form.get(name, "") for name in ("name", "email")},
            notification_id=form.get("notification_id"),
            run="run" in form,
        )
        return self._result(result, request, form)

    def set_route(self, request: Request, form: dict[str, str]) -> Response:
        """Open or close the route."""
        what = form.get("what", "")
        if what not in ("open", "close", "close-service"):
            raise click.ClickException("Say what to do with the route.")
        result = actions.set_route(
            self._deployment,
            what,
            [role for role in actions.ROLES if form.get(f"role-{role}")],
            notification_id=form.get("notification_id"),
            run="run" in form,
        )
        return self._result(result, request, form)

    # Owed

    def owed_page(self, _: Request, __: dict[str, str]) -> Response:
        """Show what is pending, since when, why, and when it is tried next."""
        found: list[dict[str, Any]] = []
        for item in pending.pending(self._deployment.table("AppointmentsTable")):
            found.append({**facts_of(item), "received_at": item.get("received_at")})
            if len(found) >= _MAX_PENDING:
                break
        found.sort(key=lambda facts: str(facts["due"]))
        return self._html("owed.html", found=found, limit=_MAX_PENDING)

    def settle(self, request: Request, form: dict[str, str]) -> Response:
        """Send what is pending now: one, or all."""
        uuid = as_uuid(form.get("uuid", ""))
        if uuid is None and form.get("what") != "all":
            raise click.ClickException("Say which appointment.")
        result = actions.settle(self._deployment, [uuid] if uuid else [], run="run" in form)
        return self._result(result, request, form)

    # Health

    def health_page(self, _: Request, __: dict[str, str]) -> Response:
        """Show the switches, the circuit breaker and the oldest pending item."""
        switches = health.switches(self._deployment)
        return self._html(
            "health.html",
            switches=switches,
            malformed=[
                sentence
                for key, record in switches.items()
                for sentence in records.malformed(key, record)
            ],
            circuit=health.circuit(self._deployment),
            oldest=health.oldest_pending(self._deployment),
            roles=actions.ROLES,
            closed_since=(datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds"),
        )

    def plots(self, _: Request, __: dict[str, str]) -> Response:
        """Return the responses by status, as small plots."""
        now = datetime.now(UTC)
        counts = self._counts.read(self._deployment, now)
        return self._html(
            "_plots.html",
            counts=counts,
            hours=health.HOURS,
            minutes=int(health.BUCKET.total_seconds() // 60),
        )

    def check(self, request: Request, form: dict[str, str]) -> Response:
        """Have the keeper check the open notifications."""
        return self._result(actions.check(self._deployment), request, form)


class _Asked:
    """What the appointment page was asked for."""

    def __init__(self, text: str, order: int | None, photographer: int | None, span: str) -> None:
        self.text, self.order, self.photographer, self.span = text, order, photographer, span
        self.uuid = as_uuid(text)

    @classmethod
    def of(cls, form: dict[str, str]) -> "_Asked":
        span = form.get("span", "30d")
        return cls(
            form.get("q", "").strip(),
            _number(form.get("order", ""), "order"),
            _number(form.get("photographer", ""), "photographer"),
            span if span in _SINCE else "30d",
        )

    @property
    def is_something(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.text or self.order or self.photographer)

    def query(self) -> dict[str, str]:
        """Return it as a query string's map."""
        values = {"q": self.text, "order": self.order, "photographer": self.photographer}
        return {name: str(value) for name, value in values.items() if value} | {"span": self.span}

    def parts(self, story: Story) -> Any:
        """Return the parts of the story, the likeliest first."""
        since = datetime.now(UTC) - timedelta(days=_SINCE[self.span])
        if self.text:
            return story.of_id(self.text, since)
        if self.order:
            return story.of_reference("order_id", self.order, since)
        return story.of_reference("photographer_user_id", self.photographer or 0, since)


def _is_part(request: Request) -> bool:
    """Return whether htmx asks for a part of a page, and not the browser for a page."""
    return "hx-request" in request.headers


def _number(text: str, name: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise click.ClickException(f"The {name} is a number.")
    return int(text)


def _moment(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise click.ClickException("It is unknown when the request was received.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form, which htmx and browsers send URL-encoded."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            return {}
    pairs: Sequence[tuple[str, str]] = parse_qsl(body.decode(errors="replace"))
    return dict(pairs)


def create_app(deployment: Deployment, key: str, port: int) -> App:
    """Return the console's application, behind its guard."""
    app = Starlette(routes=Console(deployment, key).routes())
    return Guard(app, key, port)
