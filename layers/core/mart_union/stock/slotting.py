"""Slots: the bookable times of a service, each a level of its own. Their names, times and counts. Pure rules.

A slot is named by the minute at which it begins, in UTC and in the basic form of ISO 8601, such as `20261201T0200Z`: names sort by time, and stand in a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from mart_union.stock.model import Level

_FORM = "%Y%m%dT%H%MZ"
_PREFIX = "slot/"
_YEARS = range(2000, 3000)
"""So that a time zone, or the length of a slot, leads to a moment, too."""


class Slot(Struct, frozen=True):
    """A bookable time and its counts: for how many it is, how many of them are booked, how many are left, and whether it is sold."""

    slot: str
    capacity: int
    booked: int
    left: int
    open: bool


def slot_level(store: str, sku: str, slot: str) -> str:
    """The id of a slot's level."""
    return f"{_PREFIX}{store}/{sku}/{slot}"


def is_slot(level: str) -> bool:
    """Whether a level is a slot's."""
    return level.startswith(_PREFIX)


def slots_of(level: str) -> tuple[str, str]:
    """Whose slot a level is (`<store>/<sku>`), and its name."""
    owner, _, slot = level.removeprefix(_PREFIX).rpartition("/")
    return owner, slot


def slot_name(moment: datetime) -> str:
    """The name of the slot that begins at a moment; what is below a minute is left out."""
    return moment.astimezone(UTC).strftime(_FORM)


def slot_moment(slot: str) -> datetime | None:
    """When a slot of this name begins, None if it is no name of one."""
    try:
        moment = datetime.strptime(slot, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if slot_name(moment) == slot and moment.year in _YEARS else None


def slot_day(text: str) -> date | None:
    """A day (yyyy-mm-dd) on which slots may be, None if it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def slot_of(level: Level) -> Slot:
    """What a level says of its slot."""
    booked = level.reserved + level.sold
    left = level.reserve if level.on_sale else 0
    return Slot(slots_of(level.id)[1], level.reserve + booked, booked, left, level.on_sale)


def weekly(
    first: date, last: date, weekdays: Collection[int], times: Collection[time], zone: ZoneInfo
) -> Iterator[str]:
    """The names of the slots at these times of these days of the week (Monday is 0), from one day to another, both included.

    Times are those of the zone's clocks; one that is skipped when they are set forward stands as much later as they are.
    """
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() in weekdays:
            yield from (slot_name(datetime.combine(day, each, zone)) for each in sorted(times))
