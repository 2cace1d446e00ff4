"""Requests and capacity units of each operation against the design's budgets.

Units of writes and single reads are what the database reports; those of batch reads, which the emulator does not report, and of queries, for
which it always reports half a unit, are computed from the sizes of the items. The budget of a write is worked out from the design's formula, from how many whole KB each written item has,
and from the indexes that the tables' files name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.operations import Operation
from bench.recording import Request, recorded
from bench.rows import Row, counted

_READS = {"GetItem", "BatchGetItem", "Query"}


def rows(operations: Iterable[Operation]) -> Iterator[Row]:
    """Three rows an operation: requests, read units, write units."""
    for operation in operations:
        yield from rows_of(operation, ask(operation, f"budget-{operation.name}".replace(" ", "-").replace(",", "")))


def ask(operation: Operation, key: str) -> list[Request]:
    """What an operation asks of the database when it is warm."""
    operation.call(f"{key}-warm", operation.subject(f"{key}-warm"))
    subject = operation.subject(key)
    with recorded() as requests:
        operation.call(key, subject)
    return requests


def rows_of(operation: Operation, requests: list[Request]) -> Iterator[Row]:
    """The rows of recorded requests."""
    budget, items = operation.budget, written_items(requests)
    yield counted(f"requests: {operation.name}", len(requests), "requests", budget.requests, budget.why)
    yield counted(f"read units: {operation.name}", read_units(requests), "units", budget.read, budget.why)
    if items:
        why = _why_written(operation, items)
        goal = write_budget(operation, items)
        yield counted(f"write units: {operation.name}", write_units(requests), "units", goal, why)


def read_units(requests: list[Request]) -> float:
    """Read units of recorded requests, half a unit a 4 KB: of each item that is read by its key, of all together that a query finds."""
    return sum(_read_units(request) for request in requests if request.operation in _READS)


def _read_units(request: Request) -> float:
    items = [item_bytes(item) for item in found(request)]
    if request.operation == "Query":
        return 0.5 * max(1, _pages(sum(items)))
    if request.operation == "GetItem":
        return float(request.answer["ConsumedCapacity"]["CapacityUnits"])
    asked = sum(len(part["Keys"]) for part in request.params["RequestItems"].values())
    once = 0.5 * (sum(map(_pages, items)) + asked - len(items))  # a key that finds nothing costs as one that does
    return once * (2 if any(part["ConsistentRead"] for part in request.params["RequestItems"].values()) else 1)


def _pages(size: int) -> int:
    return math.ceil(size / 4096)


def found(request: Request) -> list[dict[str, Any]]:
    """The items that a request answered with."""
    match request.operation:
        case "BatchGetItem":
            return [item for items in request.answer["Responses"].values() for item in items]
        case "GetItem":
            return [request.answer["Item"]] if "Item" in request.answer else []
        case "Query":
            items: list[dict[str, Any]] = request.answer["Items"]
            return items
    return []


def write_units(requests: list[Request]) -> float:
    """Write units that the database reports, of tables and indexes."""
    total = 0.0
    for request in requests:
        if request.operation not in _READS:
            told = request.answer["ConsumedCapacity"]
            total += sum(each["CapacityUnits"] for each in (told if isinstance(told, list) else [told]))
    return total


@dataclass(frozen=True)
class Written:
    """An item that an operation writes: its table, its whole KB, and the units that indexes take for it."""

    table: str
    kilobytes: int
    indexes: int


def written_items(requests: list[Request]) -> list[Written]:
    """The items of the recorded writes. An update's item is a level, an account or a payable: at most a KB."""
    written = []
    for request in requests:
        if request.operation == "PutItem":
            written.append(_put(request.params, new=False))
        elif request.operation == "UpdateItem":
            written.append(_update(request.params))
        for table, puts in request.params.get("RequestItems", {}).items():
            if request.operation == "BatchWriteItem":
                written += [_put({"TableName": table, "Item": each["PutRequest"]["Item"]}, new=True) for each in puts]
        for each in request.params.get("TransactItems", []):
            ((kind, write),) = each.items()
            is_new = "attribute_not_exists" in write.get("ConditionExpression", "")
            written.append(_put(write, new=is_new) if kind == "Put" else _update(write))
    return written


def _update(update: dict[str, Any]) -> Written:
    leaves_index = "due_pk" in update.get("ExpressionAttributeNames", {}).values()
    return Written(update["TableName"].rpartition("-")[2], 1, int(leaves_index))


def _put(put: dict[str, Any], *, new: bool) -> Written:
    table, kilobytes = put["TableName"].rpartition("-")[2], math.ceil(item_bytes(put["Item"]) / 1024)
    entered = {
        "purchases": ("customer" in put["Item"]) + 1,  # by_customer and by_day hold the whole item
        "orders": 2 if new else 4,  # by_store and clock, keys only: 1 to enter, 2 when the key changes
        "ledger": (1 if new else 2) * ("due_pk" in put["Item"]),  # due holds the whole item
    }.get(table, 0)
    return Written(table, kilobytes, entered if table == "orders" else entered * kilobytes)


def write_budget(operation: Operation, items: list[Written]) -> float | None:
    """The design's write units: whole KB, doubled in a transaction; and what the indexes take."""
    budget, more = operation.budget, sum(each.kilobytes - 1 for each in items)
    if budget.items is None:
        return None
    return budget.units * (budget.items + more) + sum(each.indexes for each in items)


def _why_written(operation: Operation, items: list[Written]) -> str:
    budget, more, indexes = (
        operation.budget,
        sum(each.kilobytes - 1 for each in items),
        sum(each.indexes for each in items),
    )
    if budget.items is None:
        return budget.why
    formula = f"{budget.units} x {budget.items} items, + {budget.units} x {more} KB beyond the first of an item"
    return f"{formula}, + {indexes} of indexes"


def item_bytes(item: dict[str, Any]) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8, numbers by their digits."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    text = str(content)
    if kind == "N":
        return math.ceil(len(text.strip("-")) / 2) + 1 + text.startswith("-")
    return 1 if kind in {"BOOL", "NULL"} else len(text.encode())
