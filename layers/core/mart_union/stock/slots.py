"""Use cases of slots: open many at once, change how many one is for, close it, find those ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Conflict, NotFound, OutOfStock
from mart_union.kernel.retry import retried
from mart_union.kernel.transaction import Also, WriteTransaction, refuse
from mart_union.stock.counting import rewrite
from mart_union.stock.model import Level, Movement, apply
from mart_union.stock.service import get_level, get_levels, item_of, level_of
from mart_union.stock.slotting import Slot, slot_name, slot_of
from mart_union.stock.tables import LevelItem, slots_key

_MOST_WRITES = 90
MOST_AHEAD = 60


class _Opened(Conflict):
    """Somebody has opened one of them since they were read."""


def open_levels(levels: Sequence[str], capacity: int, *, actor: str, now: datetime, also: Also) -> list[str]:
    """Open slots for so many; answers with those that are new. Those that there are, open or closed, stay as they are.

    One batch read a hundred, one transaction a ninety, to each of which `also` adds. Cut off and repeated, it opens the rest.

    Raises:
        Busy: others kept opening the same ones.
    """
    opened: list[str] = []

    def open_the_rest() -> None:
        known = get_levels(levels, consistent=True)
        missing = [level for level in levels if level not in known]
        for start in range(0, len(missing), _MOST_WRITES):
            some = missing[start : start + _MOST_WRITES]
            _open(some, capacity, actor, now, also)
            opened.extend(some)

    retried(open_the_rest, on=_Opened, what="these slots")
    return opened


def _open(levels: Sequence[str], capacity: int, actor: str, now: datetime, also: Also) -> None:
    transaction = WriteTransaction()
    movement = Movement("opened", actor, "", reserve=capacity, received=capacity)
    for level in levels:
        transaction.create(item_of(apply(Level(level), movement, iso(now))), refuse(_Opened, "it has just been opened"))
    also(transaction)
    transaction.commit()


def get_slot(level: str) -> Slot:
    """A slot as it is now.

    Raises:
        NotFound: it was never opened.
    """
    return slot_of(get_level(level))


def set_capacity(level: str, capacity: int, *, actor: str, now: datetime) -> Slot:
    """Let a slot be for so many, and be sold. The same again changes nothing.

    Raises:
        NotFound: it was never opened.
        OutOfStock: more are booked.
        Busy: others kept booking it.
    """
    return _change(level, capacity, True, actor, now)


def close_slot(level: str, *, actor: str, now: datetime) -> Slot:
    """Sell no more of a slot. What is booked stays, and what is cancelled later is not sold again. Repeating it changes nothing.

    Raises:
        NotFound: it was never opened.
        Busy: others kept booking it.
    """
    return _change(level, None, False, actor, now)


def _change(level: str, capacity: int | None, on_sale: bool, actor: str, now: datetime) -> Slot:
    """A slot for so many, or, without a capacity, for as many as are booked."""

    def change(before: Level) -> Level:
        if not before.sequence:
            raise NotFound(f"there is no stock level {level}")
        booked = before.reserved + before.sold
        wanted = booked if capacity is None else capacity
        if wanted < booked:
            raise OutOfStock(f"{booked} are booked, so it cannot be for {wanted}", booked=booked, wanted=wanted)
        difference = wanted - booked - before.reserve
        reason = "resized" if on_sale else "closed"
        movement = Movement(reason, actor, "", reserve=difference, corrected=difference)
        return replace(apply(before, movement, iso(now)), on_sale=on_sale)

    rewrite(level, change)
    return get_slot(level)


def slots_between(owner: str, first: datetime, last: datetime, limit: int) -> list[Slot]:
    """The slots of a listing (`<store>/<sku>`) that begin from one moment to another, by time: the first so many. One query a month of UTC."""
    found: list[Slot] = []
    names = LevelItem.sk.between(slot_name(first), slot_name(last))
    for month in months_between(first, last):
        if left := limit - len(found):
            items = LevelItem.query(slots_key(owner, month), names, limit=left, page_size=left)
            found += [slot_of(level_of(item)) for item in items]
    return found


def slots_ahead(owner: str, after: datetime) -> list[Slot]:
    """The next sixty slots of a listing that begin after a moment, in its month of UTC and the one after that, by time.

    One query, two where the month has fewer ahead: at most 2.5 units, since sixty levels are some 20 KB.
    """
    first = after + timedelta(minutes=1)
    return slots_between(owner, first, month_after(month_after(first)) - timedelta(minutes=1), MOST_AHEAD)


def months_between(first: datetime, last: datetime) -> list[str]:
    """The months of UTC (`yyyymm`) from one moment to another."""
    months, month = [], first
    while slot_name(month)[:6] <= slot_name(last)[:6]:
        months.append(slot_name(month)[:6])
        month = month_after(month)
    return months


def month_after(moment: datetime) -> datetime:
    """The beginning of the month of UTC after that of a moment."""
    begin = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (begin + timedelta(days=31)).replace(day=1)
