"""docs/scale.md: what was measured in virtual time, and on paper which limits come first."""

import json
from pathlib import Path
from typing import Any, Final

from tests.scale.plots import plot
from tests.scale.results import Points
from tests.scale.scenarios import SCENARIOS

ROOT: Final = Path(__file__).parents[2]
# Each plot: file, the scenarios whose lines it shows, the axes, and its caption.
_PLOTS: Final = (
    (
        "drain",
        ("outage-refusing", "outage-hanging"),
        "minutes since the outage began",
        "emails owed",
        "Drain against arrival: 10 requests per second, 10 minutes without Mandrill, 30 workers.",
    ),
    (
        "outages",
        tuple(f"long-{hours}-1" for hours in ("0.5", "3", "12", "48")),
        "minutes since the outage ended",
        "emails owed",
        "Lengths of outages, one request per minute, 30 workers.",
    ),
    (
        "breaker",
        ("breaker-10-hanging", "breaker-10-refusing"),
        "seconds since the outage began",
        "a request takes, s",
        "The breaker's first minute, 10 requests per second.",
    ),
)
_SECONDS: Final = 30 * 24 * 3600
# List prices in USD, us-east-1, per million (Lambda: per GB-second).
_LAMBDA, _INVOCATION, _GATEWAY, _READ, _WRITE, _LOG = 16.6667e-6, 0.20, 1.00, 0.125, 0.625, 0.50
# Of one request with an email to two recipients: seconds, units, and KB of log.
_DURATION, _READS, _WRITES, _KILOBYTES = 0.28, 3, 6, 1.5
_MEMORY: Final = 0.5


def write(home: Path, page: Path) -> None:
    """Write the page and its plots from the results that are in `home`."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(home.glob("*.json"))}
    pictures = page.parent / "scale"
    pictures.mkdir(exist_ok=True)
    text = [(Path(__file__).parent / "method.md").read_text(), "## Goals", ""]
    text += ["| goal | measured | |", "|---|---|---|"]
    for result in results.values():
        for goal in result["goals"]:
            met = "met" if goal["is_met"] else "**missed**"
            text.append(f"| {goal['what']} | {goal['measured']} | {met} |")
    if missing := sorted(SCENARIOS.keys() - results.keys()):
        text += ["", f"Not played for this page: {', '.join(missing)}."]
    text += ["", "## Plots", ""]
    for name, of, across, up, caption in _PLOTS:
        lines: dict[str, Points] = {}
        for each in of:
            lines |= results.get(each, {}).get("lines", {})
        if lines:
            (pictures / f"{name}.svg").write_text(plot(lines, across, up))
            text += [f"{caption}", "", f"![{caption}](scale/{name}.svg)", ""]
    text.append((Path(__file__).parent / "paper.md").read_text())
    page.write_text("\n".join([*text, *_costs(), ""]))


def _costs() -> list[str]:
    rows = [
        "| requests per second | per month | environments | Mandrill hanging | AWS | Mandrill |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    per_million: Any = (
        _DURATION * _MEMORY * _LAMBDA * 1e6
        + _INVOCATION
        + _GATEWAY
        + _READS * _READ
        + _WRITES * _WRITE
        + _KILOBYTES * _LOG
    )
    for rate in (1, 10, 100, 1_000, 10_000):
        millions = rate * _SECONDS / 1e6
        mandrill = _mandrill(millions * 2e6)
        rows.append(
            f"| {rate:,} | {millions:,.1f} million | {rate * _DURATION:,.1f} | {rate * 8.1:,.0f} "
            f"| ${millions * per_million:,.0f} | ${mandrill:,.0f} |"
        )
    return rows


def _mandrill(emails: float) -> float:
    """Return the price of so many emails in blocks of 25,000, cheaper from step to step."""
    steps = ((500_000, 20), (1e6, 18), (2e6, 16), (3e6, 14), (4e6, 12), (float("inf"), 10))
    price, below = 0.0, 0.0
    for limit, block in steps:
        price += max(min(emails, limit) - below, 0) / 25_000 * block
        below = limit
    return price
