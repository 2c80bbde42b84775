"""A page in a real Chromium: without an error, usable by all, at both widths, in both schemes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tools.bootstrap import LOCAL

SHOTS: Final = LOCAL / "screenshots"
WAIT: Final = 20_000  # milliseconds
PHONE: Final = {"width": 375, "height": 740}
WIDE: Final = {"width": 1200, "height": 800}
expect.set_options(timeout=WAIT)


@contextmanager
def open_page(browser: Browser, url: str, *, api_url: str = " ") -> Iterator[Page]:
    """Open a page; at the end, the browser's console has no error.

    That a response of `api_url` is a failure is no error of the page, though the browser says so.
    """
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]  # its TypedDict
    opened = context.new_page()
    opened.set_default_timeout(WAIT)
    errors: list[str] = []
    opened.on(
        "console",
        lambda message: errors.append(message.text) if _is_bad(message, api_url) else None,
    )
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(url)
    yield opened
    context.close()
    assert errors == []


def _is_bad(message: Any, api_url: str) -> bool:
    is_of_the_api = message.location["url"].startswith(api_url)
    return message.type in ("error", "warning") and not is_of_the_api


def check_page(page: Page, name: str) -> None:
    """See that a page is usable by all, at both widths and in both schemes; keep its picture."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width, size in (("wide", WIDE), ("phone", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # its TypedDict
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            results = Axe().run(page)
            assert results.response["passes"], "axe looked at nothing"
            assert results.violations_count == 0, (name, width, scheme, results.generate_report())
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(overflow) == 0, (name, width)
            page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
