"""What must delay nothing else: calls that hang in every combination, and broken items."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from appointments.statuses import Status
from tests.scale.boundary import Outage
from tests.scale.results import Result
from tests.scale.world import START, World, world
from tests.support.environment import reset_environment

_EFFECTS: Final = (
    "BatchGetItem",
    "PutItem",
    "GetItem",
    "UpdateItem",
    "GetSecretValue",
    "messages/send-template",
    "Publish",
)
_LIMIT: Final = 29.0
_APART: Final = 300.0


def combinations() -> Iterator[dict[str, Outage]]:
    """Yield what is out at once: each effect alone, in pairs, and all together."""
    for outage in Outage:
        yield dict.fromkeys(_EFFECTS, outage)
    for number in (1, 2):
        for effects in itertools.combinations(_EFFECTS, number):
            for outages in itertools.product(Outage, repeat=number):
                yield dict(zip(effects, outages, strict=True))


def time_limit() -> Result:
    """Send a request, in a new execution environment, under each combination."""
    result = Result("time limit")
    statuses = {status.value for status in Status}
    slowest, seen, wrong, worst = 0.0, Counter[str](), 0, ""
    with world() as one:
        for out in combinations():
            answer = _answer(one, out)
            seen[answer.status] += 1
            wrong += answer.status not in statuses or answer.seconds > _LIMIT
            if answer.seconds > slowest:
                slowest = answer.seconds
                worst = ", ".join(f"{effect} {outage.value}" for effect, outage in out.items())
    tried = seen.total()
    result.expect(
        f"any hang, slow connection or trickle, alone, in pairs, all together ({tried} "
        "combinations): answered within 29 s with the contract's status",
        f"{tried - wrong} of {tried}, the slowest {slowest:.1f} s ({worst})",
        is_met=not wrong,
    )
    result.figures |= {"slowest": slowest, "statuses": dict(seen)}
    return result


def _answer(one: World, out: Mapping[str, Outage]) -> Any:
    one.until(one.virtual.now - START + _APART)
    one.end_environments()
    reset_environment()
    one.close_circuit()
    one.boundary.out = dict(out)
    one.answers.clear()
    one.request()
    one.until(one.virtual.now - START + 40)
    one.boundary.out = {}
    [answer] = one.answers
    return answer


def broken_items(good: int = 401, broken: int = 240, maybe_sent: int = 2_000) -> Result:
    """Good emails, the newest, behind broken items, maybe sent emails and an unreadable shard."""
    result = Result("broken items")
    with world(workers_per_run=10) as one:
        one.boundary.out = {"mandrill": Outage.HANGING}
        maybe = one.example()
        one.boundary.out = {"mandrill": Outage.REFUSING}
        plain = one.example()
        one.boundary.out = {}
        one.close_circuit()
        one.until(300)
        one.copy(maybe, maybe_sent, lambda _: {})
        bad = one.copy(plain, broken, lambda _: {"email_recipients": {"S": "no list"}})
        newer = str(int(plain["due"]["N"]) + 60)
        uuids = one.copy(plain, good, lambda _: {"due": {"N": newer}, "email_due": {"N": newer}})
        one.index.unreadable = {"3"}
        one.run_schedule(300, 300 + 40 * 60)
        runs = 0
        left = [uuid for uuid in uuids if one.index.shard_of(uuid) != "3"]
        while runs < 10 and any(one.index.shard_of(uuid) for uuid in left):
            runs += 1
            one.until(300 + runs * 60 - 0.5)
        one.index.unreadable = set()
        one.until(300 + 40 * 60)
        notified = Counter(one.crashes)
        late = sum(one.index.shard_of(uuid) is not None for uuid in uuids)
        result.expect(
            f"{broken} broken items, {maybe_sent:,} maybe sent, one unreadable shard at once: "
            "good emails are delayed by at most one run",
            f"{len(left)} of them gone after run {runs}",
            is_met=runs <= 2,
        )
        result.expect(
            "what was in the unreadable shard is sent when it can be read",
            f"{late} left",
            is_met=not late,
        )
        result.expect(
            "each broken item is notified once",
            f"{len(notified)} items, at most {max(notified.values(), default=0)} times",
            is_met=set(notified) == set(bad) and max(notified.values(), default=0) == 1,
        )
        result.expect(
            "the maybe sent emails: no one is mailed twice",
            f"{one.mandrill.count_doubles()}",
            is_met=not one.mandrill.count_doubles(),
        )
        result.figures |= {"runs": one.runs[:5], "statuses": dict(one.statuses())}
    return result
