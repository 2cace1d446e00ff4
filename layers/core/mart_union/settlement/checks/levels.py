"""Invariant 3: what a level counts agrees, with its journal, too, and nothing of it is below zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference
from mart_union.stock.model import home_of

_NEVER_NEGATIVE = ("reserve", "reserved", "sold", "written_off", "received")


def check_levels(books: Books) -> Iterator[Difference]:
    """The counts of every level agree, none but the corrections is below zero, and what a level and its shards gave each other is nothing."""
    moved: Counter[str] = Counter()
    for level in books.levels:
        if not level.balances():
            yield Difference(3, f"level/{level.id}", f"its counts do not agree: {level}")
        below = [name for name in _NEVER_NEGATIVE if getattr(level, name) < 0]
        if below:
            yield Difference(3, f"level/{level.id}", f"below zero: {', '.join(below)}")
        moved[home_of(level.id)] += level.moved
    for home, units in moved.items():
        if units:
            yield Difference(3, f"level/{home}", f"between it and its shards {units} units came from nowhere")


def check_shards(books: Books) -> Iterator[Difference]:
    """A shard of a listing's level that has units in reserve, or is marked for a sale, the listing names: no sale would draw on it otherwise, and no end
    of one bring it back. A level gave something to a sale only while its listing names shards."""
    for level in books.levels:
        home = home_of(level.id)
        is_of_a_listing = home != level.id and home.startswith("listing/")
        if is_of_a_listing and level.reserve and level.id not in books.named.get(home, ()):
            yield Difference(3, f"level/{level.id}", f"it has {level.reserve} units that its listing does not name")
        elif is_of_a_listing and level.sale and level.id not in books.named.get(home, ()):
            yield Difference(3, f"level/{level.id}", f"it is marked for {level.sale}, which its listing does not have")
        if level.kept and not books.named.get(level.id):
            yield Difference(
                3, f"level/{level.id}", f"it gave {level.kept} units to a sale that its listing does not have"
            )


def check_journals(books: Books) -> Iterator[Difference]:
    """What a level counts, its journal tells, movement by movement from the first on."""
    for level in books.levels:
        rebuilt = books.journals.get(level.id)
        detail = rebuilt.difference(level, books.caught_up) if rebuilt is not None else ""
        if detail:
            yield Difference(3, f"level/{level.id}", detail)
