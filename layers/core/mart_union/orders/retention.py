"""How long the name and address of an order's recipient are shown and kept: as long as its delivery or a return needs them, and a while after."""

from __future__ import annotations

from datetime import timedelta

from mart_union.catalog.procedures import Procedure
from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import ENDED, Order
from mart_union.orders.procedures import procedure_of
from mart_union.orders.return_rules import has_open_return

RECIPIENT_DAYS = 30
"""After the last that happened to an order that is over: a return window is at most as long, or counts instead."""

_BROUGHT = ENDED | {"delivered", "awaiting_payment"}
"""The states of a line that nobody has to bring anywhere now."""


def recipient_until(order: Order) -> str:
    """Until when (ISO) those who fulfil an order see its recipient; '' while the order, or a return of it, is open."""
    if order.state not in ENDED or has_open_return(order):
        return ""
    moments = [order.placed_at, *(taken.at for taken in order.history), *(refund.at for refund in order.refunds)]
    moments += [taken.at for asked in order.returns for taken in asked.history]
    last = max(from_iso(moment) for moment in moments)
    return iso(last + timedelta(days=max(RECIPIENT_DAYS, order.return_window_days)))


def shows_recipient(order: Order, at: str) -> bool:
    """Whether those who fulfil an order still see its recipient at a moment (ISO)."""
    until = recipient_until(order)
    return not until or at < until


def needs_recipient(order: Order, fulfiller: str) -> bool:
    """Whether a supplier has to know now whom its lines go to: until they are delivered, where the order's procedure brings them to somebody or has
    somebody come; while goods that were brought are on their way back to it; and until it has sent a replacement."""
    own = {one.state for one in order.returns if one.taker == fulfiller}
    if "replacing" in own:
        return True
    going = any(line.fulfiller == fulfiller and line.state not in _BROUGHT for line in order.lines)
    return (going or not own.isdisjoint({"accepted", "sent"})) and _meets_recipient(procedure_of(order))


def _meets_recipient(procedure: Procedure) -> bool:
    """Whether goods go to the recipient, or somebody has an appointment there; not what is collected or given online."""
    if any(step.to_state == "shipped" or {"tracking", "appointment_at"} & {*step.needs} for step in procedure.steps):
        return True
    return not any(step.to_state == "ready" or {"pickup_code", "access"} & {*step.needs} for step in procedure.steps)
