"""Capturing: once every store has answered, or when the time to answer is over, the card is charged for what was accepted, once.

First the sum is claimed, so that nobody gives back what is being charged; then the provider is asked, who charges an intent once; then the
money is posted in the place of the pending transfer. Whoever comes after a cut, or an answer that nobody understood, looks how the intent stands
and takes up there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from msgspec.structs import replace

from mart_union.checkout import card_port
from mart_union.checkout.card_port import card_provider
from mart_union.checkout.model import CardPayment, Purchase
from mart_union.checkout.payers import CARDS
from mart_union.checkout.storing import Overtaken, add_changed_purchase, current_purchase, store_purchase
from mart_union.kernel.clock import iso
from mart_union.kernel.errors import Busy, Conflict, ProviderUnavailable, RuleViolation
from mart_union.kernel.retry import retried
from mart_union.kernel.storage import fetch_all
from mart_union.kernel.transaction import WriteTransaction
from mart_union.ledger.model import Transfer, postings_of
from mart_union.ledger.service import add_replacement, add_resolution, get_transfer
from mart_union.orders.clocks import with_clock
from mart_union.orders.draws import sales_of
from mart_union.orders.limits import add_given_back
from mart_union.orders.model import ENDED, Order
from mart_union.orders.procedures import is_answered
from mart_union.orders.refunds import units_of
from mart_union.orders.service import act_on_deadlines
from mart_union.orders.steps import apply_step
from mart_union.orders.storing import add_changed_order, order_ref
from mart_union.stock.keeping import add_movements
from mart_union.stock.model import put_back


def capture_purchase(purchase_id: str, now: datetime) -> bool:
    """Charge the card for what was accepted, if every store has answered or the time is over; says whether anything was done.

    Where nothing was accepted the authorization is voided; where the provider gave it up meanwhile, the orders are cancelled. Three reads,
    two transactions and one request to the provider, or two where that was asked before. Safe to repeat, and against itself at the same moment.

    Raises:
        NotFound: there is no such purchase.
        ProviderUnavailable: nobody knows whether the card was charged; repeat it.
        Busy: other changes kept winning; repeat it.
    """

    def step() -> bool:
        purchase = current_purchase(purchase_id)
        before = purchase.payment
        if before == "authorized":
            purchase = _claimed(purchase, now)
        if purchase.payment == "capturing":
            _charge(purchase, now, asked=before == "capturing")
            return True
        return purchase.payment != before

    return retried(step, on=Overtaken, what="this purchase")


def put_behind(purchase_id: str, until: datetime) -> None:
    """Let a purchase whose card could not be charged wait until a moment, so that others have their turn; one write. Whoever has changed it at
    the same moment has decided otherwise."""
    purchase = current_purchase(purchase_id)
    if purchase.payment == "capturing":
        with suppress(Overtaken):
            store_purchase(purchase, replace(purchase, expires_at=iso(until)))


def _claimed(purchase: Purchase, now: datetime) -> Purchase:
    """The purchase with its accepted sum claimed; voided where that is nothing; as it was where stores have still to answer."""
    orders = _orders_of(purchase)
    if not all(is_answered(order) for order in orders):
        if iso(now) < purchase.expires_at:
            return purchase
        for order in orders:
            act_on_deadlines(order.id, now)
        orders = _orders_of(purchase)
        if not all(is_answered(order) for order in orders):
            raise Busy("an order that nobody answered was not refused yet")
    accepted = sum(order.escrow_minor for order in orders)
    if not accepted:
        return void_authorized(purchase, orders, [], now)
    card = replace(_card(purchase), accepted_minor=accepted)
    after = replace(
        purchase, payment="capturing", card=card, expires_at=iso(now)
    )  # the sweeper comes back to it each minute
    transaction = WriteTransaction()
    add_changed_purchase(transaction, purchase, after)
    _add_orders(transaction, orders, "capturing", now)
    _commit(transaction)
    return after


def _charge(purchase: Purchase, now: datetime, *, asked: bool) -> None:
    """Post what the provider did; ask it, unless it was asked before and has done it."""
    card = _card(purchase)
    intent = card_provider().find(card.intent) if asked else None
    if intent is None or intent.state == card_port.AUTHORIZED:
        try:
            intent = card_provider().capture(card.intent, card.accepted_minor)
        except RuleViolation:
            intent = card_provider().find(card.intent)  # captured at the same moment, or given up
    if intent.state == card_port.CAPTURED and intent.captured_minor == card.accepted_minor:
        _post(purchase, now)
    elif intent.state in {card_port.RELEASED, card_port.DECLINED}:
        give_up(purchase, now)
    else:
        raise ProviderUnavailable(f"the provider has captured {intent.captured_minor} and is {intent.state}")


def _post(purchase: Purchase, now: datetime) -> None:
    orders, card = _orders_of(purchase), _card(purchase)
    pending = get_transfer(purchase.transfer)
    amounts = Counter({CARDS: -card.accepted_minor})
    for order in orders:
        held = sum(line.held_minor for line in order.lines)
        amounts.update({f"order/{order.id}": order.escrow_minor, f"store/{order.store}/held": held})
        amounts[f"store/{order.store}/deposit"] -= held
    payment = Transfer(
        id=f"card-{card.intent}",
        kind="payment",
        currency=purchase.currency,
        postings=postings_of(amounts),
        reference=f"purchase/{purchase.id}",
        at=iso(now),
    )
    paid = replace(card, captured_minor=card.accepted_minor)
    after = replace(purchase, payment="paid", card=paid, facts=purchase.facts | {"paid_by": payment.id}, expires_at="")
    transaction = WriteTransaction()
    add_changed_purchase(transaction, purchase, after)
    add_replacement(transaction, pending, payment, now)
    _add_orders(transaction, orders, "paid", now)
    _commit(transaction)


def give_up(purchase: Purchase, now: datetime) -> Purchase:
    """The provider has given up what it authorized: what was accepted cannot be paid any more, and is cancelled.

    Raises:
        Overtaken: the purchase or an order has changed; read it again.
    """
    orders = _orders_of(purchase)
    stepped = [(order, _cancelled(order, now)) for order in orders if order.state not in ENDED]
    return void_authorized(purchase, orders, stepped, now)


def _cancelled(order: Order, now: datetime) -> Order:
    open_order = replace(
        order, payment="authorized"
    )  # while it is being captured nothing is given back, but here nothing was
    stepped = apply_step(open_order, "cancel", role="system", actor="checkout", at=iso(now), key=f"unpaid-{order.id}")
    if stepped is open_order:
        raise Overtaken("the order is cancelled already")
    return stepped


def void_authorized(
    purchase: Purchase,
    orders: Sequence[Order],
    stepped: Sequence[tuple[Order, Order]],
    now: datetime,
    *,
    actor: str = "checkout",
    key: str = "",
) -> Purchase:
    """End a purchase whose card is not charged: its pending transfer, its orders (`stepped` are those that end with it, before and
    after), the stock of these, at once. The card is released when the end of the transfer is told.

    Raises:
        Overtaken: the purchase or an order has changed; read it again.
    """
    facts = purchase.facts | ({"ended_by": key} if key else {})
    after = replace(purchase, payment="voided", facts=facts, expires_at="")
    transaction = WriteTransaction()
    add_changed_purchase(transaction, purchase, after)
    add_resolution(transaction, get_transfer(purchase.transfer), "voided", now)
    units: Counter[str] = Counter()
    for before, ended in stepped:
        add_changed_order(transaction, before, replace(ended, payment="voided"))
        units.update(units_of(before, ended.history[-1].lines))
        add_given_back(transaction, before, ended.history[-1].lines)
    changed = {before.id for before, _ in stepped}
    _add_orders(transaction, [order for order in orders if order.id not in changed], "voided", now)
    reference = f"purchase/{purchase.id}"
    back = {level: put_back(units[level], actor, reference) for level in units}
    add_movements(transaction, back, now, sales_of(before for before, _ in stepped))
    _commit(transaction)
    return after


def _orders_of(purchase: Purchase) -> list[Order]:
    orders = fetch_all([order_ref(order) for order in purchase.orders], consistent=True)
    return [order for order in orders if order is not None]


def _add_orders(transaction: WriteTransaction, orders: Sequence[Order], payment: str, now: datetime) -> None:
    """The orders with how they are paid now; the time of lines that waited for it begins when the money is there."""
    for order in orders:
        facts = order.facts | ({"charged_at": iso(now)} if payment == "paid" else {})
        after = replace(order, payment=payment, facts=facts, sequence=order.sequence + 1)
        add_changed_order(transaction, order, with_clock(after, iso(now)))


def _commit(transaction: WriteTransaction) -> None:
    try:
        transaction.commit()
    except Conflict as error:
        raise Overtaken("the purchase or an order has changed meanwhile") from error


def _card(purchase: Purchase) -> CardPayment:
    if purchase.card is None:
        raise ValueError(f"purchase {purchase.id} is not paid by card")
    return purchase.card
