"""Indicators of suppliers and sellers for each other: what became of a supplier's parts of orders, at each store and at all."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from mart_union.kernel.storage import find_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.mediation.model import SupplyOrder, TradeRecord
from mart_union.mediation.tables import RecordItem, record_key

_ENDS = {"completed": "completed", "refused": "refused", "cancelled": "cancelled", "expired": "cancelled"}


def changed_counts(before: SupplyOrder | None, after: SupplyOrder) -> dict[str, int]:
    """By how much a supplier's part of an order changes its counts: what it was counted as is taken off, so that each counts as it is now."""
    had, has = _counts(before), _counts(after)
    return {name: has[name] - had[name] for name in has if has[name] != had[name]}


def _counts(part: SupplyOrder | None) -> dict[str, int]:
    counts = asdict(TradeRecord())
    if part is not None:
        counts |= {"orders": 1, "late": int(part.late)}
        if part.state in _ENDS:
            counts[_ENDS[part.state]] = 1
    return counts


def add_record(transaction: WriteTransaction, supplier: str, counts: dict[str, int]) -> None:
    """Add changed counts of a supplier to a transaction."""
    if counts:
        actions = [getattr(RecordItem, name).add(count) for name, count in counts.items()]
        transaction.update(RecordItem(*record_key(supplier)), actions)


def read_records(suppliers: Sequence[str]) -> dict[str, TradeRecord]:
    """What became of some suppliers' parts of orders, at all stores. One batch read a hundred."""
    wanted = list(dict.fromkeys(suppliers))
    items = find_all([(RecordItem, *record_key(supplier)) for supplier in wanted])
    return {supplier: record_of(item) for supplier, item in zip(wanted, items, strict=True)}


def record_of(item: RecordItem | None) -> TradeRecord:
    """The counts that an item holds; of none, nothing has been ordered yet."""
    if item is None:
        return TradeRecord()
    return TradeRecord(**{name: int(getattr(item, name) or 0) for name in TradeRecord.__struct_fields__})
