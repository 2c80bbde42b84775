"""What an event's results have in common wherever it runs."""

from typing import Any

from tools.local_stack import rie


def outcome(result: Any) -> str | list[str] | None:
    """Return the status; of a schedule run only the names of its counts, which change by time."""
    match result:
        case {"emails": int()}:
            return sorted(result)
    return rie.status(result)
