"""Invariant 4: the stock of every purchase is taken, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.orders.draws import units_left
from mart_union.orders.model import Line, Order
from mart_union.settlement.checks.model import Books
from mart_union.settlement.differences import Difference
from mart_union.stock.model import home_of

GIVEN_BACK = frozenset({"refused", "cancelled", "expired"})
"""The states of a line whose units are back at their level."""


def check_units(books: Books) -> Iterator[Difference]:
    """What levels count as sold and reserved is in orders' lines, and every line is of a level that exists, for as many units as it has."""
    sold: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    known = {level.id for level in books.levels}
    for order in books.orders:
        for line in order.lines:
            missing = sorted(set(line.draws or [line.level]) - known)
            if missing:
                detail = f"line {line.number} is of {', '.join(missing)}, which does not exist"
                yield Difference(4, f"order/{order.id}", detail)
            yield from _check_draws(order, line)
            if line.state not in GIVEN_BACK:
                counted = reserved if line.state == "awaiting_payment" else sold
                counted.update(units_left(line))
    for level in books.levels:
        for word, units, ordered in (("sold", level.sold, sold), ("reserved", level.reserved, reserved)):
            if units != ordered[level.id]:
                yield Difference(4, f"level/{level.id}", f"{units} are {word}, {ordered[level.id]} in orders")


def _check_draws(order: Order, line: Line) -> Iterator[Difference]:
    """All units of a line come from somewhere: from its level and the shards of that, or, of a bundle, as many of each part for each unit."""
    if line.is_bundle:
        agrees = bool(line.draws) and not any(units % line.quantity for units in line.draws.values())
    else:
        agrees = not line.draws or (
            sum(line.draws.values()) == line.quantity and {home_of(level) for level in line.draws} == {line.level}
        )
    if not agrees or any(units < 1 for units in line.draws.values()):
        detail = f"line {line.number}, of {line.quantity} of {line.level}, draws {line.draws}"
        yield Difference(4, f"order/{order.id}", detail)
