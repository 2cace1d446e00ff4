"""Slots of bookable services: a store's staff open times, close them and say for how many they are; shoppers choose one that is ahead."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from mart_union.catalog.audit import add_audit
from mart_union.catalog.hours import DAYS
from mart_union.catalog.listings import get_listing
from mart_union.catalog.model import Listing
from mart_union.kernel.errors import Invalid, NotFound, RuleViolation
from mart_union.kernel.paging import Page
from mart_union.kernel.settings import settings
from mart_union.kernel.transaction import WriteTransaction
from mart_union.stock import slots
from mart_union.stock.journal import journal_page
from mart_union.stock.model import JournalEntry
from mart_union.stock.slotting import Slot, slot_day, slot_level, slot_moment, slot_name, weekly

MOST_SLOTS = 200
MOST_CAPACITY = 9999
_LONGEST = timedelta(days=366)
_MOST_TIMES = 48
_PAGE = 100


class Times(Struct, frozen=True):
    """When slots begin: at these times (HH:MM) of these days of the week (`mon` to `sun`), from one day (yyyy-mm-dd) to another, both
    included, by the union's clocks; and for how many each is."""

    first: str
    last: str
    times: tuple[str, ...]
    capacity: int
    days: tuple[str, ...] = DAYS


class Opened(Struct, frozen=True):
    """The slots that were opened, and those that there were before, which stay as they are."""

    opened: tuple[str, ...]
    there: tuple[str, ...]


def open_slots(store: str, sku: str, wish: Times, *, actor: str, now: datetime) -> Opened:
    """Open all slots at these times that are ahead. What there is stays as it is, so the same again opens nothing, or what was not opened yet.

    One read of the listing, at most two batch reads and three transactions.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: it is not bookable, or withdrawn.
        Invalid: a day, a time or the capacity is malformed; no time is ahead, or they are more than two hundred.
        Busy: others kept opening the same ones.
    """
    listing = bookable(store, sku)
    if listing.state == "withdrawn":
        raise RuleViolation(f"{sku} is withdrawn", sku=sku)
    names = _names(wish, now)
    levels = [slot_level(store, sku, name) for name in names]

    def told(transaction: WriteTransaction) -> None:
        add_audit(transaction, f"store/{store}", actor, "slots opened", f"listing/{store}/{sku}", now)

    opened = set(slots.open_levels(levels, wish.capacity, actor=actor, now=now, also=told))
    new = tuple(name for name, level in zip(names, levels, strict=True) if level in opened)
    return Opened(new, tuple(name for name in names if name not in new))


def bookable(store: str, sku: str) -> Listing:
    """A listing whose times are booked.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: it is sold without a time.
    """
    listing = get_listing(store, sku)
    if not listing.slot_minutes:
        raise RuleViolation(f"{sku} is not bookable: it says of no length of a slot", sku=sku)
    return listing


def _names(wish: Times, now: datetime) -> list[str]:
    first, last = _day("first", wish.first), _day("last", wish.last)
    _need("last", first <= last <= first + _LONGEST, "the last day is not before the first, and within 366 days of it")
    _need("capacity", 1 <= wish.capacity <= MOST_CAPACITY, f"a whole number from 1 to {MOST_CAPACITY}")
    _need("days", bool(wish.days) and set(wish.days) <= set(DAYS), f"one or more of {', '.join(DAYS)}")
    _need("times", 0 < len(wish.times) <= _MOST_TIMES, f"1 to {_MOST_TIMES} times")
    times = {_time(text) for text in wish.times}
    weekdays = {DAYS.index(day) for day in wish.days}
    named = weekly(first, last, weekdays, times, ZoneInfo(settings().time_zone))
    ahead = sorted({name for name in named if name > slot_name(now)})
    _need("first", bool(ahead), "none of these times is ahead")
    _need("last", len(ahead) <= MOST_SLOTS, f"these are {len(ahead)} slots: open at most {MOST_SLOTS} at once")
    return ahead


def _day(field: str, text: str) -> date:
    day = slot_day(text)
    if day is None:
        raise _unclear(field, "a day such as 2026-12-01")
    return day


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise _unclear("times", "times such as 09:30") from error
    _need("times", found.tzinfo is None and not found.second and not found.microsecond, "times such as 09:30")
    return found


def _need(field: str, holds: bool, reason: str) -> None:
    if not holds:
        raise _unclear(field, reason)


def _unclear(field: str, reason: str) -> Invalid:
    return Invalid(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])


def list_month(store: str, sku: str, month: str, cursor: str = "") -> Page[Slot]:
    """A page of a hundred of a listing's slots of a month (`yyyy-mm`, by the union's clocks), by time, past and closed ones too. The cursor is the
    name of the last one before.

    One read, and one query or two: a month of the union's has a part of two months of UTC.

    Raises:
        NotFound: the store has no such listing.
        RuleViolation: it is sold without a time.
        Invalid: the month or the cursor is malformed.
    """
    first = datetime.combine(_day("month", f"{month}-01"), time(), ZoneInfo(settings().time_zone))
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(minutes=1)
    _need("cursor", not cursor or slot_moment(cursor) is not None, "not one of ours")
    bookable(store, sku)
    begin = max(filter(None, (first, _next_minute(cursor))))
    found = slots.slots_between(f"{store}/{sku}", begin, last, _PAGE) if begin <= last else []
    return Page(tuple(found), found[-1].slot if len(found) == _PAGE else "")


def _next_minute(slot: str) -> datetime | None:
    moment = slot_moment(slot)
    return moment + timedelta(minutes=1) if moment else None


def find_slot(store: str, sku: str, slot: str) -> Slot:
    """A slot as it is now.

    Raises:
        NotFound: there is none.
    """
    return slots.get_slot(_level(store, sku, slot))


def list_movements(store: str, sku: str, slot: str, cursor: str = "") -> Page[JournalEntry]:
    """A page of a slot's movements, newest first.

    Raises:
        NotFound: there is none.
        Invalid: the cursor is unknown.
    """
    return journal_page(_level(store, sku, slot), cursor)


def set_capacity(store: str, sku: str, slot: str, capacity: int, *, actor: str, now: datetime) -> Slot:
    """Let a slot be for so many; a closed one is open again. The same again changes nothing.

    Raises:
        NotFound: there is none.
        Invalid: the capacity is not from 1 to 9999.
        RuleViolation: it has begun.
        OutOfStock: more are booked (`booked`).
        Busy: others kept booking it.
    """
    _need("capacity", 1 <= capacity <= MOST_CAPACITY, f"a whole number from 1 to {MOST_CAPACITY}")
    if slot <= slot_name(now):
        raise RuleViolation("this time has begun: it is sold no more", slot=slot)
    return slots.set_capacity(_level(store, sku, slot), capacity, actor=actor, now=now)


def close_slot(store: str, sku: str, slot: str, *, actor: str, now: datetime) -> Slot:
    """Sell no more of a slot; what is booked stays. Repeating it changes nothing.

    Raises:
        NotFound: there is none.
        Busy: others kept booking it.
    """
    return slots.close_slot(_level(store, sku, slot), actor=actor, now=now)


def _level(store: str, sku: str, slot: str) -> str:
    if slot_moment(slot) is None:
        raise NotFound(f"there is no slot {slot}")
    return slot_level(store, sku, slot)
