"""What the load showed: responses by kind and phase, percentiles, each promise kept or not."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

Note = Mapping[str, Any]
PERCENTS: Final = (50, 90, 99)
MAX_SHOWN: Final = 5


def write(
    home: Path,
    notes: Sequence[Note],
    spans: Sequence[tuple[str, float]],
    findings: Mapping[str, Sequence[str]],
) -> Table:
    """Write report.md, and responses.json for the plot; return the table for the console.

    `spans` are the phases' names and beginnings, by the clock of the notes.
    """
    begun = min(note["at"] for note in notes)
    spans = [(name, max(since - begun, 0)) for name, since in spans]
    (home / "responses.json").write_text(
        json.dumps(
            {
                "spans": spans,
                "responses": [
                    [note["at"] - begun, note["seconds"], note["status"]] for note in notes
                ],
            }
        )
    )
    by_phase: dict[str, list[Note]] = {name: [] for name, _ in spans}
    for note in notes:
        at = note["at"] - begun
        by_phase[[name for name, since in spans if since <= at][-1]].append(note)
    by_kind: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        by_kind[note["kind"]].append(note)
    seconds = max(note["at"] for note in notes) - begun
    lines = [
        "# Load",
        "",
        f"{len(notes)} responses in {seconds:.0f} s, {len(notes) / seconds:.1f} per second.",
        *_section("By phase", by_phase),
        *_section("By kind of request", by_kind),
        "",
        "## Promises",
        "",
    ]
    for promise, broken in findings.items():
        lines.append(f"- {'kept' if not broken else f'BROKEN {len(broken)} times'}: {promise}")
        lines += [f"  - {each}" for each in broken[:MAX_SHOWN]]
    (home / "report.md").write_text("\n".join([*lines, "", "![responses](responses.png)", ""]))
    return _table(notes, seconds, by_phase, findings)


def _section(title: str, groups: Mapping[str, Sequence[Note]]) -> list[str]:
    heads = ["", "responses", *(f"p{each} ms" for each in PERCENTS), "statuses"]
    rows = [
        f"| {' | '.join([name, *_figures(notes), _statuses(notes)])} |"
        for name, notes in groups.items()
        if notes
    ]
    return [
        "",
        f"## {title}",
        "",
        f"| {' | '.join(heads)} |",
        f"|---|{'---:|' * (len(heads) - 2)}---|",
        *rows,
    ]


def _figures(notes: Sequence[Note]) -> list[str]:
    times = [note["seconds"] * 1000 for note in notes]
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return [str(len(notes)), *(f"{cuts[each - 1]:.0f}" for each in PERCENTS)]


def _statuses(notes: Sequence[Note]) -> str:
    counts = Counter(note["status"] or f"none (HTTP {note['http']})" for note in notes)
    return ", ".join(f"{status} {count}" for status, count in counts.most_common())


def _table(
    notes: Sequence[Note],
    seconds: float,
    by_phase: Mapping[str, Sequence[Note]],
    findings: Mapping[str, Sequence[str]],
) -> Table:
    table = Table(title=f"{len(notes)} responses, {len(notes) / seconds:.1f} per second")
    for head in ("phase", "responses", *(f"p{each} ms" for each in PERCENTS)):
        table.add_column(head, justify="left" if head == "phase" else "right")
    for name, of_phase in by_phase.items():
        if of_phase:
            table.add_row(name, *_figures(of_phase))
    table.caption = "\n".join(
        f"{'[red]✗' if broken else '[green]✓'}[/] {promise}{f': {len(broken)}' if broken else ''}"
        for promise, broken in findings.items()
    )
    table.caption_justify = "left"
    return table
