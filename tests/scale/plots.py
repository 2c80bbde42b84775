"""Lines over a horizontal axis, as plain SVG."""

from collections.abc import Mapping
from html import escape
from typing import Final

from tests.scale.results import Points

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 760, 320, 70, 20, 200, 45
_COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")


def plot(lines: Mapping[str, Points], across: str, up: str) -> str:
    """Return the drawing; `across` and `up` name the axes."""
    right = max((x for points in lines.values() for x, _ in points), default=1) or 1
    top = max((y for points in lines.values() for _, y in points), default=1) or 1
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        "<style>text { font: 12px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<path d="M{_LEFT} {_TOP}v{height}h{width}" fill="none" stroke="#444"/>',
        _text(_LEFT + width / 2, _HEIGHT - 8, across),
        f'<g transform="translate(14 {_TOP + height / 2:.0f}) rotate(-90)">{_text(0, 0, up)}</g>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = _LEFT + share * width, _TOP + height - share * height
        parts.append(
            f'<text x="{x:.0f}" y="{_TOP + height + 16}" text-anchor="middle">'
            f"{right * share:,.3g}</text>"
            f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{_number(top * share)}</text>'
            f'<path d="M{_LEFT} {y:.0f}h{width}" stroke="#ddd"/>'
        )
    for number, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(
            f"{_LEFT + max(x, 0) / right * width:.1f},{_TOP + height - y / top * height:.1f}"
            for x, y in points
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{_TOP + 14 + 18 * number}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
