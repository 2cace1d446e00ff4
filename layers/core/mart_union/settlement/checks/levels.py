"""Invariant 3: what a level counts agrees, and nothing of it is below zero."""

from __future__ import annotations

from collections.abc import Iterator

from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference

_NEVER_NEGATIVE = ("reserve", "fenced", "reserved", "sold", "written_off", "received")


def check_levels(books: Books) -> Iterator[Difference]:
    """The counts of every level agree, and none but the corrections is below zero."""
    for level in books.levels:
        if not level.balances():
            yield Difference(3, f"level/{level.id}", f"its counts do not agree: {level}")
        below = [name for name in _NEVER_NEGATIVE if getattr(level, name) < 0]
        if below:
            yield Difference(3, f"level/{level.id}", f"below zero: {', '.join(below)}")
