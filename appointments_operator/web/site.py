"""What every page of the console shares: its deployment, its templates, and its failures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import click
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from appointments_operator.deployment import Deployment
from appointments_operator.web import health, wording
from appointments_operator.web.jobs import Job, Jobs
from appointments_operator.web.readings import Readings
from appointments_operator.web.result import Result

FOLDER: Final = Path(__file__).parent
_MAX_FORM: Final = 64 * 1024


class Site:
    """The pages of one deployment, under one random key in their URLs."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self.counts = health.ResponseCounts()
        self.readings = Readings()
        self.jobs = Jobs()
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=ChainableUndefined,  # a notification may lack any fact
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            root=f"/{key}",
            stack=deployment.stack or deployment.given.get("LogGroup") or "",
            query=urlencode,
        )
        self._templates.filters.update(
            ago=wording.ago,
            shown=wording.shown,
            clock=wording.clock,
            minute=wording.minute,
            sentence=wording.sentence,
        )

    def html(self, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        """Return a page, or the part of one."""
        return HTMLResponse(self._templates.get_template(template).render(**values), code)

    def result(self, result: Result, request: Request, form: dict[str, str]) -> Response:
        """Return the preview of an action, which has the button to do it, or its result."""
        again = {name: value for name, value in form.items() if name != "run"}
        template = "_result.html" if _is_part(request) else "result.html"
        return self.html(template, result=result, path=request.url.path, again=again)

    def job(self, job: Job, request: Request) -> Response:
        """Return how far a repair is, or what it did."""
        if job.result:
            return self.result(job.result, request, {})
        return self.html("_job.html" if _is_part(request) else "job.html", job=job)

    def failure(self, request: Request, sentence: str, code: int) -> Response:
        """Return why it did not work."""
        template = "_failure.html" if _is_part(request) else "failure.html"
        return self.html(template, code, sentence=sentence)


def _is_part(request: Request) -> bool:
    """Return whether htmx asks for a part of a page, and not the browser for a page."""
    return "hx-request" in request.headers


def note_of(form: dict[str, str]) -> str:
    """Return the note that a form must have."""
    if note := form.get("note", "").strip():
        return note
    raise click.ClickException("Write why nothing is left to do.")


def moment(text: Any) -> datetime:
    """Return a moment that a form or an item has; raises ClickException if it is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise click.ClickException(f"{text!s:.50} is no time such as 2027-01-05T10:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, which htmx and browsers send URL-encoded."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            return {}
    return dict(parse_qsl(body.decode(errors="replace")))
