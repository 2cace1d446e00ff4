"""How many units a customer has of an urgent sale with a limit: counted in the transaction of each purchase, so that it holds at any load.

What never came to stay is taken off again, in the transaction that gives it back: cancelled, refused, expired, voided, or left out of a delivery
before it left. A return is not: who returns a bargain has had it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mart_union.kernel.errors import Conflict, LimitReached
from mart_union.kernel.storage import Ref
from mart_union.kernel.transaction import Refusal, WriteTransaction, refuse
from mart_union.orders.model import Order, Refund
from mart_union.orders.refunds import BEFORE_LEAVING
from mart_union.orders.tables import BoughtItem, bought_key


def bought_ref(sale: str, customer: str) -> Ref[tuple[str, int]]:
    """A sale, and how many units the customer has of it; nothing stands there before the first."""
    return Ref(BoughtItem, *bought_key(sale, customer), lambda item: (sale, int(item.units)))


def add_bought(transaction: WriteTransaction, order: Order) -> None:
    """Add a new order's units of limited sales to its customer's counts. The commit raises LimitReached with what is left for this customer."""
    for line in order.lines:
        if line.sale_limit:
            most_before = line.sale_limit - line.quantity
            fits = BoughtItem.units <= most_before
            if most_before >= 0:
                fits |= BoughtItem.units.does_not_exist()
            item = BoughtItem(*bought_key(line.sale, order.customer))
            refusal = _beyond(line.sku, line.sale_limit)
            transaction.update(item, [BoughtItem.units.add(line.quantity)], condition=fits, refusal=refusal)


def limit_reached(sku: str, limit: int, bought: int) -> LimitReached:
    """The refusal of more than a customer may have, who has bought so many."""
    left = max(limit - bought, 0)
    return LimitReached(f"a customer may have {limit} of {sku}; left for you: {left}", sku=sku, left=left, limit=limit)


def _beyond(sku: str, limit: int) -> Refusal:
    def refusal(found: dict[str, Any]) -> LimitReached:
        return limit_reached(sku, limit, int(found.get("units") or 0))

    return refusal


def add_given_back(transaction: WriteTransaction, order: Order, lines: Collection[int]) -> None:
    """Take the units that lines still have off the customer's counts: they are given back whole."""
    _take_off(transaction, order, {line.number: line.left_units for line in order.lines if line.number in lines})


def add_left_out(transaction: WriteTransaction, order: Order, refund: Refund) -> None:
    """Take units that a refund leaves out of a delivery off the customer's counts; what had left before is a return."""
    there = {line.number for line in order.lines if line.state in BEFORE_LEAVING}
    _take_off(transaction, order, {part.number: part.units for part in refund.lines if part.number in there})


def _take_off(transaction: WriteTransaction, order: Order, units: Mapping[int, int]) -> None:
    for line in order.lines:
        back = units.get(line.number, 0)
        if line.sale_limit and back:
            item = BoughtItem(*bought_key(line.sale, order.customer))
            less = refuse(Conflict, f"the customer has fewer than {back} of this sale; read it again and repeat")
            transaction.update(item, [BoughtItem.units.add(-back)], condition=BoughtItem.units >= back, refusal=less)
