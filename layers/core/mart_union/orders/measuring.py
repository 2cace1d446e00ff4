"""The counts behind a store's indicators: kept a day to an item by the orders' stream, each order and response once, however often it is told.

Beside an order and a response stands what of it has been counted. Whoever tells of it again adds the difference, in one transaction with that, so
repeats, late news and several writers at once add up to what the newest says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import find_all
from mart_union.kernel.transaction import WriteTransaction, refuse
from mart_union.orders.indicators import WINDOWS, Counts, Rates, counted_order, counted_response, more_than, rates_of
from mart_union.orders.model import Order, Response
from mart_union.orders.tables import CountedItem, DayItem, counted_key, day_key

_A_TRANSACTION = 45
"""A transaction holds a hundred items: each that is counted can bring a day of a store along."""


class Indicators(Struct, frozen=True):
    """A store's indicators over the last 30 and 90 days (UTC), today among them. The counts lag by a moment."""

    store: str
    windows: tuple[Rates, ...]


class _Told(Struct, frozen=True):
    """What an order or response says now, and where that is kept."""

    key: tuple[str, str]
    store: str
    day: str
    sequence: int
    counts: Counts


class _Overtaken(Conflict):
    """One of them has been counted anew meanwhile: look again."""


def measure(orders: Iterable[Order], responses: Iterable[Response]) -> None:
    """Count what these say of their stores, the newest of each. One batch read and one transaction for 45; repeating it changes nothing.

    Raises:
        Busy: other writers kept winning; repeat.
    """
    told = [
        _Told(counted_key(each.id), each.store, each.placed_at, each.sequence, counted_order(each)) for each in orders
    ]
    told += [
        _Told(counted_key(each.order, each.id), each.store, each.at, each.sequence, counted_response(each))
        for each in responses
    ]
    newest: dict[tuple[str, str], _Told] = {}
    for each in sorted(told, key=lambda one: one.sequence):
        newest[each.key] = each
    remaining = iter(newest.values())
    while part := list(islice(remaining, _A_TRANSACTION)):
        _count(part)


def _count(part: Sequence[_Told]) -> None:
    def attempt() -> None:
        before = find_all([(CountedItem, *each.key) for each in part], consistent=True)
        transaction, days = WriteTransaction(), Counter[tuple[str, str, str]]()
        for each, known in zip(part, before, strict=True):
            if known is not None and known.sequence >= each.sequence:
                continue
            added = more_than(each.counts, known.document if known else Counts())
            if not added:
                continue
            unchanged = CountedItem.pk.does_not_exist() if known is None else CountedItem.sequence == known.sequence
            item = CountedItem(*each.key, document=each.counts, sequence=each.sequence)
            transaction.put(item, condition=unchanged, refusal=refuse(_Overtaken, "it has been counted meanwhile"))
            days.update({(*day_key(each.store, each.day), name): number for name, number in added.items()})
        if days:
            _add_days(transaction, days)
            transaction.commit()

    retried(attempt, on=_Overtaken, what="the store's indicators")


def _add_days(transaction: WriteTransaction, days: Counter[tuple[str, str, str]]) -> None:
    for pk, sk in dict.fromkeys((pk, sk) for pk, sk, _ in days):
        names = {name: number for (of, at, name), number in days.items() if (of, at) == (pk, sk)}
        transaction.update(DayItem(pk, sk), [getattr(DayItem, name).add(number) for name, number in names.items()])


def read_indicators(store: str, now: datetime) -> Indicators:
    """A store's indicators over the last 30 and 90 days. One query, two where a year has just begun: a KB for four days."""
    first = {days: iso(now - timedelta(days=days - 1))[:10] for days in WINDOWS}
    earliest, today = min(first.values()), iso(now)[:10]
    found: dict[str, Counts] = {}
    for year in sorted({earliest[:4], today[:4]}):
        partition, _ = day_key(store, year)
        for item in DayItem.query(partition, DayItem.sk.between(earliest, today)):
            found[item.sk] = Counts(**{name: int(getattr(item, name)) for name in Counts.__struct_fields__})
    windows = (rates_of(days, (each for day, each in found.items() if day >= first[days])) for days in WINDOWS)
    return Indicators(store, tuple(windows))
