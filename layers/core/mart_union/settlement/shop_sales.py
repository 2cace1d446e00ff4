"""Sales that a store's own shop collected, and that it takes back for its buyers: cancelled before they are sent, or returned.

The shop gives its buyer the money. What comes back here is the supply cost, to the deposit that secures it, by the rules that hold in the union.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.sales import sale_id
from mart_union.checkout.service import get_purchase_with_orders
from mart_union.kernel.errors import Invalid, NotFound, RuleViolation
from mart_union.kernel.ids import input_hash
from mart_union.orders.model import Order, ReturnedLine
from mart_union.orders.service import take_step
from mart_union.settlement.refunding import ask_return


def cancel_sale(shop: str, sale: str, skus: Sequence[str], now: datetime) -> list[Order]:
    """Cancel all of a shop's sale, or none; or those of its lines that are named by their SKUs, order by order: stock goes back, and what the deposit
    held for them. The same again changes nothing. One batch read and one transaction; of single lines a read and a write an order.

    Raises:
        NotFound: the shop has reported no such sale.
        Invalid: the sale has no such line.
        StepNotAllowed: the procedure no longer allows it: its supplier has sent it, or it has ended otherwise.
        Busy: other changes kept winning.
    """
    buyer = _buyer(shop)
    if not skus:
        try:
            return cancel_purchase(sale_id(shop, sale), actor=buyer, role="customer", key="cancel-sale", now=now).orders
        except NotFound as error:
            raise _unknown(sale) from error
    key = f"cancel-{input_hash([sorted(skus)])}"
    return [
        take_step(order.id, "cancel", buyer, "customer", key, now, lines=numbers) if numbers else order
        for order, numbers in _named(read_sale(shop, sale), skus)
    ]


def return_sale(
    shop: str,
    sale: str,
    units: Mapping[str, int],
    *,
    reason: str,
    note: str = "",
    wants: str = "refund",
    key: str,
    now: datetime,
) -> Order:
    """Ask to give units of a shop's sale back, by their SKUs, for a reason of its procedure; the order with the return. Whoever takes them back decides. The same
    key again changes nothing. One batch read, one read and one write.

    Raises:
        NotFound: the shop has reported no such sale.
        Invalid: the sale has no such line, or as for `request_return`.
        RuleViolation: the lines are in different orders of the sale, or as for `request_return`.
        KeyReused: the key asked for another return of the order.
        Busy: other changes kept winning.
    """
    found = [(order, numbers) for order, numbers in _named(read_sale(shop, sale), list(units)) if numbers]
    if len(found) > 1:
        raise RuleViolation(
            "the lines are in different orders: ask for one return each", orders=[o.id for o, _ in found]
        )
    [(order, numbers)] = found
    lines = [ReturnedLine(line.number, units[line.sku]) for line in order.lines if line.number in numbers]
    facts = {"reason": reason, "note": note, "wants": wants}
    return ask_return(order.id, lines, customer=_buyer(shop), **facts, key=key, now=now)


def read_sale(shop: str, sale: str) -> list[Order]:
    """The orders of a sale that a shop has reported. One batch read.

    Raises:
        NotFound: it has reported no such sale.
    """
    try:
        return get_purchase_with_orders(sale_id(shop, sale))[1]
    except NotFound as error:
        raise _unknown(sale) from error


def _buyer(shop: str) -> str:
    """As whom a shop acts on its sales."""
    return f"shop/{shop}"


def _unknown(sale: str) -> NotFound:
    return NotFound(f"this shop has reported no sale {sale}", sale=sale)


def _named(orders: Sequence[Order], skus: Sequence[str]) -> list[tuple[Order, list[int]]]:
    """Each order of a sale with the numbers of those of its lines that are named."""
    unknown = sorted(set(skus) - {line.sku for order in orders for line in order.lines})
    if unknown or not skus:
        message = f"the sale has no line of {', '.join(unknown)}" if unknown else "name at least one line"
        raise Invalid(message, errors=[{"field": "lines", "reason": message}])
    return [(order, [line.number for line in order.lines if line.sku in skus]) for order in orders]
