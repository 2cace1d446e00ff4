"""Invariant 4: the stock of every purchase is taken, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.orders.draws import units_left
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference

GIVEN_BACK = frozenset({"refused", "cancelled", "expired"})
"""The states of a line whose units are back at their level."""


def check_units(books: Books) -> Iterator[Difference]:
    """What levels count as sold and reserved is in orders' lines, and every line is of a level that exists."""
    sold: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    known = {level.id for level in books.levels}
    for order in books.orders:
        for line in order.lines:
            missing = sorted(set(line.draws or [line.level]) - known)
            if missing:
                detail = f"line {line.number} is of {', '.join(missing)}, which does not exist"
                yield Difference(4, f"order/{order.id}", detail)
            if line.state not in GIVEN_BACK:
                counted = reserved if line.state == "awaiting_payment" else sold
                counted.update(units_left(line))
    for level in books.levels:
        for word, units, ordered in (("sold", level.sold, sold), ("reserved", level.reserved, reserved)):
            if units != ordered[level.id]:
                yield Difference(4, f"level/{level.id}", f"{units} are {word}, {ordered[level.id]} in orders")
