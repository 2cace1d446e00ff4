"""Requests and capacity units of each operation against the design's budgets.

Units of writes and single reads are what the database reports; a batch read's, which the emulator does not report, are computed from
the sizes of its items. The budget of a write is worked out from the design's formula, from how many whole KB each written item has,
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


@dataclass(frozen=True)
class Budget:
    """What the design allows: requests, read units; write units beyond what the written items and indexes take by themselves are too many."""

    requests: int
    read: float
    why: str


def rows(operations: Iterable[Operation]) -> Iterator[Row]:
    """Three rows an operation: requests, read units, write units."""
    for operation in operations:
        key = f"budget-{operation.name}".replace(" ", "-").replace(",", "")
        subject = operation.subject(key)
        operation.call(f"{key}-warm", operation.subject(f"{key}-warm"))
        with recorded() as requests:
            operation.call(key, subject)
        budget = budget_of(operation, requests)
        yield counted(f"requests: {operation.name}", len(requests), "requests", budget.requests, budget.why)
        yield counted(f"read units: {operation.name}", read_units(requests), "units", budget.read, budget.why)
        items = written_items(requests)
        if items:
            goal = write_budget(operation, items)
            yield counted(
                f"write units: {operation.name}", write_units(requests), "units", goal, _why_written(operation, items)
            )


def budget_of(operation: Operation, requests: list[Request]) -> Budget:
    """The design's row for an operation (section 8), in its own words."""
    lines, stores = operation.lines, operation.stores
    match operation.name:
        case "order status":
            return Budget(2, 0.5 * _parts(requests), "1 + 1 for the recipient, 0.5 read each 4 KB")
        case "listing page" | "listing as JSON":
            return Budget(1, 1, "1 request, at most 1 read")
        case "cancel":
            read = 0.5 + 0.5 * stores
            return Budget(2, read, f"2 requests, (1 + m) x 0.5 = {read:g} read; m = {stores}")
        case "order step":
            return Budget(2, 0.5, "at most 2 requests, 0.5 read")
        case name if name.startswith("checkout"):
            read = 0.5 * (lines + stores + 2)
            return Budget(
                2, read, f"2 requests; 0.5 x (k + m + 2) = {read:g} read (decision 0005); k = {lines}, m = {stores}"
            )
    return Budget(1, 0.5, "1 request, 0.5 read a 4 KB shelf")


def _parts(requests: list[Request]) -> int:
    return sum(math.ceil(item_bytes(item) / 4096) for request in requests for item in _found(request))


def read_units(requests: list[Request]) -> float:
    """Read units of recorded requests: reported, or computed for batch reads (half a unit a 4 KB; a key that finds nothing costs as one that does)."""
    return sum(_read_units(request) for request in requests if request.operation in _READS)


def _read_units(request: Request) -> float:
    if request.operation != "BatchGetItem":
        return float(request.answer["ConsumedCapacity"]["CapacityUnits"])
    asked = sum(len(part["Keys"]) for part in request.params["RequestItems"].values())
    found = _found(request)
    return 0.5 * (sum(math.ceil(item_bytes(item) / 4096) for item in found) + asked - len(found))


def _found(request: Request) -> list[dict[str, Any]]:
    if request.operation == "BatchGetItem":
        return [item for items in request.answer["Responses"].values() for item in items]
    if request.operation == "GetItem":
        return [request.answer["Item"]] if "Item" in request.answer else []
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
    """The items of the recorded writes. An update's item is a level or an account, well below a KB."""
    written = []
    for request in requests:
        if request.operation == "PutItem":
            written.append(_put(request.params, new=False))
        for each in request.params.get("TransactItems", []):
            if "Put" in each:
                written.append(
                    _put(each["Put"], new="attribute_not_exists" in each["Put"].get("ConditionExpression", ""))
                )
            else:
                ((_, update),) = each.items()
                written.append(Written(update["TableName"].rpartition("-")[2], 1, 0))
    return written


def _put(put: dict[str, Any], *, new: bool) -> Written:
    table, kilobytes = put["TableName"].rpartition("-")[2], math.ceil(item_bytes(put["Item"]) / 1024)
    entered = {
        "purchases": 2 * kilobytes,  # by_customer and by_day hold the whole item
        "orders": 2 if new else 4,  # by_store and clock, keys only: 1 to enter, 2 when the key changes
    }
    return Written(table, kilobytes, entered.get(table, 0))


def write_budget(operation: Operation, items: list[Written]) -> float:
    """The design's write units: whole KB, doubled in a transaction; and what the indexes take."""
    if operation.name == "order step":
        return sum(each.kilobytes + each.indexes for each in items)
    more = sum(each.kilobytes - 1 for each in items)
    return 2 * (_allowed(operation) + more) + sum(each.indexes for each in items)


def _allowed(operation: Operation) -> int:
    """k + m + 3: levels, orders, and the purchase, the transfer and the customer's account (a cancellation leaves the purchase as it is)."""
    return operation.lines + operation.stores + 3


def _why_written(operation: Operation, items: list[Written]) -> str:
    more, indexes = sum(each.kilobytes - 1 for each in items), sum(each.indexes for each in items)
    if operation.name == "order step":
        return f"1 unit a KB of the order + {indexes} of indexes (a single write: half of the design's 2 a KB)"
    return f"2 x (k + m + 3) = {2 * _allowed(operation)}, + 2 x {more} KB beyond the first of an item, + {indexes} of indexes"


def item_bytes(item: dict[str, Any]) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8, numbers by their digits."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    text = str(content)
    if kind == "N":
        return math.ceil(len(text.strip("-")) / 2) + 1 + text.startswith("-")
    return 1 if kind in {"BOOL", "NULL"} else len(text.encode())
