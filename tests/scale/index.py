"""What moto would take too long for: the query of the sparse index, and the projection of items.

moto walks all items for each query, and makes each projected item anew for each attribute.
"""

import copy
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from appointments.settings import SETTINGS
from tests.support.fake_aws import ACCOUNT, REGION


class SparseIndex:
    """By shard, when each appointment that is owed is due; a shard may be `unreadable`."""

    def __init__(self) -> None:
        self._due: dict[str, dict[str, int]] = defaultdict(dict)
        self._shard: dict[str, str] = {}
        self.unreadable: set[str] = set()

    def written(self, name: str, body: bytes) -> None:
        """Follow a call that DynamoDB took."""
        if (
            name not in ("PutItem", "UpdateItem")
            or SETTINGS.appointments_table.encode() not in body
        ):
            return
        call = json.loads(body)
        if call["TableName"] == SETTINGS.appointments_table:
            self.update((call.get("Key") or call["Item"])["uuid"]["S"])

    def update(self, uuid: str) -> None:
        """Follow a change of an item."""
        if shard := self._shard.pop(uuid, None):
            del self._due[shard][uuid]
        item = appointments().get(DynamoType({"S": uuid}))
        if item and "owed" in item.attrs and "due" in item.attrs:
            self._shard[uuid] = item.attrs["owed"].value
            self._due[item.attrs["owed"].value][uuid] = int(item.attrs["due"].value)

    def query(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer the schedule's query: a shard, and what is due until then."""
        values = call["ExpressionAttributeValues"].values()
        [shard] = [value["S"] for value in values if "S" in value]
        if shard in self.unreadable:
            raise _throttling_error()
        [until] = [int(value["N"]) for value in values if "N" in value]
        entries = sorted((due, uuid) for uuid, due in self._due[shard].items() if due <= until)
        items = [
            {"uuid": {"S": uuid}, "owed": {"S": shard}, "due": {"N": str(due)}}
            for due, uuid in entries[: call["Limit"]]
        ]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def shard_of(self, uuid: str) -> str | None:
        """Return the shard of an appointment; None if it is not owed."""
        return self._shard.get(uuid)

    def __len__(self) -> int:
        return len(self._shard)


def project(item: Item, paths: Sequence[Sequence[str]]) -> Item:
    """Return the item with these attributes alone, in place of moto's `Item.project`."""
    projected = copy.copy(item)
    projected.attrs = copy.copy(item.attrs)
    projected.attrs.clear()
    projected.attrs |= {name: item.attrs[name] for [name] in paths if name in item.attrs}
    return projected


def appointments() -> Any:
    """Return moto's items, by uuid."""
    return dynamodb_backends[ACCOUNT][REGION].tables[SETTINGS.appointments_table].items


def _throttling_error() -> ClientError:
    error = {"Code": "ProvisionedThroughputExceededException", "Message": "no capacity"}
    metadata = {"HTTPStatusCode": 400, "RetryAttempts": 0}
    return ClientError({"Error": error, "ResponseMetadata": metadata}, "Query")  # type: ignore[typeddict-item]
