"""Invariant 4: a purchase and its orders say the same: which they are, what they cost, how they are paid, where their lines stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mart_union.checkout.model import PAYMENTS, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.orders.model import ON_DELIVERY, Order
from mart_union.settlement.checks.model import UNION, Books
from mart_union.settlement.differences import Difference

_BEFORE_HAND_OVER = frozenset({"placed", "scheduled", "accepted", "ready", "refused", "cancelled"})
_STATES = {
    "pending": frozenset({"awaiting_payment"}),
    "expired": frozenset({"expired"}),
    "voided": frozenset({"refused", "cancelled"}),
    "authorized": _BEFORE_HAND_OVER,
    "capturing": _BEFORE_HAND_OVER,
    "paid": _BEFORE_HAND_OVER | {"shipped", "delivered", "completed"},
    ON_DELIVERY: _BEFORE_HAND_OVER | {"shipped"},
}
"""Where lines may stand while their purchase is paid so."""


def check_purchases(books: Books) -> Iterator[Difference]:
    """A purchase exists if and only if its orders exist, each in one purchase, and both say the same."""
    by_id = books.orders_by_id()
    listed: Counter[str] = Counter()
    for purchase in books.purchases:
        subject = f"purchase/{purchase.id}"
        listed.update(purchase.orders)
        orders = [by_id[order] for order in purchase.orders if order in by_id]
        missing = [order for order in purchase.orders if order not in by_id]
        if missing or not purchase.orders:
            yield Difference(4, subject, f"its orders {', '.join(missing)} are missing")
        else:
            yield from (Difference(4, subject, problem) for problem in _sum_problems(purchase, orders))
        if purchase.currency != books.currency:
            yield Difference(4, subject, f"it is in {purchase.currency}, the union's money is {books.currency}")
        if purchase.payment not in PAYMENTS or bool(purchase.customer) != (purchase.channel == UNION):
            yield Difference(4, subject, f"{purchase.payment} through {purchase.channel} by '{purchase.customer}'")
        for order in orders:
            yield from (Difference(4, f"order/{order.id}", problem) for problem in _order_problems(purchase, order))
    for order_id in sorted(by_id.keys() - listed.keys()):
        yield Difference(4, f"order/{order_id}", "it belongs to no purchase")
    for order_id, count in listed.items():
        if count > 1:
            yield Difference(4, f"order/{order_id}", f"{count} purchases name it")


def check_order_sums(books: Books) -> Iterator[Difference]:
    """An order's total is what its lines charge, a line's amount its price times its quantity."""
    for order in books.orders:
        subject = f"order/{order.id}"
        total = sum(line.charged_minor for line in order.lines)
        if order.total_minor != total or order.currency != books.currency:
            yield Difference(4, subject, f"it says {order.total_minor} {order.currency}, its lines {total}")
        numbers = [line.number for line in order.lines]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Difference(4, subject, f"its lines are {numbers}")
        for line in order.lines:
            if line.quantity < 1 or line.amount_minor != line.price_minor * line.quantity:
                detail = f"line {line.number}: {line.quantity} at {line.price_minor} are {line.amount_minor}"
                yield Difference(4, subject, detail)


def _sum_problems(purchase: Purchase, orders: list[Order]) -> Iterator[str]:
    lines = [line for order in orders for line in order.lines]
    said = (purchase.goods_minor, purchase.delivery_minor, purchase.tax_minor)
    found = tuple(sum(getattr(line, f"{part}_minor") for line in lines) for part in ("amount", "delivery", "tax"))
    if said != found:
        yield f"its goods, delivery and tax are {said}, of its orders' lines {found}"
    total = sum(order.total_minor for order in orders)
    if not purchase.total_minor == total == sum(said):
        yield f"it says {purchase.total_minor}, its parts {sum(said)}, its orders {total}"
    register = [(each.order, each.store, each.sku, each.quantity, each.amount_minor) for each in purchase.lines]
    ordered = [
        (order.id, order.store, line.sku, line.quantity, line.amount_minor) for order in orders for line in order.lines
    ]
    if register != ordered:
        yield f"the register has {register}, its orders have {ordered}"


def _order_problems(purchase: Purchase, order: Order) -> Iterator[str]:
    if (order.purchase, order.customer, order.channel) != (purchase.id, purchase.customer, purchase.channel):
        named = f"and named by {purchase.id} of '{purchase.buyer}'"
        yield f"it is of purchase {order.purchase} by '{order.buyer}', {named}"
    if order.payment != purchase.payment and (purchase.payment, order.payment) != (ON_DELIVERY, "paid"):
        yield f"it is {order.payment}, its purchase {purchase.payment}"
    allowed = _STATES.get(order.payment, frozenset())
    wrong = sorted({line.state for line in order.lines} - allowed)
    if wrong:
        yield f"it is {order.payment}, lines of it are {', '.join(wrong)}"
    payer = CARDS if _is_by_card(purchase) and not _is_paid_otherwise(purchase) else ""
    if order.payer != payer:
        yield f"'{order.payer}' is refunded, '{payer}' paid"


def _is_by_card(purchase: Purchase) -> bool:
    """Whether it was placed so, or its customer took a card while a bank transfer was awaited."""
    return purchase.method == "card" or (purchase.card is not None and purchase.card.authorized_minor > 0)


def _is_paid_otherwise(purchase: Purchase) -> bool:
    return purchase.payment == "paid" and not purchase.facts.get("paid_by", "").startswith("card-")
