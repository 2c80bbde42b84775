"""The report's plots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

PLOTS: Final = Path(__file__).resolve().parent / "plots"
_WIDTH: Final = 9
_MS: Final = 1000


def stacked(
    name: str, bars: Mapping[str, Mapping[str, float]], title: str, order: Sequence[str]
) -> str:
    """Draw horizontal bars of seconds, stacked; return the file's path from the report."""
    figure, axes = plt.subplots(figsize=(_WIDTH, 0.6 * len(bars) + 1.6))
    colours = plt.get_cmap("tab20").colors
    left = dict.fromkeys(bars, 0.0)
    for part, colour in zip(order, colours, strict=False):
        widths = {bar: parts.get(part, 0.0) * _MS for bar, parts in bars.items()}
        if not any(widths.values()):
            continue
        axes.barh(
            list(bars), list(widths.values()), left=list(left.values()), color=colour, label=part
        )
        left = {bar: left[bar] + width for bar, width in widths.items()}
    for place, total in enumerate(left.values()):
        axes.text(total, place, f" {total:.1f}" if total < 100 else f" {total:.0f}", va="center")
    axes.invert_yaxis()
    axes.set_xlabel("CPU, ms")
    axes.set_title(title)
    axes.margins(x=0.08)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=4, frameon=False, fontsize=8)
    return _save(figure, name)


def growth(name: str, curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Draw one panel a curve: medians, and the quartiles as a band."""
    figure, panels = plt.subplots(1, len(curves), figsize=(_WIDTH + 2, 3.4))
    for axes, (what, taken) in zip(panels, curves.items(), strict=True):
        sizes = [int(size) for size in taken]
        quartiles = [_quartiles(seconds) for seconds in taken.values()]
        axes.fill_between(
            sizes, [low for low, _ in quartiles], [high for _, high in quartiles], alpha=0.2
        )
        axes.plot(sizes, [median(seconds) * _MS for seconds in taken.values()], marker="o")
        axes.set_xlabel(what)
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("CPU of a warm request, ms")
    return _save(figure, name)


def _quartiles(seconds: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return ordered[len(ordered) // 4] * _MS, ordered[3 * len(ordered) // 4] * _MS


def _save(figure: Any, name: str) -> str:
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"{name}.png"
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return f"{PLOTS.name}/{path.name}"
