"""Requests and capacity units of each operation against the budgets of docs/performance.md.

Units of writes and single reads are what the database reports; those of batch reads, which the emulator does not report, and of queries, for
which it always reports half a unit, are computed from the sizes of the items. The budget of a write is worked out from the plain formula, from how many whole KB each written item has,
and from the indexes that the tables' files name.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
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
    budget, written = operation.budget, write_units(requests)
    asked = [
        counted(f"requests: {operation.name}", len(requests), "requests", budget.requests, budget.why),
        counted(f"read units: {operation.name}", read_units(requests), "units", budget.read, budget.why),
    ]
    if written or budget.written:
        asked.append(counted(f"write units: {operation.name}", written, "units", budget.written, budget.why_written))
    for row in asked:
        yield replace(row, profile=asked_of(requests)) if row.met is False else row


def asked_of(requests: list[Request]) -> str:
    """What was asked of the database, by kind of request, and what of the written units each takes."""
    kinds = Counter(request.operation for request in requests)
    units = {kind: write_units([each for each in requests if each.operation == kind]) for kind in kinds}
    told = [f"{number} {kind}" + (f" ({units[kind]:g} units)" if units[kind] else "") for kind, number in kinds.items()]
    return f"Asked: {', '.join(told)}"


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


def item_bytes(item: dict[str, Any]) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8, numbers by their digits."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    text = str(content)
    if kind == "N":
        return math.ceil(len(text.strip("-")) / 2) + 1 + text.startswith("-")
    return 1 if kind in {"BOOL", "NULL"} else len(text.encode())
