"""A world on moto in which each case of the catalogue can be played, as often as one likes."""

import pickle
from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.sns.models import sns_backends

from tests.service.world import ACCOUNT, REGION, TABLES, World
from tests.support.cases import Case, State, cases
from tests.support.environment import forget_route
from tools.local_stack.seeds import KINDS

# Every case, with the tokens of the sessions that `World` seeds.
CASES: Final = cases({kind: f"{kind}-token" for kind in KINDS})


class Stage:
    """A world that takes the state of a case and returns to it before each event."""

    def __init__(self, world: World, state: State) -> None:
        self.world, self._state = world, state
        world.seed()
        for record, attributes in state.records.items():
            table = world.dynamodb.Table("records")
            if attributes is None:
                table.delete_item(Key={"record": record})
            else:
                table.put_item(Item={"record": record, **attributes})
        for item in state.items:
            _backend().put_item("appointments", dict(item))
        forget_route()
        for event in state.before:
            world.invoke(event)
        self._tables = {name: pickle.dumps(_table(name).items) for name in TABLES}

    def play(self, event: Any) -> list[dict[str, Any]]:
        """Return the payloads with which the function responds to the event in this state."""
        for name, items in self._tables.items():
            _table(name).items = pickle.loads(items)  # noqa: S301 - our own
        forget_route()
        self.world.wire.breaks = {name: list(fates) for name, fates in self._state.faults.items()}
        returned = self.world.invoke(event)
        return [each for each in _list(returned) if "statusCode" in each]

    def forget(self) -> None:
        """Drop all that the world keeps of what was played, except the tables."""
        self.world.payloads.clear()
        self.world.wire.calls.clear()
        self.world.out.seek(0)
        self.world.out.truncate()
        Item.instances_tracked.clear()  # type: ignore[attr-defined]  # of a base without types
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()


def play(world: World, case: Case) -> list[dict[str, Any]]:
    """Return the payloads with which the function responds to a case, once."""
    return Stage(world, case.state).play(case.event)


def _list(returned: Any) -> list[Any]:
    return returned if isinstance(returned, list) else [returned]


def _backend() -> Any:
    return dynamodb_backends[ACCOUNT][REGION]


def _table(name: str) -> Any:
    return _backend().tables[name]
