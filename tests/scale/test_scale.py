"""The drain and an outage on a small scale: `make scale` runs them at full size."""

from tests.scale import replaying
from tests.scale.boundary import Outage
from tests.scale.log_server import serve
from tests.scale.scenarios import make_pending
from tests.scale.world import START, world

_MINUTE = 60


def test_a_backlog_drains_with_workers() -> None:
    """300 owed emails are all sent once, by five workers and the run within a minute."""
    with world(workers_per_run=5) as one:
        uuids = make_pending(one, 300)
        began = one.virtual.now - START
        one.run_schedule(began, began + 1)
        one.until(began + _MINUTE)
        assert one.invoked["worker"] == 5
        assert not len(one.index)
        assert {uuid: len(one.mandrill.by_uuid[uuid]) for uuid in uuids} == dict.fromkeys(uuids, 2)


def test_an_outage_makes_few_requests_wait() -> None:
    """Mandrill hangs for three minutes: few requests wait, at first, and all emails are sent."""
    begin, end, last = 30, 210, 400
    with world(workers_per_run=5) as one:
        one.arrive(1, 0, end)
        one.run_schedule(0, last)
        one.until(begin)
        one.boundary.out = {"mandrill": Outage.HANGING}
        one.until(end)
        one.boundary.out = {}
        one.until(last)
        waited = [answer.at - START - begin for answer in one.answers if answer.seconds > 1]
        assert 5 <= len([at for at in waited if at > 0]) <= 15
        assert max(waited) <= 20
        assert len(one.answers) == end
        assert one.statuses() == {"sent": end}
        assert not one.mandrill.count_doubles()


def test_a_replay_that_was_interrupted_goes_on() -> None:
    """After Ctrl-C the next `replay` sends the rest, each request once, in little memory."""
    many = ("--yes", "--rate", "100", "--at-once", "16")
    with serve(300, seconds=0.1) as server:
        interrupted = replaying.run(server, *many, interrupt_at=50)
        assert (interrupted.code, 50 <= len(server.replayed) < 300) == (130, True)
        again = replaying.run(server, *many)
    assert again.code == 0, again.stderr
    assert sorted(server.replayed) == sorted(f"request-{number}" for number in range(300))
    assert again.megabytes <= 100
