"""Settlement of 1,000, 10,000 and 100,000 payables over 100 parties: time and write units a payable, and transactions.

The emulator looks through a whole table for each query of an index, which DynamoDB does not. So the time that is compared is that of a run without
its queries: everything that the code does, and its transactions. A first, unmeasured run warms everything up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from bench.rows import Row, counted

SIZES = (1_000, 10_000, 100_000)
PARTIES = 100
DAY = "2026-11-30"
NOW = datetime(2026, 11, 30, 4, tzinfo=UTC)
GOAL = 1.1


@dataclass
class Counts:
    """What a run asked of the database."""

    transactions: int = 0
    units: float = 0
    query_seconds: float = 0
    _began: float = 0

    def ask(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Have the database tell what a write takes."""
        return params | {"ReturnConsumedCapacity": "TOTAL"}

    def told(self, parsed: dict[str, Any], **_: Any) -> None:
        """Count a write."""
        found = parsed.get("ConsumedCapacity") or []
        self.units += sum(each["CapacityUnits"] for each in (found if isinstance(found, list) else [found]))

    def sent(self, **_: Any) -> None:
        """Count a transaction."""
        self.transactions += 1

    def asked(self, **_: Any) -> None:
        """A query begins."""
        self._began = time.perf_counter()

    def answered(self, **_: Any) -> None:
        """A query has ended."""
        self.query_seconds += time.perf_counter() - self._began


def rows(_endpoint: str, sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """Each size against the smallest."""
    _settle("warm", PARTIES)
    first: tuple[float, float] | None = None
    for size in sizes:
        seconds, counts = _settle(f"n{size}", size)
        own, units = seconds * 1000 / size, counts.units / size
        first = first or (own, units)
        name = f"settlement: {size:,} payables of {PARTIES} parties"
        yield _against(f"{name}, time a payable", own, first[0], "ms", sizes[0])
        yield _against(f"{name}, write units a payable", units, first[1], "units", sizes[0])
        bound = ceil(size / 90) + 3 * PARTIES
        yield counted(f"{name}, transactions", counts.transactions, "transactions", bound, "⌈N/90⌉ + 3S")


def _against(name: str, value: float, first: float, unit: str, size: int) -> Row:
    ratio = value / first
    return Row(
        name,
        round(value, 3),
        unit,
        f"{size:,} payables: {first:.3f} {unit}",
        round(ratio, 3),
        None,
        GOAL,
        ratio <= GOAL,
    )


def _settle(name: str, size: int) -> tuple[float, Counts]:
    """Make the payables, then settle them; the seconds that it took without queries, and what was asked."""
    from mart_union.kernel import storage
    from mart_union.ledger.due import list_due_parties
    from mart_union.settlement.payouts import send_payouts
    from mart_union.settlement.statements import settle_party

    _owe(name, size)
    found = [each for each in list_due_parties(DAY).items if each.party.startswith(f"store/{name}-")]
    counts, events = Counts(), storage.client().meta.events
    hooks = [
        ("provide-client-params.dynamodb.TransactWriteItems", counts.ask),
        ("provide-client-params.dynamodb.UpdateItem", counts.ask),
        ("after-call.dynamodb.TransactWriteItems", counts.told),
        ("after-call.dynamodb.UpdateItem", counts.told),
        ("before-send.dynamodb.TransactWriteItems", counts.sent),
        ("before-send.dynamodb.Query", counts.asked),
        ("after-call.dynamodb.Query", counts.answered),
    ]
    for event, hook in hooks:
        events.register(event, hook)
    began = time.perf_counter()
    try:
        for each in found:
            while not settle_party(each, NOW).is_done:
                pass
        send_payouts(NOW)
        seconds = time.perf_counter() - began - counts.query_seconds
    finally:
        for event, hook in hooks:
            events.unregister(event, hook)
    return seconds, counts


def _owe(name: str, size: int) -> None:
    """Payables of a hundred parties with verified accounts, and their marks."""
    from mart_union.customers.destinations import decide_destination, set_destination
    from mart_union.customers.model import DestinationFields
    from mart_union.kernel.transaction import MOST_ITEMS, WriteTransaction
    from mart_union.ledger.due import mark_due
    from mart_union.ledger.model import Payable
    from mart_union.ledger.service import add_payable

    early = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(PARTIES):
        made = set_destination(f"store/{name}-{number}", DestinationFields("Bench", "000123456", "822"), "bench", early)
        decide_destination(made.party, made.id, True, "operator", early)
    payables = [
        Payable(f"{name}-{each}", f"store/{name}-{each % PARTIES}", f"o{each}", 10_000, DAY, "completion", f"t{each}")
        for each in range(size)
    ]
    for start in range(0, size, MOST_ITEMS):
        transaction = WriteTransaction()
        for payable in payables[start : start + MOST_ITEMS]:
            add_payable(transaction, payable)
        transaction.commit()
    mark_due(payables, early)
