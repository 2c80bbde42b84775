"""The queries of the notifications table's indexes, for which moto walks all items each time."""

import json
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse

from tests.support.fake_aws import INDEXES

_MAX_PAGE: Final = 1_000_000
_CONDITION: Final = re.compile(
    r"\(?(#\w+) = (:\w+)(?: AND (#\w+) (?:BETWEEN (:\w+) AND (:\w+)|>= (:\w+))\)?)?"
)
_LAST: Final = "￿"


class NotificationIndex:
    """The items of each index by their key, in the order of `came_at`; they do not change."""

    def __init__(self, items: Iterable[dict[str, Any]]) -> None:
        self._items: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for item in sorted(items, key=_place):
            for name, key, *_ in INDEXES["notifications"]:
                if key in item:
                    self._items[name, item[key]["S"]].append(item)

    def respond(self, call: dict[str, Any]) -> AWSResponse:
        """Respond to a Query."""
        values = {name: value["S"] for name, value in call["ExpressionAttributeValues"].items()}
        found = _CONDITION.fullmatch(call["KeyConditionExpression"])
        assert found, call["KeyConditionExpression"]
        first, last = values.get(found[4] or found[6], ""), values.get(found[5], _LAST)
        items = self._items[call["IndexName"], values[found[2]]]
        begin = bisect_left(items, (first, ""), key=_place)
        end = bisect_right(items, (last, _LAST), key=_place)
        is_newest_first = not call.get("ScanIndexForward", True)
        if start := call.get("ExclusiveStartKey"):
            begin, end = (
                (begin, bisect_left(items, _place(start), key=_place))
                if is_newest_first
                else (bisect_right(items, _place(start), key=_place), end)
            )
        page: list[dict[str, Any]] = []
        size = 0
        places = range(end - 1, begin - 1, -1) if is_newest_first else range(begin, end)
        for place in places:
            page.append(items[place])
            size += len(str(items[place]))
            if len(page) == call.get("Limit") or size > _MAX_PAGE:
                break
        body: dict[str, Any] = {"Items": page, "Count": len(page), "ScannedCount": len(page)}
        if len(page) < len(places):
            names = ("notification_id", "came_at", "day", "open", "request_id")
            body["LastEvaluatedKey"] = {n: page[-1][n] for n in names if n in page[-1]}
        return AWSResponse("", 200, HTTPHeaders(), MockRawResponse(json.dumps(body).encode()))


def _place(item: dict[str, Any]) -> tuple[str, str]:
    return item["came_at"]["S"], item["notification_id"]["S"]
