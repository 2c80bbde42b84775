"""Run a case of the catalogue on moto, as often as a test needs: each time in the same state."""

import pickle
from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.sns.models import sns_backends

from tests.support.cases import Case, State, cases
from tests.support.environment import clear_route_cache
from tests.support.fake_aws import ACCOUNT, REGION, TABLES, FakeAws
from tools.local_stack.seeds import KINDS

# Every case, with the tokens of the sessions that `FakeAws` seeds.
CASES: Final = cases({kind: f"{kind}-token" for kind in KINDS})


class CaseRunner:
    """Runs events in the state of a case: AWS is reset to this state before each event."""

    def __init__(self, aws: FakeAws, state: State) -> None:
        self.aws, self._state = aws, state
        aws.seed()
        for record, attributes in state.records.items():
            table = aws.dynamodb.Table("records")
            if attributes is None:
                table.delete_item(Key={"record": record})
            else:
                table.put_item(Item={"record": record, **attributes})
        for item in state.items:
            _backend().put_item("appointments", dict(item))
        clear_route_cache()
        for event in state.before:
            aws.invoke(event)
        self._tables = {name: pickle.dumps(_table(name).items) for name in TABLES}

    def run(self, event: Any) -> list[dict[str, Any]]:
        """Return the payloads with which the function responds to the event in this state."""
        for name, items in self._tables.items():
            _table(name).items = pickle.loads(items)  # noqa: S301 - our own
        clear_route_cache()
        self.aws.faults.inject = {name: list(faults) for name, faults in self._state.faults.items()}
        returned = self.aws.invoke(event)
        return [each for each in _list(returned) if "statusCode" in each]

    def reset(self) -> None:
        """Drop all that the fake AWS has recorded, except the tables."""
        self.aws.payloads.clear()
        self.aws.faults.calls.clear()
        self.aws.out.seek(0)
        self.aws.out.truncate()
        Item.instances_tracked.clear()  # type: ignore[attr-defined]  # of a base without types
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            topic.sent_notifications.clear()


def run_case(aws: FakeAws, case: Case) -> list[dict[str, Any]]:
    """Return the payloads with which the function responds to a case, once."""
    return CaseRunner(aws, case.state).run(case.event)


def _list(returned: Any) -> list[Any]:
    return returned if isinstance(returned, list) else [returned]


def _backend() -> Any:
    return dynamodb_backends[ACCOUNT][REGION]


def _table(name: str) -> Any:
    return _backend().tables[name]
