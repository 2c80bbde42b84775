"""What `replay` prints: the selected requests, and the result of each."""

from collections.abc import Sequence

import click

from appointments_operator.layout import counted, print_json_list, print_list, relative
from appointments_operator.replay_results import Replay, Replays
from appointments_operator.terminal import err


def print_selection(replays: Replays, *, as_json: bool) -> None:
    """Print what would be replayed."""
    if as_json:
        _print_json(replays, is_done=False)
    elif len(replays):
        print_rows(replays)
        click.echo(f"{counted(len(replays), 'request')} would be replayed.")


def print_rows(replays: Replays | Sequence[Replay]) -> None:
    """Print requests with their status before the replay."""
    print_list(
        replays,
        {
            "Request": lambda each: each.request.id,
            "Received": lambda each: relative(each.request.received_at),
            "Status": lambda each: each.status_before,
            "Reason": lambda each: _reason(each.request.reason, each),
        },
        empty="",
    )


def print_results(replays: Replays, *, as_json: bool, is_interrupted: bool) -> None:
    """Print the result of each replay."""
    if as_json:
        _print_json(replays, is_done=True)
    elif replays.result_count:
        print_list(
            replays.with_result(),
            {
                "Request": lambda each: each.request.id,
                "Received": lambda each: relative(each.request.received_at),
                "Then": lambda each: each.status_before,
                "Now": lambda each: each.status_after,
                "Reason": lambda each: _reason(each.reason, each),
            },
            empty="",
        )
    if is_interrupted:
        left = len(replays) - replays.result_count
        err.print(
            f"Interrupted: {replays.good_count} of {len(replays)} are good, {left} "
            f"{'was' if left == 1 else 'were'} not replayed. Run the same command again: it "
            "continues.",
            soft_wrap=True,
        )
    elif not as_json:
        verb = "is" if replays.good_count == 1 else "are"
        click.echo(f"{replays.good_count} of {len(replays)} requests {verb} good now.")


def _print_json(replays: Replays, *, is_done: bool) -> None:
    rows = (replay.to_json() for replay in replays)
    print_json_list("requests", rows, replayed=is_done)


def _reason(reason: str | None, replay: Replay) -> str:
    only_caller = "Only its caller can repair it." * replay.only_caller
    return " ".join(filter(None, (reason, only_caller)))
