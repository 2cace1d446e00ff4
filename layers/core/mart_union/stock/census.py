"""Every level with its journal, for the nightly reconciliation."""

from __future__ import annotations

from msgspec import Struct

from mart_union.kernel.census import scan
from mart_union.stock.model import JournalEntry, Level
from mart_union.stock.rebuilding import Rebuilt
from mart_union.stock.service import level_of
from mart_union.stock.tables import JournalItem, LevelItem, level_under


class Stock(Struct, frozen=True):
    """All levels, and by level what its journal makes of it."""

    levels: list[Level]
    journals: dict[str, Rebuilt]


def whole_stock() -> Stock:
    """Every level of the union, and what the movements up to the sequence at which it was read make of it.

    One scan of the table, of which the journals are the greatest part: comparing them costs no read more.
    """
    items = list(scan(LevelItem))
    levels = [level_of(LevelItem.from_raw_data(raw)) for raw in items if level_under(raw["pk"]["S"], raw["sk"]["S"])]
    newest = {level.id: level.sequence for level in levels}
    journals = {level.id: Rebuilt() for level in levels}
    for raw in items:
        if raw["pk"]["S"].startswith("JOURNAL#"):
            entry: JournalEntry = JournalItem.from_raw_data(raw).document
            if entry.sequence <= newest.get(entry.level, 0):
                journals[entry.level].add(entry)
    return Stock(levels, journals)
