"""The pages about one appointment: its story, and the replay of one of its requests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from starlette.requests import Request
from starlette.responses import Response

from appointments_operator import items
from appointments_operator.story import Story, as_uuid
from appointments_operator.story_entries import Entry
from appointments_operator.web import actions
from appointments_operator.web.site import Site, moment

_SINCE: Final = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}


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

    def parts(self, story: Story) -> Iterator[list[Entry]]:
        """Return the parts of the story, the likeliest first."""
        since = datetime.now(UTC) - timedelta(days=_SINCE[self.span])
        if self.text:
            return story.of_id(self.text, since)
        if self.order:
            return story.of_reference("order_id", self.order, since)
        return story.of_reference("photographer_user_id", self.photographer or 0, since)


def _number(text: str, name: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise click.ClickException(f"The {name} is a number.")
    return int(text)


def appointment_page(site: Site, _: Request, form: dict[str, str]) -> Response:
    """Show the story of an appointment: what is near its item at once, then the rest."""
    asked = _Asked.of(form)
    found: list[Any] = []
    if asked.uuid and items.get(site.deployment.table("AppointmentsTable"), {"uuid": asked.uuid}):
        found = next(asked.parts(Story(site.deployment)), [])
    return site.html("appointment.html", asked=asked, entries=found, spans=list(_SINCE))


def story_part(site: Site, _: Request, form: dict[str, str]) -> Response:
    """Return the whole story."""
    asked, story = _Asked.of(form), Story(site.deployment)
    entries = [entry for part in asked.parts(story) for entry in part]
    entries.sort(key=lambda entry: entry.at)
    return site.html("_story.html", asked=asked, entries=entries, is_cut=story.is_cut)


def replay(site: Site, request: Request, form: dict[str, str]) -> Response:
    """Replay one request, or those that met a closed route."""
    request_id = form.get("request_id", "")
    is_closed = form.get("what") == "closed"
    if not (request_id or is_closed):
        raise click.ClickException("Say which request.")
    result = actions.replay(
        site.deployment,
        moment(form.get("since")),
        request_ids=[request_id] if request_id else (),
        statuses=sorted(actions.CLOSED) if is_closed else (),
        run="run" in form,
    )
    return site.result(result, request, form)
