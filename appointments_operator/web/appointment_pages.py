"""The pages about one appointment: its story, and the replay of one of its requests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from starlette.requests import Request
from starlette.responses import Response

from appointments_operator import items
from appointments_operator.replay_selection import CLOSED_STATUSES
from appointments_operator.story import Part, Story
from appointments_operator.story_entries import as_uuid, entry_of_item
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

    def parts(self, story: Story) -> Iterator[Part]:
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
    """Show the form, what the item is now, and the element that loads the story."""
    asked = _Asked.of(form)
    item: dict[str, Any] = {}
    if asked.uuid:
        item = items.get(site.deployment.table("AppointmentsTable"), {"uuid": asked.uuid})
    return site.html(
        "appointment.html",
        asked=asked,
        # Whether its request was sensitive, only the log knows.
        item=entry_of_item("", item, is_sensitive=True) if item else None,
        spans=list(_SINCE),
        next=asked.query(),
    )


def story_part(site: Site, _: Request, form: dict[str, str]) -> Response:
    """Return a part of the story, and the element that loads the next one."""
    if "stop" in form:
        again = {name: value for name, value in form.items() if name != "stop"}
        return site.html("_next.html", next=again, is_stopped=True)
    key = form.get("reading") or site.readings.begin(_Asked.of(form).parts(Story(site.deployment)))
    shown = site.readings.part(key, _number(form.get("part", "1"), "part") or 1)
    following = {"reading": key, "part": str(shown.number + 1)}
    return site.html("_story.html", shown=shown, next=following, is_stopped=shown.is_full)


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
        statuses=CLOSED_STATUSES if is_closed else (),
        run="run" in form,
    )
    return site.result(result, request, form)
