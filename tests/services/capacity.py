"""Counts the requests to the database and the units that they consume, as it reports them itself (batch reads report none here)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mart_union.kernel import storage

_READS = {"GetItem", "Query", "Scan", "BatchGetItem"}
_OPERATIONS = (*_READS, "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@dataclass
class Capacity:
    """What was asked of the database, and what it took."""

    requests: list[str] = field(default_factory=list)
    read: float = 0
    written: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> list[str]:
        """The requests that write. One whose condition fails takes units, too, though it does not say so."""
        return [request for request in self.requests if request not in _READS]

    @property
    def written_units(self) -> float:
        """Write units of all tables and indexes."""
        return sum(self.written.values())


@contextmanager
def measured() -> Iterator[Capacity]:
    """The capacity consumed in the block."""
    capacity = Capacity()

    def ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return params | {"ReturnConsumedCapacity": "INDEXES"}

    def told(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        capacity.requests.append(model.name)
        told = parsed.get("ConsumedCapacity") or []
        for each in told if isinstance(told, list) else [told]:
            if model.name in _READS:
                capacity.read += each["CapacityUnits"]
            else:
                capacity.written[each["TableName"].rpartition("-")[2]] += each["CapacityUnits"]

    events = storage.client().meta.events
    for operation in _OPERATIONS:
        events.register(f"provide-client-params.dynamodb.{operation}", ask, unique_id=f"ask-{operation}")
        events.register(f"after-call.dynamodb.{operation}", told, unique_id=f"told-{operation}")
    try:
        yield capacity
    finally:
        for operation in _OPERATIONS:
            events.unregister(f"provide-client-params.dynamodb.{operation}", unique_id=f"ask-{operation}")
            events.unregister(f"after-call.dynamodb.{operation}", unique_id=f"told-{operation}")
