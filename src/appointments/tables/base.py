"""What the tables of a request share: the one connection, and one read across them (1.3)."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Self, TypeVar

from pynamodb import models
from pynamodb.constants import NULL

from appointments import clients
from appointments.reasons import MalformedItem
from appointments.tables.batch_get import batch_get
from appointments.tables.keys import TYPE_NAMES


class Model(models.Model):
    """A PynamoDB model whose connection uses the function's one DynamoDB client."""

    @classmethod
    def connect(cls) -> None:
        """Make the connection, at the end of INIT rather than in the first request."""
        clients.share_client_with(cls._get_connection())

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Return an item with these values.

        It avoids PynamoDB's constructor, which sets each value through its attribute. This saves
        5 % of a warm request with all parameters, 2 % of a usual one.
        """
        item = cls()
        item.attribute_values.update(values)
        return item

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the item that DynamoDB returned.

        Raises MalformedItem if an attribute has another type than the one declared.
        """
        for name, attribute in cls.get_attributes().items():
            value = data.get(name)
            if value and NULL not in value and attribute.attr_type not in value:
                raise cls._malformed(data, attribute)
        return super().from_raw_data(data)

    @classmethod
    def _malformed(cls, data: dict[str, Any], attribute: Any) -> MalformedItem:
        table = cls.__name__.lower()
        # A session's key is the hash of its token, which no person needs to see.
        key = table if table == "session" else data.get(_key_name(cls), {}).get("S", table)
        what = f"{attribute.attr_name} is not {TYPE_NAMES[attribute.attr_type]}"
        return MalformedItem(f"{key}: {what}", f"{table}: {what}")

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """Return the set attributes as DynamoDB takes them.

        It avoids PynamoDB's own method, which visits all declared attributes several times, while
        an item sets a third of them. This saves 5 % of a warm request. Raises ValueError if
        `null_check` is true and a required attribute is missing.
        """
        declared = self.get_attributes()
        item = {}
        for name, value in self.attribute_values.items():
            attribute = declared[name]
            if value is not None and (serialized := attribute.serialize(value)) is not None:
                item[name] = {attribute.attr_type: serialized}
        if null_check and (missing := _required(type(self)) - item.keys()):
            raise ValueError(f"{type(self).__name__} lacks {', '.join(sorted(missing))}")
        return item


AnyModel = TypeVar("AnyModel", bound=Model)
Element = TypeVar("Element")


def chunks(elements: Sequence[Element], size: int) -> Iterator[Sequence[Element]]:
    """Yield the elements in their order, at most `size` at a time."""
    for start in range(0, len(elements), size):
        yield elements[start : start + size]


class BatchResult:
    """The items that one read found, by table and key."""

    def __init__(self, items: dict[tuple[type[Model], str], dict[str, Any]]) -> None:
        self._items = items

    def __contains__(self, of: tuple[type[Model], str]) -> bool:
        """Whether the table has an item under the key."""
        return of in self._items

    def raw(self, table: type[Model], key: str) -> dict[str, Any] | None:
        """Return the item as DynamoDB has it, or None where there is none."""
        return self._items.get((table, key))

    def get(self, table: type[AnyModel], key: str) -> AnyModel | None:
        """Return the item, or None if there is none."""
        raw = self._items.get((table, key))
        return None if raw is None else table.from_raw_data(raw)


def read_batch(
    wanted: Sequence[tuple[type[Model], str]], *, deadline: float, allow_partial: bool = False
) -> BatchResult:
    """Read items of several tables in one consistent BatchGetItem (no call if none is wanted).

    A batch and not a transaction: another request that marks the session cannot make it fail. If
    DynamoDB has no capacity for some of the keys, it is asked again until `deadline`
    (time.monotonic() seconds). Raises botocore's exceptions, and TimeoutError if keys are unread
    then, unless the caller takes what there is (`allow_partial`).
    """
    tables = {table.Meta.table_name: table for table, _ in wanted}
    requested: dict[str, Any] = {
        name: {
            "ConsistentRead": True,
            "Keys": [{_key_name(table): {"S": key}} for of, key in wanted if of is table],
        }
        for name, table in tables.items()
    }
    found, left = batch_get(clients.client("dynamodb"), requested, deadline)
    if left and not allow_partial:
        unread = TimeoutError("DynamoDB had no capacity for some of the keys")
        unread.add_note(clients.call_note("BatchGetItem", {"RequestItems": left}))
        raise unread
    return BatchResult(
        {
            (tables[name], raw[_key_name(tables[name])]["S"]): raw
            for name, raws in found.items()
            for raw in raws
        }
    )


@cache
def _required(table: type[Model]) -> frozenset[str]:
    return frozenset(
        name for name, attribute in table.get_attributes().items() if not attribute.null
    )


@cache
def _key_name(table: type[Model]) -> str:
    return next(name for name, attribute in table.get_attributes().items() if attribute.is_hash_key)
