"""What htmx would load next: the parts of a page follow each other by themselves."""

import re
from html import unescape


def next_part(text: str, *, on_click: str = "") -> str | None:
    """Return the path that an element loads at once, or that of the button with this id."""
    wanted = f'id="{on_click}"' if on_click else 'hx-trigger="load"'
    for tag in re.findall(r"<[^>]+>", text):
        if wanted in tag and (found := re.search(r'hx-get="([^"]+)"', tag)):
            return unescape(found[1])
    return None
