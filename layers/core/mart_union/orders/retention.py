"""How long the name and address of an order's recipient are shown and kept: as long as its delivery or a return needs them, and a while after."""

from __future__ import annotations

from datetime import timedelta

from mart_union.kernel.clock import from_iso, iso
from mart_union.orders.model import ENDED, Order
from mart_union.orders.return_rules import has_open_return

RECIPIENT_DAYS = 30
"""After the last that happened to an order that is over: a return window is at most as long, or counts instead."""


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
