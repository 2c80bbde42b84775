"""What the load showed: responses by kind and phase, percentiles, each promise kept or not."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

Entry = Mapping[str, Any]
PERCENTS: Final = (50, 90, 99)
MAX_SHOWN: Final = 5


def write(
    home: Path,
    journal: Sequence[Entry],
    spans: Sequence[tuple[str, float]],
    findings: Mapping[str, Sequence[str]],
) -> Table:
    """Write report.md, and responses.json for the plot; return the table for the terminal.

    `spans` are the phases' names and beginnings, by the clock of the journal.
    """
    start = min(entry["at"] for entry in journal)
    spans = [(name, max(since - start, 0)) for name, since in spans]
    (home / "responses.json").write_text(
        json.dumps(
            {
                "spans": spans,
                "responses": [
                    [entry["at"] - start, entry["seconds"], entry["status"]] for entry in journal
                ],
            }
        )
    )
    by_phase: dict[str, list[Entry]] = {name: [] for name, _ in spans}
    for entry in journal:
        at = entry["at"] - start
        by_phase[[name for name, since in spans if since <= at][-1]].append(entry)
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in journal:
        by_kind[entry["kind"]].append(entry)
    seconds = max(entry["at"] for entry in journal) - start
    lines = [
        "# Load",
        "",
        f"{len(journal)} responses in {seconds:.0f} s, {len(journal) / seconds:.1f} per second.",
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
    return _table(journal, seconds, by_phase, findings)


def _section(title: str, groups: Mapping[str, Sequence[Entry]]) -> list[str]:
    heads = ["", "responses", *(f"p{each} ms" for each in PERCENTS), "statuses"]
    rows = [
        f"| {' | '.join([name, *_figures(entries), _statuses(entries)])} |"
        for name, entries in groups.items()
        if entries
    ]
    return [
        "",
        f"## {title}",
        "",
        f"| {' | '.join(heads)} |",
        f"|---|{'---:|' * (len(heads) - 2)}---|",
        *rows,
    ]


def _figures(entries: Sequence[Entry]) -> list[str]:
    times = [entry["seconds"] * 1000 for entry in entries]
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return [str(len(entries)), *(f"{cuts[each - 1]:.0f}" for each in PERCENTS)]


def _statuses(entries: Sequence[Entry]) -> str:
    counts = Counter(entry["status"] or f"none (HTTP {entry['http']})" for entry in entries)
    return ", ".join(f"{status} {count}" for status, count in counts.most_common())


def _table(
    journal: Sequence[Entry],
    seconds: float,
    by_phase: Mapping[str, Sequence[Entry]],
    findings: Mapping[str, Sequence[str]],
) -> Table:
    table = Table(title=f"{len(journal)} responses, {len(journal) / seconds:.1f} per second")
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
