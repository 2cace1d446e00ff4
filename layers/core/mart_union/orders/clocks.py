"""An order's clock: when it is looked at next, and by whom. The sweeper sees to all but completion, which is settlement's. Pure rules."""

from __future__ import annotations

from msgspec.structs import replace

from mart_union.orders.model import Order
from mart_union.orders.procedures import looks, next_look
from mart_union.orders.return_waits import next_return_look

COMPLETE = "complete"
"""The step that settlement takes when a return window is over."""


def with_clock(order: Order, at: str) -> Order:
    """The order with its clock set, for a change at a moment (ISO) to how it is paid or where its lines and returns stand.

    The clock says when the system looks at it next: a deadline that has passed while another line's stood before it, at once.
    """
    look = min(filter(None, (next_look(order), next_return_look(order))), default="")
    return replace(order, clock_at=max(look, at) if look else "")


def waits_for_settlement(order: Order) -> bool:
    """Whether completion is all that an order's clock calls for at its moment: then the sweeper has no business with it, however many wait so."""
    due = {what for moment, what in looks(order) if moment <= order.clock_at}
    returned = next_return_look(order)
    return due == {COMPLETE} and not (returned and returned <= order.clock_at)
