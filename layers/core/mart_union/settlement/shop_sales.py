"""Sales that a store's own shop collected, and that it takes back for its buyers: cancelled before they are sent, or returned.

The shop gives its buyer the money. What comes back here is the supply cost, to the deposit that secures it, by the rules that hold in the union.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mart_union.catalog.audit import add_audit
from mart_union.checkout.cancelling import cancel_purchase
from mart_union.checkout.sales import sale_id
from mart_union.checkout.service import get_purchase_with_orders
from mart_union.kernel.errors import Invalid, NotFound, RuleViolation
from mart_union.kernel.ids import input_hash
from mart_union.kernel.transaction import Also
from mart_union.orders.model import Order, ReturnedLine
from mart_union.orders.service import get_order_for, take_step
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
    try:
        return _cancel(_buyer(shop), sale_id(shop, sale), skus, now)
    except NotFound as error:
        raise _unknown(sale) from error


def cancel_by_hand(order: str, skus: Sequence[str], *, store: str, by: str, now: datetime) -> Order:
    """Cancel an order of a sale that a store's own shop has made, as the shop does, by a member of the store's staff, whom the store's audit trail names.
    What either has cancelled, the other finds so. One read more than `cancel_sale`.

    Raises:
        NotFound: the store has no such order.
        RuleViolation: no shop of the store's has sold it.
        Invalid, StepNotAllowed, Busy: as for `cancel_sale`.
    """
    sold = _sold(order, store)
    noted = _noted(sold, by, "shop's sale cancelled", now)
    cancelled = _cancel(sold.buyer, sold.purchase, skus, now, noted)
    return next(each for each in cancelled if each.id == sold.id)


def _cancel(buyer: str, purchase: str, skus: Sequence[str], now: datetime, also: Also | None = None) -> list[Order]:
    if not skus:
        whole = cancel_purchase(purchase, actor=buyer, role="customer", key="cancel-sale", now=now, also=also)
        return whole.orders
    key = f"cancel-{input_hash([sorted(skus)])}"
    return [
        take_step(order.id, "cancel", buyer, "customer", key, now, lines=numbers, also=also) if numbers else order
        for order, numbers in _named(get_purchase_with_orders(purchase)[1], skus)
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
    why = {"reason": reason, "note": note, "wants": wants}
    return _return(read_sale(shop, sale), _buyer(shop), units, why, key, now)


def return_by_hand(
    order: str,
    units: Mapping[str, int],
    *,
    store: str,
    by: str,
    reason: str,
    note: str = "",
    wants: str = "refund",
    key: str,
    now: datetime,
) -> Order:
    """Ask to give units of a sale that a store's own shop has made back, as the shop does, by a member of the store's staff, whom the store's audit trail names.
    The same key again changes nothing. Two reads and one write.

    Raises:
        NotFound: the store has no such order.
        RuleViolation: no shop of the store's has sold it, or as for `return_sale`.
        Invalid, KeyReused, Busy: as for `return_sale`.
    """
    sold = _sold(order, store)
    why = {"reason": reason, "note": note, "wants": wants}
    return _return([sold], sold.buyer, units, why, key, now, _noted(sold, by, "shop's sale given back", now))


def _return(
    orders: Sequence[Order],
    buyer: str,
    units: Mapping[str, int],
    why: Mapping[str, str],
    key: str,
    now: datetime,
    also: Also | None = None,
) -> Order:
    found = [(order, numbers) for order, numbers in _named(orders, list(units)) if numbers]
    if len(found) > 1:
        raise RuleViolation(
            "the lines are in different orders: ask for one return each", orders=[o.id for o, _ in found]
        )
    [(order, numbers)] = found
    lines = [ReturnedLine(line.number, units[line.sku]) for line in order.lines if line.number in numbers]
    return ask_return(order.id, lines, customer=buyer, **why, key=key, now=now, also=also)


def read_sale(shop: str, sale: str) -> list[Order]:
    """The orders of a sale that a shop has reported. One batch read.

    Raises:
        NotFound: it has reported no such sale.
    """
    try:
        return get_purchase_with_orders(sale_id(shop, sale))[1]
    except NotFound as error:
        raise _unknown(sale) from error


def _sold(order: str, store: str) -> Order:
    """An order of a store's that its own shop has sold.

    Raises:
        NotFound: the store has no such order.
        RuleViolation: it was sold in the union.
    """
    found = get_order_for(order, "store", f"store/{store}", consistent=True)
    if not found.is_seller_collected:
        raise RuleViolation(
            "this order was sold in the union: its customer cancels it, or gives goods back", order=order
        )
    return found


def _noted(order: Order, by: str, action: str, now: datetime) -> Also:
    return lambda transaction: add_audit(transaction, f"store/{order.store}", by, action, f"order/{order.id}", now)


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
