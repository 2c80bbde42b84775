"""What is tried, each in a world of its own, and what it must reach."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tests.scale import hardships, pages, replaying
from tests.scale.boundary import Outage
from tests.scale.results import Result, percentile
from tests.scale.world import START, World, world

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
# Until when an example is written and its email is due, so that a backlog can be put there.
_READY: Final = 240.0
_EVERY: Final = 5.0


def make_pending(one: World, count: int, outage: Outage = Outage.REFUSING) -> list[str]:
    """Make so many emails pending at _READY: plain ones, or maybe sent ones if Mandrill hung.

    Mandrill has accepted every second of the maybe sent ones.
    """
    one.boundary.out = {"mandrill": outage}
    example = one.example()
    one.boundary.out = {}
    one.until(_READY)
    one.close_circuit()  # the failure of the example is counted in it
    uuids = one.copy(example, count, lambda _: {})
    if outage is Outage.HANGING:
        for uuid in uuids[::2]:
            metadata = {"appointment_uuid": uuid}
            one.mandrill.by_uuid[uuid] = [
                {"email": email, "state": "sent", "_id": "1", "metadata": metadata}
                for email in ("booker@planomatic.test", "pat@planomatic.test")
            ]
    one.boundary.calls.clear()
    return uuids


def drain(workers: int, count: int, per_minute: int) -> Result:
    """Let a backlog of plain emails drain; more of them than two runs can process."""
    result = Result(f"drain, {workers} workers")
    with world(workers_per_run=workers) as one:
        make_pending(one, count)
        one.run_schedule(_READY, _READY + 3 * MINUTE, phase=0)
        one.sample(_READY, _READY + 2 * MINUTE)
        one.until(_READY + 2 * MINUTE)
        settled = one.statuses()["sent"]
        rate = settled / 2
        calls = sum(
            number
            for kind in ("run", "worker")
            for name, number in one.boundary.calls[kind].items()
            if name in ("Query", "BatchGetItem", "UpdateItem", "PutItem", "GetItem")
        )
        result.expect(
            f"{workers} workers drain ≥ {per_minute:,} plain emails per minute",
            f"{rate:,.0f}",
            is_met=rate >= per_minute,
        )
        result.expect(
            f"a plain email costs ≤ 3.1 DynamoDB calls ({workers} workers)",
            f"{calls / settled:.2f}",
            is_met=calls / settled <= 3.1,
        )
        _expect_no_doubles(result, one)
        result.lines[f"{workers} workers"] = _minutes(one, _READY)
        result.figures |= {
            "rate": rate,
            "peak": one.peak,
            "worker_seconds": max(one.durations["worker"]),
            "worker_emails": (settled - sum(run["emails"] for run in one.runs))
            / one.invoked["worker"],
            "run_emails": sum(run["emails"] for run in one.runs) / len(one.runs),
            "bytes": one.log.bytes["worker"] / max(settled, 1),
        }
    return result


def thousand(outage: Outage, minutes: int) -> Result:
    """Let 1,000 emails drain with 30 workers."""
    kind = "plain" if outage is Outage.REFUSING else "maybe sent"
    result = Result(f"1,000 {kind}")
    with world(workers_per_run=30) as one:
        make_pending(one, 1_000, outage)
        one.run_schedule(_READY, _READY + 10 * MINUTE)
        one.sample(_READY, _READY + 10 * MINUTE, 1.0)
        one.until(_READY + 10 * MINUTE)
        took = _recovered_after(one, _READY)
        result.expect(
            f"1,000 {kind} emails, 30 workers: all settled within {minutes} min",
            _duration(took),
            is_met=took is not None and took <= minutes * MINUTE,
        )
        searches = max(run.get("searches", 0) for run in one.runs)
        if outage is Outage.HANGING:
            result.expect(
                "at most 8 searches per run",
                f"{searches} ({len(one.mandrill.searched_at)} in all)",
                is_met=searches <= 8,
            )
        _expect_no_doubles(result, one)
        result.expect(
            f"every one of the {kind} emails was sent",
            f"{one.statuses()['sent']:,}",
            is_met=one.statuses()["sent"] == 1_000,
        )
        result.lines[kind] = _minutes(one, _READY)
    return result


def outage_10_minutes(outage: Outage) -> Result:
    """10 requests per second, 10 minutes without Mandrill, 30 workers."""
    begin, end, last = 2 * MINUTE, 12 * MINUTE, 30 * MINUTE
    result = Result(f"outage of 10 minutes, {outage.value}")
    with world(workers_per_run=30) as one:
        one.arrive(10, 0, last)
        one.run_schedule(0, last)
        one.sample(0, last)
        one.until(begin)
        one.boundary.out = {"mandrill": outage}
        one.until(end)
        one.boundary.out = {}
        while one.virtual.now < START + last and _recovered_after(one, end) is None:
            one.until(one.virtual.now - START + MINUTE)
        took = _recovered_after(one, end)
        backlog = max(number for at, number in one.owed)
        result.expect(
            f"10 minutes at 10 per second, {outage.value}: recovered within 8 min of its end",
            f"{_duration(took)}, {backlog:,} owed",
            is_met=took is not None and took <= 8 * MINUTE,
        )
        _expect_no_doubles(result, one)
        waited = [answer for answer in one.answers if answer.seconds > 1]
        result.figures |= {"waited": len(waited), "answers": len(one.answers), "peak": one.peak}
        result.lines[outage.value] = _minutes(one, begin)
    return result


def long_outage(hours: float, per_minute: int) -> Result:
    """Let Mandrill refuse for long, with one request per minute or per second; 30 workers.

    From the sixth minute of the outage on, its requests are copies of one that met the open
    circuit breaker. In one of more than 3 hours the schedule runs every third minute until the last
    hour: what is renewed for 210 s stays open.
    """
    rate = "1 per minute" if per_minute == 1 else "1 per second"
    name = f"{hours:g} h at {rate}" if hours >= 1 else f"{hours * 60:g} min at {rate}"
    result = Result(f"outage, {name}")
    begin, end = 2.0 * MINUTE, 2 * MINUTE + hours * HOUR
    with world(workers_per_run=30) as one:
        one.arrive(per_minute / 60, 0, begin + 6 * MINUTE)
        calm = begin + 6 * MINUTE
        thin = end - HOUR if hours > 3 else calm
        one.run_schedule(0, calm)
        at = calm
        while at < end:
            one.virtual.at(START + at, one._run_once)
            at += 3 * MINUTE if at < thin else MINUTE
        one.until(begin)
        one.boundary.out = {"mandrill": Outage.REFUSING}
        one.until(calm)
        one.answers.clear()
        if per_minute > 1:
            example = one.example()
        at = calm
        while at < end:
            if per_minute > 1:
                _copy_minute(one, example, at, per_minute)
            else:
                one.request()
            at += MINUTE
            one.until(at)
        one.boundary.out = {}
        one.until(end)
        limit = 60 * MINUTE
        one.arrive(per_minute / 60, end, end + limit)
        one.run_schedule(at, end + limit)
        one.sample(end, end + limit)
        backlog = len(one.index)
        while one.virtual.now < START + end + limit and _recovered_after(one, end) is None:
            one.until(one.virtual.now - START + MINUTE)
        took = _recovered_after(one, end)
        allowed = backlog / 1_800 * MINUTE + 5 * MINUTE
        result.expect(
            f"outage of {name}: nothing given up", f"{one.given_up()}", is_met=not one.given_up()
        )
        result.expect(
            f"outage of {name}: recovered within {_duration(allowed)} ({backlog:,} owed)",
            _duration(took),
            is_met=took is not None and took <= allowed,
        )
        _expect_no_doubles(result, one)
        result.lines[name] = _minutes(one, end)
        result.figures |= {"backlog": backlog, "took": took, "given_up": one.given_up()}
    return result


def _copy_minute(one: World, example: dict[str, Any], at: float, count: int) -> None:
    now = START + int(at)

    def change(number: int) -> dict[str, Any]:
        return {
            "owed_since": {"N": str(now + number)},
            "due": {"N": str(now + number + 60)},
            "email_due": {"N": str(now + number + 60)},
        }

    one.copy(example, count, change)


_WAITING: Final = {1: 15, 10: 100, 100: 1_000}


def breaker(per_second: int, outage: Outage, phases: tuple[int, ...]) -> Result:
    """Let Mandrill be out for 400 s; see which requests wait, whenever the schedule runs.

    At 100 per second 150 s of it are played: nothing changes after the first minute.
    """
    result = Result(f"breaker, {per_second} per second, {outage.value}")
    begin, end = 120.0, (270.0 if per_second == 100 else 520.0)
    most, latest, middle, slow = 0, 0.0, 0.0, 0.0
    for phase in phases:
        with world(workers_per_run=30) as one:
            one.arrive(per_second, begin - (10 if per_second == 100 else 60), end)
            one.run_schedule(0, end, phase=phase)
            one.until(begin)
            one.boundary.out = {"mandrill": outage}
            one.until(end)
            during = [
                answer for answer in one.answers if START + begin <= answer.at < START + end - 10
            ]
            waited = [answer for answer in during if answer.seconds > 1]
            after = [each.seconds for each in during if each.at >= START + begin + 20]
            most = max(most, len(waited))
            latest = max([latest, *(answer.at - START - begin for answer in waited)])
            middle = max(middle, percentile(after, 50))
            slow = max(slow, percentile(after, 99))
            result.figures["peak"] = max(result.figures.get("peak", 0), one.peak)
            result.lines[outage.value] = [
                (answer.at - START - begin, answer.seconds)
                for answer in one.answers
                if answer.at < START + begin + 60
            ]
    of = f"{outage.value}, {per_second} per second"
    result.expect(
        f"{of}: ≤ {_WAITING[per_second]:,} requests wait longer than 1 s, all within 20 s",
        f"{most}" + (f", the last of them after {latest:.1f} s" if most else ""),
        is_met=most <= _WAITING[per_second] and latest <= 20,
    )
    result.expect(
        f"{of}: then p50 ≤ 50 ms, p99 ≤ 300 ms",
        f"{middle * 1000:.0f} ms, {slow * 1000:.0f} ms",
        is_met=middle <= 0.05 and slow <= 0.3,
    )
    return result


def _recovered_after(one: World, end: float) -> float | None:
    """Return the seconds from `end` until nothing was owed any more, None if that never came."""
    return next((at - end for at, number in one.owed if at > end and not number), None)


def _minutes(one: World, zero: float) -> list[tuple[float, float]]:
    return [((at - zero) / MINUTE, float(number)) for at, number in one.owed]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds:.0f} s" if seconds < 3 * MINUTE else f"{seconds / MINUTE:.1f} min"


def _expect_no_doubles(result: Result, one: World) -> None:
    result.expect(
        f"{result.name}: no one is mailed twice",
        f"{one.mandrill.count_doubles()}",
        is_met=not one.mandrill.count_doubles(),
    )


SCENARIOS: Final[dict[str, Callable[[], Result]]] = {
    "drain-10": partial(drain, 10, 2_500, 600),
    "drain-30": partial(drain, 30, 6_500, 1_800),
    "drain-100": partial(drain, 100, 21_000, 6_000),
    "plain-1000": partial(thousand, Outage.REFUSING, 1),
    "maybe-1000": partial(thousand, Outage.HANGING, 4),
    "outage-refusing": partial(outage_10_minutes, Outage.REFUSING),
    "outage-hanging": partial(outage_10_minutes, Outage.HANGING),
    **{
        f"long-{hours:g}-{per_minute}": partial(long_outage, hours, per_minute)
        for hours, per_minute in ((0.5, 1), (3, 1), (12, 1), (48, 1), (3, 60), (12, 60))
    },
    **{
        f"breaker-{per_second}-{outage.value}": partial(breaker, per_second, outage, phases)
        for per_second, phases in ((1, (0, 20, 40)), (10, (0, 30)), (100, (30,)))
        for outage in (Outage.REFUSING, Outage.HANGING)
    },
    "time-limit": hardships.time_limit,
    "broken-items": hardships.broken_items,
    "console-pages": pages.console_pages,
    "replay-100000": replaying.replay_of_100_000,
}
