"""When an order is late: it has not arrived, and by when it was promised, or by when its parcel was expected, is over. Pure rules."""

from __future__ import annotations

from mart_union.orders.model import LATE, Line, Order

_ON_THE_WAY = frozenset({"placed", "accepted", "making", "shipped"})
"""The states in which something is still to be done for a line to arrive. One that is ready waits for its customer, one that is scheduled for its time."""


def late_moment(order: Order, line: Line) -> str:
    """When a line is late unless it arrives before (ISO); '' where it cannot be any more, or was found so."""
    if line.state not in _ON_THE_WAY or is_late(order, line):
        return ""
    parcels = [parcel for parcel in order.shipments if line.number in parcel.lines]
    expected = parcels[-1].estimated_by if parcels else ""
    return min(filter(None, (order.promised_by, expected)), default="")


def is_late(order: Order, line: Line) -> bool:
    """Whether a line was found late."""
    return any(taken.step == LATE and line.number in taken.lines for taken in order.history)
