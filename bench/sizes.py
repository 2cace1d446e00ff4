"""What an operation may write beyond the plain formula's count of items: worked out from what the items hold, and from DynamoDB's arithmetic.

The plain formula counts items in whole KB. An order or a purchase of several lines has more than one: the bytes below are what their documents
hold, at most, in two languages. They stand here, and are no measurement: an item that grows beyond them misses its goal. Indexes cost what the
tables' files say: 1 unit for each KB that enters one, 2 where a key changes, 1 where an item leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

ORDER_HEAD, ORDER_LINE = 860, 645
"""Bytes of an order: ids, names of the store, moments and keys; and a line with its titles, frozen split, rates and level."""

STEP_HEAD, STEP_LINE, CANCELLED_LINE = 60, 36, 116
"""What a step adds to it: who, when, under which key; the lines that it moved; and, where it gives all back, each line's amounts."""

PURCHASE_HEAD, PURCHASE_LINE, PURCHASE_STORE = 620, 225, 20
"""Bytes of a purchase: ids, totals, moments; a line of the register (titles, quantity, amount); the id of an order."""


@dataclass(frozen=True)
class More:
    """Units beyond the plain formula, and what they are for."""

    units: float
    why: str


def order_kilobytes(lines: int, steps: int = 0, *, a_line: int = STEP_LINE) -> int:
    """Whole KB of an order with so many lines, after so many steps of all its lines."""
    return ceil((ORDER_HEAD + ORDER_LINE * lines + steps * (STEP_HEAD + a_line * lines)) / 1024)


def purchase_kilobytes(lines: int, stores: int) -> int:
    """Whole KB of a purchase."""
    return ceil((PURCHASE_HEAD + PURCHASE_LINE * lines + PURCHASE_STORE * stores) / 1024)


def lines_of_orders(lines: int, stores: int) -> list[int]:
    """How many lines each order of a purchase has, when they are dealt out over its stores."""
    return [lines // stores + (number < lines % stores) for number in range(stores)]


def placed(lines: int, stores: int, *, indexes: int = 2) -> tuple[More, ...]:
    """What a new purchase takes beyond its items: further KB, twice in a transaction, and the indexes that purchase and orders enter."""
    purchase, orders = (
        purchase_kilobytes(lines, stores),
        [order_kilobytes(each) for each in lines_of_orders(lines, stores)],
    )
    whole = "each with a copy of it" if indexes > 1 else "with a copy of it"
    return tuple(
        _some(
            (2 * (purchase - 1), f"the purchase has {purchase} KB"),
            (2 * sum(each - 1 for each in orders), f"orders of {_listed(orders)} KB"),
            (indexes * purchase, f"{indexes} of its indexes, {whole}"),
            (2 * stores, f"{stores} x 2 indexes of orders, keys only"),
        )
    )


def cancelled(lines: int, stores: int) -> tuple[More, ...]:
    """What cancelled orders take beyond their items; the purchase itself is not written."""
    orders = [order_kilobytes(each, 1, a_line=CANCELLED_LINE) for each in lines_of_orders(lines, stores)]
    return tuple(
        _some(
            (2 * sum(each - 1 for each in orders), f"orders of {_listed(orders)} KB"),
            (2 * stores, f"{stores} x the key in by_store, changed"),
            (stores, f"{stores} x clock, left"),
        )
    )


def stepped(lines: int) -> tuple[More, ...]:
    """What a step of an order takes beyond its first KB in a single write."""
    size = order_kilobytes(lines, steps=1)
    return tuple(
        _some((size - 1, f"the order has {size} KB"), (2, "the key in by_store, changed"), (2, "clock, moved"))
    )


def completed(lines: int, steps: int, payables: int) -> tuple[More, ...]:
    """What the completion of an order takes beyond its items; a payable waits in an index, which holds it whole."""
    size = order_kilobytes(lines, steps=steps)
    return tuple(
        _some(
            (2 * (size - 1), f"the order has {size} KB"),
            (2, "the key in by_store, changed"),
            (1, "clock, left"),
            (payables, f"{payables} payables enter due, whole"),
        )
    )


def _some(*parts: tuple[float, str]) -> Iterator[More]:
    return (More(units, why) for units, why in parts if units)


def _listed(sizes: Sequence[int]) -> str:
    return " + ".join(map(str, sizes))
