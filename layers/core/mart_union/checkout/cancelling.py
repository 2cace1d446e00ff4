"""Cancelling a whole purchase: stock back, money back, orders ended, in one write."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec import Struct

from mart_union.checkout.capturing import void_authorized
from mart_union.checkout.model import Purchase
from mart_union.checkout.paying import end_unpaid
from mart_union.checkout.service import get_purchase_with_orders
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Busy, NotFound, StepNotAllowed
from mart_union.kernel.ids import derived_id
from mart_union.kernel.retry import retried
from mart_union.kernel.transaction import Also, WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import add_payable, add_transfers
from mart_union.orders.draws import sales_of
from mart_union.orders.limits import add_given_back
from mart_union.orders.model import ENDED, ON_DELIVERY, Order
from mart_union.orders.procedures import allowed_steps
from mart_union.orders.refunds import refund_amounts, units_of
from mart_union.orders.service import get_orders
from mart_union.orders.steps import apply_step
from mart_union.orders.storing import add_changed_order
from mart_union.orders.whole_refunds import given_before, whole_refund
from mart_union.stock.keeping import SaleMoved, add_movements
from mart_union.stock.model import put_back

_GOING_ON = frozenset({"authorized", "paid", ON_DELIVERY})
_Step = tuple[Order, Order]  # before and after


class Cancelled(Struct, frozen=True):
    """A purchase that was cancelled, and its orders as that left them."""

    purchase: Purchase
    orders: list[Order]


def cancel_purchase(
    purchase_id: str, *, actor: str, role: str, key: str, now: datetime, also: Also | None = None
) -> Cancelled:
    """Cancel every order of a purchase, or none: what was paid goes back to where it came from, what was taken to its levels.
    What a card only authorized is released, what a deposit held for it goes back there. A shop's sale is cancelled by the shop (`shop/<id>`, as its customer), for its buyer; what `also` adds is written where orders that are under way are cancelled.

    Reads the purchase and its orders (half a unit each, one request for a purchase of one store), writes one transaction. The same key again changes nothing.

    Raises:
        NotFound: there is no such purchase, or it is another customer's; which of the two is not told.
        Busy: its card is being charged at this moment.
        StepNotAllowed: an order's procedure no longer allows it; cancel the others by themselves.
        Conflict: an order moved on at the same moment; look again.
    """
    return retried(lambda: _cancel(purchase_id, actor, role, key, now, also), on=SaleMoved, what="this purchase")


def _cancel(purchase_id: str, actor: str, role: str, key: str, now: datetime, also: Also | None) -> Cancelled:
    purchase, orders = get_purchase_with_orders(purchase_id)
    if role == "customer" and purchase.buyer != actor:
        raise NotFound(f"there is no purchase {purchase_id}")
    if purchase.payment == "pending":
        ended = end_unpaid(purchase, "voided", now, key=key)
        return Cancelled(ended, get_orders(ended.orders))
    if purchase.payment == "capturing":
        message = "the card is being charged at this moment: try again in a minute, and it is refunded"
        raise Busy(message, reason="charging")
    if purchase.payment not in _GOING_ON and purchase.facts.get("ended_by") != key:
        raise StepNotAllowed(f"the purchase has ended: {purchase.payment}", allowed=[])
    if purchase.payment not in _GOING_ON or _were_cancelled(orders, key):
        return Cancelled(purchase, orders)
    steps = _steps_of(orders, role, actor, key, now)
    if purchase.payment == "authorized":
        voided = void_authorized(purchase, orders, steps, now, actor=actor, key=key)
        return Cancelled(voided, get_orders(purchase.orders))
    return Cancelled(purchase, _cancel_orders(purchase, orders, steps, actor, now, also))


def _steps_of(orders: list[Order], role: str, actor: str, key: str, now: datetime) -> list[_Step]:
    steps = [(order, _cancelled(order, role, actor, key, now)) for order in orders if order.state not in ENDED]
    if not steps:
        raise StepNotAllowed("every order of the purchase has ended", allowed=[])
    return steps


def _cancel_orders(
    purchase: Purchase, orders: list[Order], steps: list[_Step], actor: str, now: datetime, also: Also | None
) -> list[Order]:
    transaction = WriteTransaction()
    _add_refund(transaction, purchase, steps, now)
    _add_stock(transaction, purchase, steps, actor, now)
    for before, after in steps:
        add_changed_order(transaction, before, after)
    if also is not None:
        also(transaction)
    transaction.commit()
    changed = {after.id: after for _, after in steps}
    return [changed.get(order.id, order) for order in orders]


def _were_cancelled(orders: list[Order], key: str) -> bool:
    """Whether this key has cancelled what was going on then; other orders may have ended before, such as by a refusal."""
    taken = (step.key for order in orders for step in order.history)
    return all(order.state in ENDED for order in orders) and key in taken


def _cancelled(order: Order, role: str, actor: str, key: str, now: datetime) -> Order:
    """The order with all that is still going on cancelled.

    Raises:
        StepNotAllowed: some of it is too far on.
    """
    after = apply_step(order, "cancel", role=role, actor=actor, at=iso(now), key=key)
    if after.state not in ENDED:
        message = f"part of order {order.id} is {after.state} and cannot be cancelled any more"
        raise StepNotAllowed(message, allowed=allowed_steps(order, role), state=order.state)
    return after


def _add_refund(transaction: WriteTransaction, purchase: Purchase, steps: list[_Step], now: datetime) -> None:
    """One transfer for all orders, but for those whose store gets back what it had given of its own: each of these has one, and a payable."""
    amounts: Counter[str] = Counter()
    refunds: list[Transfer] = []
    for before, after in steps:
        own = whole_refund(before, after, after.history[-1].lines, now)
        payable = None if own is None else given_before(before, after, own, now)
        if own is None or payable is None:
            amounts.update(refund_amounts(before, after.history[-1].lines))
        else:
            refunds.append(own)
            add_payable(transaction, payable)
    versions = derived_id(*(f"{after.id}:{after.sequence}" for _, after in steps))
    refund = Transfer(
        id=f"refund-{purchase.id}-{versions}",
        kind="refund",
        currency=purchase.currency,
        postings=postings_of(amounts),
        reference=f"purchase/{purchase.id}",
        at=iso(now),
        reverses=purchase.facts.get("paid_by", purchase.transfer),
    )
    add_transfers(transaction, [*refunds, *([refund] if refund.postings else [])])


def _add_stock(
    transaction: WriteTransaction, purchase: Purchase, steps: list[_Step], actor: str, now: datetime
) -> None:
    units: Counter[str] = Counter()
    for before, after in steps:
        units.update(units_of(before, after.history[-1].lines))
        add_given_back(transaction, before, after.history[-1].lines)
    reference = f"purchase/{purchase.id}"
    back = {level: put_back(units[level], actor, reference) for level in units}
    add_movements(transaction, back, now, sales_of(before for before, _ in steps))
