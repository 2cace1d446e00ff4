"""What goes back when lines are refunded or released: money at its original amounts, units to their levels. Pure rules."""

from __future__ import annotations

from collections.abc import Collection

from mart_union.orders.model import Order


def refund_amounts(order: Order, lines: Collection[int]) -> dict[str, int]:
    """What each account gets: the escrow of the lines goes back to the customer, what is held for them to the store's deposit."""
    chosen = [line for line in order.lines if line.number in lines]
    escrow, held = sum(line.escrow_minor for line in chosen), sum(line.held_minor for line in chosen)
    amounts: dict[str, int] = {}
    if escrow:
        amounts |= {f"order/{order.id}": -escrow, f"customer/{order.customer}": escrow}
    if held:
        amounts |= {f"store/{order.store}/held": -held, f"store/{order.store}/deposit": held}
    return amounts


def units_of(order: Order, lines: Collection[int]) -> dict[str, int]:
    """How many units of each level the lines took, lines that draw on one level added up."""
    units: dict[str, int] = {}
    for line in order.lines:
        if line.number in lines:
            units[line.level] = units.get(line.level, 0) + line.quantity
    return units
