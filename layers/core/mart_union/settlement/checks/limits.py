"""Invariant 4: what is counted of a customer's units of an urgent sale is in the customer's orders, and within the sale's limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.orders.model import Line, Order
from mart_union.settlement.checks.model import Books
from mart_union.settlement.checks.units import GIVEN_BACK
from mart_union.settlement.differences import Difference


def check_limits(books: Books) -> Iterator[Difference]:
    """Each customer's count of a limited sale is what their lines of it had, less what never left, and no more than the limit."""
    had: Counter[str] = Counter()
    limits: dict[str, int] = {}
    for order in books.orders:
        for line in order.lines:
            if line.sale_limit:
                name = f"{line.sale}#{order.customer}"
                had[name] += _had(order, line)
                limits[name] = min(line.sale_limit, limits.get(name, line.sale_limit))
    for name in sorted(had.keys() | books.bought.keys()):
        counted = books.bought.get(name, 0)
        if counted != had[name]:
            yield Difference(4, f"sale/{name}", f"{counted} are counted, {had[name]} in orders")
        if counted > limits.get(name, counted):
            yield Difference(4, f"sale/{name}", f"{counted} are counted, the limit is {limits[name]}")
    for order in books.orders:
        for line in order.lines:
            if line.sale_limit and not line.sale:
                yield Difference(4, f"order/{order.id}", f"line {line.number} has a limit, and no sale")


def _had(order: Order, line: Line) -> int:
    """The units of a line that its customer had: those that they still have, and those that they returned."""
    if line.state in GIVEN_BACK:
        return 0
    refunded = (each for asked in order.returns if asked.state == "refunded" for each in asked.lines)
    return line.left_units + sum(each.units for each in refunded if each.number == line.number)
