"""Erasing the recipients of sellers' shops, who have no account here to erase them from: once their orders are long over."""

from __future__ import annotations

from datetime import datetime, timedelta

from mart_union.checkout.service import get_purchase_with_orders
from mart_union.customers.service import erase_retained, list_retained, look_again, retained
from mart_union.kernel.clock import from_iso, iso
from mart_union.kernel.errors import NotFound
from mart_union.ledger.jobs import get_checkpoint
from mart_union.orders.model import Order
from mart_union.orders.retention import recipient_until
from mart_union.settlement.rounds import HOURS, Outcome, Round, go_round

_ERASE = Round("erase_recipients", timedelta(hours=1), timedelta(days=2), HOURS)
_WHILE_OPEN = timedelta(days=7)


def erase_recipients(now: datetime) -> Outcome:
    """Erase the recipients of shops' sales whose orders, returns included, have been over for so long that nobody is shown them any more.

    What is still open is looked at again in a week. A run that is late or repeated goes on where the last one ended; after the first of an
    hour, those of the same hour cost one read.
    """
    if get_checkpoint(_ERASE.job) == iso(now - _ERASE.bucket)[:HOURS]:
        return Outcome(0, 0)

    def act(entry: str) -> bool:
        line = retained(entry)
        again = _needed_until(_orders_of(line.purchase), now)
        if again > now:
            look_again(line, iso(again))
            return False
        erase_retained(line)
        return True

    return go_round(_ERASE, now, list_retained, act)


def _orders_of(purchase: str) -> list[Order]:
    try:
        return get_purchase_with_orders(purchase)[1]
    except NotFound:  # the sale was cut off before it was placed
        return []


def _needed_until(orders: list[Order], now: datetime) -> datetime:
    """When to look next; a moment that has passed means that nobody needs the recipient."""
    moments = [recipient_until(order) for order in orders]
    return max((from_iso(moment) if moment else now + _WHILE_OPEN for moment in moments), default=now)
